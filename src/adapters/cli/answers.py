"""Answers of the use-cases for a person: what came of it, why not, and what to do next."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from ...application.answers import PlanAnswer
from ...domain.errors import ToolError
from ...domain.execution import Status, ToolOutput
from ...domain.words import split
from .reports import Part, tables
from .screen import plain

_STYLES = {Status.SUCCESS: "bold green", Status.REFUSED: "bold red"}


def output_parts(output: ToolOutput) -> Iterator[Part]:
    """An execution's answer."""
    if output.status is Status.REFUSED and output.error is not None:
        yield from refusal_parts("run", output.tool, output.error)
        return
    head = f"{output.tool} {output.target}: {output.status.value} after {output.duration_sec:g} s"
    yield plain(head, _STYLES.get(output.status, "bold yellow"))
    if output.command:
        yield plain(shlex.join(output.command), "dim")
    drawn = tables(output.result) if output.result else []
    yield from drawn
    if not drawn and output.stdout.strip():
        yield output.stdout.rstrip("\n")
    if output.result is not None:
        if output.result.get("partial"):
            yield plain("This report is not complete.", "yellow")
        for note in output.result.get("notes") or ():
            yield f"Note: {note}."
    for name, cut, total in (
        ("stdout", output.truncated_stdout, output.stdout_bytes),
        ("stderr", output.truncated_stderr, output.stderr_bytes),
    ):
        if cut:
            yield f"Note: {name} was cut; the program wrote {total} bytes."
    if output.error is not None:
        yield plain(output.error.message, "yellow")
        yield output.error.recovery_suggestion


def plan_parts(tool: str, answer: PlanAnswer) -> Iterator[Part]:
    """A verdict."""
    if answer.error is not None:
        yield from refusal_parts("plan", tool, answer.error)
        return
    yield plain("allowed", "bold green")
    yield shlex.join(answer.command)
    hosts = f"{answer.host_count} host{'s' if answer.host_count != 1 else ''}"
    yield f"{hosts}: {', '.join(answer.addresses) or 'the system resolver'}"
    yield f"at most {answer.timeout_sec:g} s"


def refusal_parts(command: str, tool: str, error: ToolError) -> Iterator[Part]:
    """Why something was not done, by which rule, and what would be."""
    yield plain(error.message, "bold red")
    if error.metadata.get("offending"):
        yield f"offending: {error.metadata['offending']}"
    yield error.recovery_suggestion
    if (wait := error.metadata.get("retry_after_sec")) is not None:
        yield f"Try again in {wait:g} s."
    suggestion = error.metadata.get("suggestion")
    if isinstance(suggestion, Mapping):
        yield "This would be allowed:"
        yield plain(f"  {suggested_command(command, tool, suggestion)}", "green")


def suggested_command(command: str, tool: str, suggestion: Mapping[str, Any]) -> str:
    """A suggestion as a command line for a shell."""
    words = split(suggestion["extra_args"]) or []
    extra = ["--", *(word.text for word in words)] if words else []
    return shlex.join(["netsonde", command, tool, suggestion["target"], *extra])
