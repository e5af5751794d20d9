"""Executions that a killed server left open: they ended with it, and the record should say so."""

from collections.abc import Iterable, Iterator

from ...application.answers import refusal
from ...domain.errors import ErrorType, ToolError
from ...domain.execution import Event, Execution, Finished

LEFT = ToolError(
    error_type=ErrorType.CANCELLED,
    message="Cancelled: the server was ended before the execution was.",
    recovery_suggestion="Call again if the answer is still wanted.",
    metadata={"rule": "service.killed"},
)


def ends(orphans: Iterable[Execution], now_s: float) -> Iterator[Event]:
    """Their ends, put down now: nobody knows when it was."""
    for orphan in orphans:
        output = refusal(
            execution_id=orphan.execution_id,
            tool=orphan.tool,
            target=orphan.target,
            at_s=now_s,
            error=LEFT,
            plan=orphan.plan,
        )
        yield Event(execution_id=orphan.execution_id, at_s=now_s, what=Finished(output))
