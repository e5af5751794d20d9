"""Record, metrics and traces of one start: those who see what happens, between RunTool and the log."""

import asyncio
import os
import threading

from ..adapters.event_log import RecentEvents
from ..adapters.log_events import LoggedEvents
from ..adapters.record.sqlite_record import SqliteRecord, open_record
from ..adapters.telemetry.telemetry import Telemetry, make_telemetry
from ..application.denials import Denials
from ..application.ports import Clock, EventLog, LogFailed
from ..domain import audit
from ..domain.execution import Event, Happening
from .container import Container, observe_by
from .logs import LOGGER, log_through
from .settings import Settings
from .settings_problems import ConfigError, Problem
from .version import VERSION

_DAY_S = 86_400
_MIB = 1024 * 1024
_LEAST_S = 0.2


class Observers:
    """Made before RunTool is, whose log and tracer these become. Raises ConfigError.

    `record` is in the state folder if `recorded`, else in memory.
    """

    def __init__(self, container: Container, *, recorded: bool) -> None:
        settings: Settings = container.loaded().settings
        self._clock: Clock = container.clock()
        self.record: SqliteRecord | RecentEvents = (
            _open(settings, self._clock) if recorded else container.recent()
        )
        self.telemetry: Telemetry = make_telemetry(
            os.environ,
            version=VERSION,
            tools=[tool.name for tool in container.found().tools],
            breaker_states=lambda: container.run_tool().breaker_states(),
            plugins=container.vetted().names,
        )
        # Outermost what counts, so that it counts all; the record and the log get the denials in sum.
        self.denials = Denials(LoggedEvents(self.record, LOGGER), self._clock)
        self.log: EventLog = self.telemetry.observe(self.denials)
        log_through(self.telemetry.log_filter)
        observe_by(container, log=self.log, tracer=self.telemetry.tracer)

    @property
    def failing(self) -> str | None:
        """Why the record can't be written at the moment, or None."""
        return self.record.failing if isinstance(self.record, SqliteRecord) else None

    def tell(self, what: Happening) -> None:
        """Put an event of the service on record."""
        self.log.append(Event(execution_id="", at_s=self._clock.wall_s(), what=what))

    async def close(self, reason: str, within_s: float) -> None:
        """Put the end on record, write what waits, send what is left; about `within_s` at the most."""
        until_s = self._clock.monotonic_s() + within_s
        # A collector that hangs must hold up neither the record nor the end of the process.
        sending = threading.Thread(target=self.telemetry.shutdown, daemon=True)
        sending.start()
        self.denials.flush()
        self.tell(audit.ServiceStopped(reason=reason))
        try:
            async with asyncio.timeout(within_s):
                await self.record.settle()
        except (LogFailed, TimeoutError) as failure:
            LOGGER.error("record.unwritten", extra={"fields": {"reason": str(failure)}})
        left_s = max(until_s - self._clock.monotonic_s(), _LEAST_S)
        if isinstance(self.record, SqliteRecord):
            self.record.close(left_s)
        sending.join(max(until_s - self._clock.monotonic_s(), _LEAST_S))


def _open(settings: Settings, clock: Clock) -> SqliteRecord:
    state = settings.state
    try:
        return open_record(
            state.dir,
            clock=clock,
            max_age_s=state.max_age_days * _DAY_S,
            max_bytes=state.max_mb * _MIB,
            logger=LOGGER,
        )
    except OSError as error:
        problem = Problem(state.dir, "state.dir", f"can't be used: {error}")
        raise ConfigError([problem]) from error
