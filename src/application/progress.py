"""Progress of a running program: what it says of itself, or how much of its time is used."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

import msgspec

from ..domain.plan import Plan
from ..domain.text import clean
from ..domain.tool import Tool
from .ports import Clock

EVERY_S = 1.0
_LONGEST_LINE = 4096


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """`percent` never goes down. `said` tells a program's own word from the passing of time."""

    percent: float
    elapsed_s: float
    message: str
    said: bool


class Ticker:
    """Tells progress at once when the program speaks of it, and every second otherwise."""

    def __init__(
        self, tool: Tool, plan: Plan, clock: Clock, tell: Callable[[Progress], None]
    ) -> None:
        self._tool = tool
        self._plan = plan
        self._clock = clock
        self._tell = tell
        self._since_s = clock.monotonic_s()
        self._percent = 0.0
        self._ever_said = False
        self._line = b""
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self._wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def feed(self, piece: bytes) -> None:
        """Take a piece of standard output."""
        *lines, rest = (self._line + piece).split(b"\n")
        self._line = rest[-_LONGEST_LINE:]
        said = [self._tool.progress(clean(line[-_LONGEST_LINE:]), self._plan) for line in lines]
        percents = [percent for percent in said if percent is not None]
        if percents:
            self._ever_said = True
            self._emit(percents[-1], said=True)

    def _tick(self) -> None:
        used = 100 * self._elapsed_s() / self._plan.limits.timeout_s
        self._emit(self._percent if self._ever_said else min(used, 99.0), said=False)
        self._wait()

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(EVERY_S, self._tick)

    def _emit(self, percent: float, *, said: bool) -> None:
        self._percent = max(self._percent, min(percent, 100.0))
        elapsed_s = self._elapsed_s()
        self._tell(
            Progress(
                percent=self._percent,
                elapsed_s=elapsed_s,
                message=f"{self._tool.name} {self._plan.target}: {elapsed_s:.0f} s",
                said=said,
            )
        )

    def _elapsed_s(self) -> float:
        return self._clock.monotonic_s() - self._since_s
