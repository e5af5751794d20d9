"""Policy tests: requests in, verdicts out, and whether they were as expected."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import BinaryIO

import msgspec

from ...application.answers import PlanAnswer, answer_plan
from ...application.run_tool import RunTool
from ...domain.planning import judge, name_to_resolve
from ...domain.privileges import Privileges
from ...domain.refusal import Refused
from ...domain.request import read
from ...domain.terms import Resolved, Unresolved
from .. import wire
from .batch_line import MAX_BYTES, Line, Unreadable, read_line
from .screen import remark
from .start import LookUp

# The verdict is about the policy, and should be the same on an operator's laptop as in its CI.
_PRIVILEGES = Privileges(raw_sockets=True)


class Tally(msgspec.Struct):
    """What became of the lines."""

    allowed: int = 0
    refused: int = 0
    unexpected: int = 0
    unreadable: int = 0

    def exit_status(self) -> int:
        """The status of the whole."""
        if self.unreadable:
            return wire.USAGE
        return wire.FAILED if self.unexpected else wire.OK

    def __str__(self) -> str:
        judged = self.allowed + self.refused
        return (
            f"{judged} judged: {self.allowed} allowed, {self.refused} refused; "
            f"{self.unexpected} not as expected, {self.unreadable} unreadable"
        )


def judge_batch(source: BinaryIO, verdicts: BinaryIO, run_tool: RunTool, look_up: LookUp) -> int:
    """Judge each line of `source`, write a verdict for each; gives the exit status.

    Lines are told by their number on standard error: the unreadable, those not as expected.
    """
    judgement = _Judgement(run_tool, look_up)
    tally = Tally()
    encode = msgspec.json.encode
    for number, data in _lines(source):
        try:
            line = read_line(data)
            answer = judgement.answer(line)
        except Unreadable as problem:
            tally.unreadable += 1
            remark(f"line {number}: {problem}")
            answer = _malformed(str(problem))
        else:
            if answer.verdict == "allowed":
                tally.allowed += 1
            else:
                tally.refused += 1
            if line.verdict is not None and not _held(line, answer):
                tally.unexpected += 1
                remark(f"line {number}: wanted {_wanted(line)}, got {_got(answer)}")
        verdicts.write(encode(answer) + b"\n")
    verdicts.flush()
    remark(str(tally))
    return tally.exit_status()


def _lines(source: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The lines that say something, with their numbers; of a line too long only the beginning."""
    number = 0
    while data := source.readline(MAX_BYTES + 2):
        number += 1
        line = data
        while not data.endswith(b"\n") and (data := source.readline(MAX_BYTES)):
            pass  # the rest of a line too long is read, not kept
        line = line.removesuffix(b"\n").strip(b" \t\r") if len(line) <= MAX_BYTES + 1 else line
        if line and not line.startswith(b"#"):
            yield number, line


class _Judgement:
    """Judges lines, looking each name up once."""

    def __init__(self, run_tool: RunTool, look_up: LookUp) -> None:
        self._run_tool = run_tool
        self._find = run_tool.catalog.find
        self._look_up = look_up
        self._looked_up: dict[str, Resolved | Unresolved] = {}

    def answer(self, line: Line) -> PlanAnswer:
        """The verdict on a line; raises Unreadable if there is no such tool, unless that is expected."""
        entry = self._find(line.tool)
        if entry is None or not entry.enabled:
            answer = asyncio.run(self._run_tool.plan(line.tool, line.members))
            if entry is None and not (line.rule and _held(line, answer)):
                raise Unreadable(answer.error.message if answer.error else "there is no such tool")
            return answer
        request = read(line.members)
        if isinstance(request, Refused):
            return answer_plan(request)
        name = name_to_resolve(entry.tool, request, entry.terms)
        looked_up = self._resolve(name, line.dns) if name is not None else None
        return answer_plan(judge(entry.tool, request, entry.terms, _PRIVILEGES, looked_up))

    def _resolve(
        self, name: str, dns: Mapping[str, Resolved | Unresolved]
    ) -> Resolved | Unresolved:
        answer = dns.get(name) or self._looked_up.get(name)
        if answer is None:
            answer = self._looked_up[name] = self._look_up.look_up(name)
        return answer


def _malformed(reason: str) -> PlanAnswer:
    return answer_plan(
        Refused(
            rule="request.malformed",
            offending="",
            reason=reason.rstrip("."),
            recovery="Correct the line; each is one JSON object.",
        )
    )


def _held(line: Line, answer: PlanAnswer) -> bool:
    return answer.verdict == line.verdict and _rule(answer).startswith(line.rule or "")


def _rule(answer: PlanAnswer) -> str:
    return str(answer.error.metadata.get("rule", "")) if answer.error is not None else ""


def _wanted(line: Line) -> str:
    return f"{line.verdict} ({line.rule})" if line.rule else str(line.verdict)


def _got(answer: PlanAnswer) -> str:
    if answer.error is None:
        return f"allowed: {' '.join(answer.command)}"
    return f"refused ({_rule(answer) or answer.error.error_type.value}): {answer.error.message}"
