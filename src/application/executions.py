"""Executions looked back at: the newest page by page, one whole, one cancelled."""

from typing import Any

import msgspec

from ..domain.access import LOCAL, Caller
from ..domain.errors import ToolError
from ..domain.execution import Event, Execution, IllegalTransition, Status, ToolOutput, fold
from .answers import rfc3339
from .ports import EventLog, History
from .run_tool import RunTool


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """An execution in a list. `status` may also be requested, waiting or running."""

    execution_id: str
    tool: str
    target: str
    caller: str
    status: Status
    requested_at: str
    command: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    percent: float | None = None
    returncode: int | None = None
    duration_sec: float | None = None
    started_at: str | None = None
    finished_at: str | None = None
    error: ToolError | None = None


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One event in the life of an execution."""

    event: str
    at: str


class Whole(Summary, frozen=True, kw_only=True):
    """One execution with all that is kept of it; the texts are empty until it has finished."""

    extra_args: str = ""
    stdout: str = ""
    stderr: str = ""
    truncated_stdout: bool = False
    truncated_stderr: bool = False
    stdout_bytes: int = 0
    stderr_bytes: int = 0
    result: dict[str, Any] | None = None
    events: tuple[Step, ...] = ()


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some executions, newest first; `next_cursor` asks for those before them, None at the end."""

    executions: tuple[Summary, ...]
    next_cursor: str | None = None


class BadCursor(Exception):
    """A cursor that no page has given."""


class Executions:
    """Looks back, for one caller at a time; a narrowed caller sees only what it asked itself."""

    def __init__(self, run_tool: RunTool, log: EventLog, history: History) -> None:
        self._run_tool = run_tool
        self._log = log
        self._history = history

    async def page(
        self, *, cursor: str | None = None, limit: int = 50, caller: Caller = LOCAL
    ) -> Page:
        """The newest executions, or those before `cursor`; raises BadCursor."""
        listed = await self._history.executions(
            before=None if cursor is None else _number(cursor),
            limit=limit + 1,
            caller=caller.name if caller.narrowed else None,
        )
        shown = listed[:limit]
        return Page(
            executions=tuple(summarize(one.execution) for one in shown),
            next_cursor=str(shown[-1].number) if len(listed) > limit else None,
        )

    def whole(self, execution_id: str, *, caller: Caller = LOCAL) -> Whole | None:
        """One execution, or None if it is unknown, forgotten or not for this caller."""
        events = self._log.events(execution_id)
        try:
            execution = fold(events)
        except IllegalTransition:  # its beginning is forgotten, or there is none
            return None
        return _whole(execution, events) if caller.may_see(execution.caller) else None

    async def cancel(self, execution_id: str, *, caller: Caller = LOCAL) -> Whole | None:
        """End an execution if it still runs, and tell how it stands; None as for `whole`."""
        if self._run_tool.cancel(execution_id, caller=caller):
            await self._run_tool.ended(execution_id)
        return self.whole(execution_id, caller=caller)


def summarize(execution: Execution) -> Summary:
    """An execution as lists and event streams show it."""
    return Summary(**_common(execution))


def _whole(execution: Execution, events: tuple[Event, ...]) -> Whole:
    said = {}
    if (output := execution.output) is not None:
        said = {name: getattr(output, name) for name in _TEXTS}
    return Whole(
        **_common(execution),
        **said,
        extra_args=execution.extra_args,
        events=tuple(
            Step(event=type(event.what).__name__.lower(), at=rfc3339(event.at_s))
            for event in events
        ),
    )


_TEXTS = (
    "stdout",
    "stderr",
    "truncated_stdout",
    "truncated_stderr",
    "stdout_bytes",
    "stderr_bytes",
    "result",
)


def _common(execution: Execution) -> dict[str, Any]:
    output: ToolOutput | None = execution.output
    plan = execution.plan
    return {
        "execution_id": execution.execution_id,
        "tool": execution.tool,
        "target": execution.target,
        "caller": execution.caller,
        "status": execution.status,
        "requested_at": rfc3339(execution.requested_at_s),
        "command": plan.argv if plan else (),
        "addresses": plan.addresses if plan else (),
        "percent": execution.percent if execution.status is Status.RUNNING else None,
        "returncode": output.returncode if output else None,
        "duration_sec": output.duration_sec if output else None,
        "started_at": output.started_at if output else None,
        "finished_at": output.finished_at if output else None,
        "error": output.error if output else None,
    }


def _number(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise BadCursor
    return int(cursor)
