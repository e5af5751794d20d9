"""What is reported of a check, whatever it said or did: foreign code made fit to be shown."""

from typing import Any

import msgspec

from ..domain.health import CheckResult, HealthStatus, Priority
from ..domain.text import clean

MAX_MESSAGE = 300
MAX_METADATA_BYTES = 4096


def sane(name: str, priority: Priority, said: object) -> CheckResult:
    """The result that a check gave, bounded, under the check's own name and priority.

    A status alone is a result too; anything else is unhealthy.
    """
    if isinstance(said, HealthStatus):
        said = CheckResult(name=name, status=said, priority=priority)
    if not isinstance(said, CheckResult) or not isinstance(said.status, HealthStatus):
        kind = type(said).__name__
        return _unhealthy(name, priority, "gave no CheckResult", {"detail": f"it gave a {kind}"})
    return CheckResult(
        name=name,
        status=said.status,
        priority=priority,
        message=text(said.message),
        fix=text(said.fix),
        metadata=bounded(said.metadata),
    )


def threw(name: str, priority: Priority, error: BaseException) -> CheckResult:
    """A check that raised. Only the kind is for everybody's eyes: the text may hold anything."""
    try:
        detail = text(str(error))
    except Exception:  # an exception's own __str__ is foreign code as well
        detail = ""
    return _unhealthy(name, priority, f"raised {type(error).__name__}", {"detail": detail})


def late(name: str, priority: Priority, timeout_s: float) -> CheckResult:
    """A check that was cancelled at its time limit."""
    result = _unhealthy(name, priority, f"took longer than {timeout_s:g} s")
    return msgspec.structs.replace(result, duration_sec=timeout_s)


def still_going(name: str, priority: Priority, since_s: float) -> CheckResult:
    """A check that was cancelled and has not ended."""
    result = _unhealthy(name, priority, f"began {since_s:.0f} s ago and does not end")
    return msgspec.structs.replace(result, duration_sec=round(since_s, 3))


def not_examined(name: str, priority: Priority) -> CheckResult:
    """A check that was never made."""
    return CheckResult(
        name=name, status=HealthStatus.DEGRADED, priority=priority, message="not examined yet"
    )


def stale(result: CheckResult, age_s: float) -> CheckResult:
    """A result that nothing has renewed for long: not better than degraded."""
    status = result.status
    return msgspec.structs.replace(
        result,
        status=HealthStatus.DEGRADED if status is HealthStatus.HEALTHY else status,
        message=text(f"last examined {age_s:.0f} s ago: {result.message}"),
        metadata={**result.metadata, "stale": True},
    )


def text(said: object) -> str:
    """A bounded line or two without control characters; empty for what is no text."""
    if not isinstance(said, str):
        return ""
    return clean(said[:MAX_MESSAGE].encode("utf-8", "replace"))


def bounded(metadata: object) -> dict[str, Any]:
    """Metadata as plain JSON, in place of objects that still live elsewhere; not more than 4 KiB."""
    try:
        encoded = msgspec.json.encode(metadata)
        if len(encoded) > MAX_METADATA_BYTES:
            return {"left_out": f"{len(encoded)} bytes, {MAX_METADATA_BYTES} are taken"}
        return msgspec.json.decode(encoded, type=dict[str, Any])
    except Exception as error:  # whatever the objects inside raise while they are written
        return {"left_out": f"can't be written as a JSON object: {type(error).__name__}"}


def _unhealthy(
    name: str, priority: Priority, message: str, metadata: dict[str, Any] | None = None
) -> CheckResult:
    return CheckResult(
        name=name,
        status=HealthStatus.UNHEALTHY,
        priority=priority,
        message=message,
        metadata=metadata or {},
    )
