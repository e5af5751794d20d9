"""What OpenTelemetry complains of, told once in a while: a collector that is away must not fill the log."""

import logging
import time
from collections.abc import Callable

SOURCE = "opentelemetry"
EVERY_S = 60.0


class Complaints(logging.Handler):
    """Takes the place of the library's own logging; tells of each of its modules once a minute.

    A flood can also come from callers: malformed trace state and baggage are complained of.
    """

    def __init__(self, logger: logging.Logger, now_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__(logging.WARNING)
        self._logger = logger
        self._now_s = now_s
        self._told_s: dict[str, float] = {}
        self._untold: dict[str, int] = {}
        self._quiet = False

    def install(self) -> None:
        """Begin."""
        source = logging.getLogger(SOURCE)
        source.addHandler(self)
        source.propagate = False

    def hush(self) -> None:
        """Say nothing more: the library complains of every part that is closed in mid export."""
        self._quiet = True

    def remove(self) -> None:
        """End."""
        source = logging.getLogger(SOURCE)
        source.removeHandler(self)
        source.propagate = True

    def emit(self, record: logging.LogRecord) -> None:
        """Told as `telemetry.trouble`; `untold` counts what was held back since the last time."""
        if self._quiet:
            return
        now_s, module = self._now_s(), record.name
        if now_s - self._told_s.get(module, -EVERY_S) < EVERY_S:
            self._untold[module] = self._untold.get(module, 0) + 1
            return
        self._told_s[module] = now_s
        fields = {"source": module, "said": record.getMessage()}
        if record.exc_info and record.exc_info[1] is not None:
            fields["exception"] = repr(record.exc_info[1])
        untold = self._untold.pop(module, 0)
        self._logger.warning(
            "telemetry.trouble",
            extra={"fields": {**fields, **({"untold": untold} if untold else {})}},
        )
