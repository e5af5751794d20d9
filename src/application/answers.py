"""The answers of the use-cases, in the shapes that every driver gives to its callers."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from ..domain.errors import ErrorType, ToolError
from ..domain.execution import Status, ToolOutput
from ..domain.plan import Plan
from ..domain.planning import Allowed, Verdict
from ..domain.text import clean
from .catalog import Entry
from .ports import Ended, HowEnded
from .refusals import unusable, violation


class PlanAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on a request, with nothing run (product contract, `/tools/{name}/plan`).

    `notes` are for people; they are not part of the contract's object.
    """

    verdict: str
    command: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    host_count: int = 0
    timeout_sec: float | None = None
    limits: dict[str, Any] = {}
    error: ToolError | None = None


def answer_plan(verdict: Verdict) -> PlanAnswer:
    """The answer for a judged request."""
    if not isinstance(verdict, Allowed):
        return PlanAnswer(verdict="refused", error=verdict.error())
    plan = verdict.plan
    return PlanAnswer(
        verdict="allowed",
        command=plan.argv,
        addresses=plan.addresses,
        host_count=plan.host_count,
        timeout_sec=plan.limits.timeout_s,
        limits=msgspec.to_builtins(plan.limits),
    )


def rfc3339(at_s: float) -> str:
    """A Unix time as RFC 3339, in UTC, with milliseconds."""
    return (
        datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


CANCELLED = ToolError(
    error_type=ErrorType.CANCELLED,
    message="Cancelled: the caller went away or asked for it.",
    recovery_suggestion="Call again if the answer is still wanted; what arrived is kept.",
)


def refusal(
    *,
    execution_id: str,
    tool: str,
    target: str,
    at_s: float,
    error: ToolError,
    plan: Plan | None = None,
) -> ToolOutput:
    """The answer of an execution that never started."""
    cancelled = error.error_type is ErrorType.CANCELLED
    return ToolOutput(
        execution_id=execution_id,
        tool=tool,
        target=target,
        status=Status.CANCELLED if cancelled else Status.REFUSED,
        command=plan.argv if plan else (),
        addresses=plan.addresses if plan else (),
        started_at=rfc3339(at_s),
        finished_at=rfc3339(at_s),
        error=error,
    )


def not_recorded(output: ToolOutput, error: ToolError) -> ToolOutput:
    """The answer of an execution whose end could not be put on record: never a success."""
    if output.status in (Status.REFUSED, Status.CANCELLED):
        return output
    return msgspec.structs.replace(output, status=Status.FAILED, error=output.error or error)


def report(
    *,
    execution_id: str,
    entry: Entry,
    plan: Plan,
    ended: Ended,
    started_s: float,
    duration_s: float,
) -> ToolOutput:
    """The answer of an execution whose program ran: what it said, and what that means."""
    complete = ended.how is HowEnded.EXITED and (ended.returncode or 0) >= 0
    cut = ended.stdout.truncated or ended.report.truncated
    result = entry.tool.parse(ended.stdout.data, ended.report.data, complete and not cut)
    if result is not None and plan.notes:
        result = {**result, "notes": list(plan.notes)}
    status, error = _outcome(entry, plan, ended)
    return ToolOutput(
        execution_id=execution_id,
        tool=entry.name,
        target=plan.target,
        status=status,
        command=plan.argv,
        addresses=plan.addresses,
        returncode=ended.returncode,
        stdout=clean(ended.stdout.data),
        stderr=clean(ended.stderr.data),
        truncated_stdout=ended.stdout.truncated,
        truncated_stderr=ended.stderr.truncated,
        stdout_bytes=ended.stdout.total_bytes,
        stderr_bytes=ended.stderr.total_bytes,
        duration_sec=round(duration_s, 3),
        started_at=rfc3339(started_s),
        finished_at=rfc3339(started_s + duration_s),
        result=result,
        error=error,
    )


def _outcome(entry: Entry, plan: Plan, ended: Ended) -> tuple[Status, ToolError | None]:
    program = entry.tool.command_name
    if ended.how is HowEnded.TIMED_OUT:
        return Status.TIMEOUT, ToolError(
            error_type=ErrorType.TIMEOUT,
            message=f"{program} did not finish within {plan.limits.timeout_s:g} s and was ended.",
            recovery_suggestion=(
                "Examine fewer hosts or ports, or give a longer timeout_sec; what arrived is kept."
            ),
            metadata={"timeout_sec": plan.limits.timeout_s},
        )
    if ended.how is HowEnded.CANCELLED:
        return Status.CANCELLED, CANCELLED
    if ended.how is HowEnded.VIOLATED:
        return Status.FAILED, violation(program, ended.reason)
    if ended.how is HowEnded.ALTERED:
        return Status.REFUSED, unusable(entry)
    if ended.how is HowEnded.NOT_STARTED:
        return Status.REFUSED, ToolError(
            error_type=ErrorType.EXECUTION_ERROR,
            message=f"{program} could not be started: {ended.reason}.",
            recovery_suggestion="Try again; if it stays, the operator runs `netsonde doctor`.",
        )
    if ended.returncode == 0:
        return Status.SUCCESS, None
    return Status.FAILED, _failure(program, ended)


def _failure(program: str, ended: Ended) -> ToolError:
    code = ended.returncode or 0
    if code < 0:
        limit = -code in _LIMIT_SIGNALS
        return ToolError(
            error_type=ErrorType.RESOURCE_EXHAUSTED if limit else ErrorType.EXECUTION_ERROR,
            message=f"{program} was ended by signal {-code}{', a limit' if limit else ''}.",
            recovery_suggestion=(
                "Ask for less at a time, or the operator raises tool.max_memory_mb."
                if limit
                else "Try again; if it stays, look at stderr and run `netsonde doctor`."
            ),
            metadata={"signal": -code},
        )
    said = _last_line(clean(ended.stderr.data).splitlines())
    return ToolError(
        error_type=ErrorType.EXECUTION_ERROR,
        message=f"{program} ended with status {code}{f': {said}' if said else ''}.",
        recovery_suggestion="Read stdout, stderr and result: they tell what the program found.",
        metadata={"returncode": code},
    )


_LIMIT_SIGNALS = frozenset({9, 24, 25})  # KILL (out of memory), XCPU, XFSZ: see signal(7)


def _last_line(lines: Iterable[str]) -> str:
    said = [re.sub(r"\s+", " ", line).strip() for line in lines]
    return next((line[:200].rstrip(".") for line in reversed(said) if line), "")
