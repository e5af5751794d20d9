"""Ports kept in memory: for tests, for authors of plug-ins, for dry runs. Nothing here is a mock."""

import asyncio
from collections.abc import Callable

import msgspec

from ..application.ports import Capture, Ended, HowEnded
from ..domain.plan import Limits, Plan


class Hangs(msgspec.Struct, frozen=True, kw_only=True):
    """A program that writes something and goes on until it is ended, or until `until` is set."""

    stdout: bytes = b""
    until: asyncio.Event | None = None
    then: Ended = Ended(how=HowEnded.EXITED, returncode=0)


class FakeRunner:
    """Runs nothing: a script says what each plan would have come to. Meets `ProcessRunner`.

    `plans` are those that were run, `running` is how many are at it now, `cancelled` how many were.
    """

    def __init__(self, script: Callable[[Plan], Ended | Hangs]) -> None:
        self._script = script
        self.plans: list[Plan] = []
        self.running = 0
        self.cancelled = 0

    async def run(self, plan: Plan, on_stdout: Callable[[bytes], None] | None = None) -> Ended:
        """Keeps to the plan's byte and time limits, as the real one does."""
        self.plans.append(plan)
        self.running += 1
        try:
            await asyncio.sleep(0)
            scripted = self._script(plan)
            if isinstance(scripted, Ended):
                return _within(plan.limits, scripted, on_stdout)
            return await _hang(scripted, plan.limits, on_stdout)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1


async def _hang(script: Hangs, limits: Limits, on_stdout: Callable[[bytes], None] | None) -> Ended:
    said = Capture(data=script.stdout, total_bytes=len(script.stdout))
    begun = _within(limits, Ended(how=HowEnded.TIMED_OUT, returncode=-15, stdout=said), on_stdout)
    try:
        async with asyncio.timeout(limits.timeout_s):
            await (script.until or asyncio.Event()).wait()
    except TimeoutError:
        return begun
    rest = _within(limits, script.then, None).stdout
    room = max(limits.max_stdout_bytes - len(begun.stdout.data), 0)
    if on_stdout and rest.data[:room]:
        on_stdout(rest.data[:room])
    both = Capture(
        data=begun.stdout.data + rest.data[:room],
        total_bytes=begun.stdout.total_bytes + rest.total_bytes,
    )
    return msgspec.structs.replace(_within(limits, script.then, None), stdout=both)


def _within(limits: Limits, ended: Ended, on_stdout: Callable[[bytes], None] | None) -> Ended:
    stdout = _cut(ended.stdout, limits.max_stdout_bytes)
    if on_stdout and stdout.data:
        on_stdout(stdout.data)
    return msgspec.structs.replace(
        ended,
        stdout=stdout,
        stderr=_cut(ended.stderr, limits.max_stderr_bytes),
        report=_cut(ended.report, limits.max_report_bytes),
    )


def _cut(capture: Capture, limit_bytes: int) -> Capture:
    total_bytes = max(capture.total_bytes, len(capture.data))
    return Capture(data=capture.data[:limit_bytes], total_bytes=total_bytes)
