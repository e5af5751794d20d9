"""Executions told to the log, one line per event, on their way to the event log."""

import logging
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from ..application.ports import EventLog
from ..domain.audit import Denied, Switched
from ..domain.errors import VIOLATION
from ..domain.execution import (
    Event,
    Finished,
    Planned,
    Progressed,
    Requested,
    Started,
    Status,
    ToolOutput,
)

_LEVELS: Mapping[Status, int] = MappingProxyType(
    {
        Status.SUCCESS: logging.INFO,
        Status.CANCELLED: logging.INFO,
        Status.FAILED: logging.INFO,  # a host that is down is an answer, not a fault of ours
        Status.TIMEOUT: logging.WARNING,
        Status.REFUSED: logging.WARNING,
    }
)


class LoggedEvents:
    """Meets the port `EventLog`: logs each event and hands it on."""

    def __init__(self, inner: EventLog, logger: logging.Logger) -> None:
        self._inner = inner
        self._logger = logger

    def append(self, event: Event) -> None:
        """See the port."""
        self._inner.append(event)
        if not self._logger.isEnabledFor(logging.WARNING):
            return
        match event.what:
            case Requested() as asked:
                self._log(
                    logging.DEBUG,
                    "tool.request",
                    event,
                    tool=asked.tool,
                    target=asked.target,
                    extra_args=asked.extra_args,
                    caller=asked.caller,
                )
            case Planned(plan):
                self._log(
                    logging.DEBUG, "tool.plan", event, tool=plan.tool, command=" ".join(plan.argv)
                )
            case Started():
                self._log(logging.INFO, "tool.start", event, **self._asked(event.execution_id))
            case Progressed(percent):
                self._log(logging.DEBUG, "tool.progress", event, percent=round(percent, 1))
            case Finished(output):
                self._log_end(event, output)
            case Denied() as denied:
                self._log(logging.WARNING, "access.denied", event, **msgspec.structs.asdict(denied))
            case Switched() as switched:
                values = msgspec.structs.asdict(switched)
                self._log(logging.INFO, "tool.switched", event, **values)

    def events(self, execution_id: str) -> tuple[Event, ...]:
        """See the port."""
        return self._inner.events(execution_id)

    async def settle(self) -> None:
        """See the port."""
        await self._inner.settle()

    def _log_end(self, event: Event, output: ToolOutput) -> None:
        error = output.error
        values: dict[str, object] = {"tool": output.tool, "target": output.target}
        if error is not None:
            values |= {"error": error.error_type.value}
        if output.status is Status.REFUSED:
            rule = error.metadata.get("rule") if error else None
            values |= {"rule": rule or (error.error_type.value if error else "unknown")}
            if error is not None and error.metadata.get("offending"):
                values |= {"offending": error.metadata["offending"]}
        else:
            values |= {
                "status": output.status.value,
                "duration": output.duration_sec,
                "returncode": output.returncode,
            }
        name = "tool.refused" if output.status is Status.REFUSED else "tool.end"
        level = _LEVELS[output.status]
        if error is not None and error.metadata.get("rule") == VIOLATION:
            values |= {"rule": VIOLATION, "offending": error.metadata["offending"]}
            level = logging.ERROR  # a program that was taken over, or a hole in the policy
        self._log(level, name, event, **values)

    def _asked(self, execution_id: str) -> dict[str, object]:
        for event in self._inner.events(execution_id):
            if isinstance(event.what, Requested):
                return {"tool": event.what.tool, "target": event.what.target}
        return {}

    def _log(self, level: int, name: str, event: Event, **values: object) -> None:
        known = {key: value for key, value in values.items() if value is not None}
        if event.execution_id:
            known = {"execution_id": event.execution_id, **known}
        self._logger.log(level, name, extra={"fields": known})
