"""Health while the service runs: checks are made in the background, reports come from memory."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence

import msgspec

from ..domain.health import CheckResult, HealthStatus, Priority, roll_up
from .findings import late, not_examined, sane, stale, still_going, threw
from .loop_lag import LoopLag
from .ports import Check, Clock

STALE_ROUNDS = 3
_LEAVE_S = 1.0


class HealthReport(msgspec.Struct, frozen=True, kw_only=True):
    """The last word of every check, and what they come to."""

    status: HealthStatus
    checks: tuple[CheckResult, ...]

    @property
    def ready(self) -> bool:
        """Whether callers should be sent here: nothing critical is unhealthy."""
        return not any(
            check.priority is Priority.CRITICAL and check.status is HealthStatus.UNHEALTHY
            for check in self.checks
        )


class _Run(msgspec.Struct, kw_only=True, eq=False):
    """A check that is being made. `late`: it was given up, and what it still says is not heard."""

    name: str
    check: Check
    begun_s: float
    task: asyncio.Task[tuple[object, float]]
    late: bool = False


class _Kept(msgspec.Struct, frozen=True):
    result: CheckResult
    at_s: float


class HealthMonitor:
    """Makes every check once each `interval_s`, all at a time, each for `timeout_s` at the most.

    A check that takes longer is cancelled; until it has really ended it is not made again, so that
    one which ignores that costs one task, and holds no other up. Names must differ (ValueError).
    The lag of the event loop is a check of the monitor's own.
    """

    def __init__(
        self, checks: Sequence[Check], *, clock: Clock, interval_s: float, timeout_s: float
    ) -> None:
        self._clock = clock
        self._interval_s = interval_s
        self._timeout_s = timeout_s
        self._lag = LoopLag()
        self._checks: dict[str, Check] = {}
        self._running: dict[str, _Run] = {}
        self._kept: dict[str, _Kept] = {}
        self._watchers: dict[object, Callable[[HealthReport], None]] = {}
        self._examined = asyncio.Event()
        self._hurry = asyncio.Event()
        self.replace(checks)

    def replace(
        self,
        checks: Sequence[Check],
        *,
        interval_s: float | None = None,
        timeout_s: float | None = None,
    ) -> None:
        """Make other checks from now on, at once; until then their namesakes' results stand in."""
        named = {check.name: check for check in (self._lag, *checks)}
        if len(named) != len(checks) + 1:
            raise ValueError("two checks have one name")
        self._checks = named
        self._interval_s = self._interval_s if interval_s is None else interval_s
        self._timeout_s = self._timeout_s if timeout_s is None else timeout_s
        for run in self._running.values():
            if named.get(run.name) is not run.check:
                self._give_up(run)
        self._kept = {name: kept for name, kept in self._kept.items() if name in named}
        self._hurry.set()

    async def run(self) -> None:
        """Keep examining until cancelled; then the checks under way get a second to end."""
        measuring = asyncio.create_task(self._lag.measure())
        try:
            while True:
                begun_s = self._clock.monotonic_s()
                self._hurry.clear()
                await self.examine()
                rest_s = begun_s + self._interval_s - self._clock.monotonic_s()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(max(rest_s, 0.0)):
                        await self._hurry.wait()
        finally:
            measuring.cancel()
            for run in self._running.values():
                self._give_up(run)
            await asyncio.wait(
                (measuring, *(run.task for run in self._running.values())), timeout=_LEAVE_S
            )

    async def examine(self) -> None:
        """Make one round, and tell those who watch."""
        begun = []
        for name, check in tuple(self._checks.items()):
            if (run := self._running.get(name)) is None:
                begun.append(self._begin(name, check))
            else:
                since_s = self._clock.monotonic_s() - run.begun_s
                self._keep(still_going(name, check.priority, since_s))
        if begun:
            await asyncio.wait([run.task for run in begun], timeout=self._timeout_s)
        for run in begun:
            if not run.task.done() and not run.late:
                self._give_up(run)
                self._keep(late(run.name, run.check.priority, self._timeout_s))
        self._examined.set()
        self._tell(self.report())

    async def first(self) -> None:
        """Return once every check was made, or given up, for the first time."""
        await self._examined.wait()

    def report(self) -> HealthReport:
        """What is known now. A result that is older than three rounds is no longer a good one."""
        oldest_s = self._clock.monotonic_s() - STALE_ROUNDS * self._interval_s - self._timeout_s
        checks = tuple(
            not_examined(name, check.priority)
            if (kept := self._kept.get(name)) is None
            else kept.result
            if kept.at_s >= oldest_s
            else stale(kept.result, self._clock.monotonic_s() - kept.at_s)
            for name, check in self._checks.items()
        )
        return HealthReport(status=roll_up(checks), checks=checks)

    def watch(self, tell: Callable[[HealthReport], None]) -> Callable[[], None]:
        """Call `tell` after each round; the result ends that, and may be called again."""
        key = object()  # the same function may be given twice
        self._watchers[key] = tell

        def stop() -> None:
            self._watchers.pop(key, None)

        return stop

    def _tell(self, report: HealthReport) -> None:
        for tell in tuple(self._watchers.values()):
            try:
                tell(report)
            except Exception as error:  # a bug of one who watches must not end the examining
                context = {"message": "a watcher of the health failed", "exception": error}
                asyncio.get_running_loop().call_exception_handler(context)

    def _begin(self, name: str, check: Check) -> _Run:
        task = asyncio.create_task(self._make(check))
        run = _Run(name=name, check=check, begun_s=self._clock.monotonic_s(), task=task)
        self._running[name] = run
        # Before anybody waits for the task: callbacks are called in their order.
        task.add_done_callback(lambda _: self._end(run))
        return run

    async def _make(self, check: Check) -> tuple[object, float]:
        """What the check says, and in how many seconds."""
        begun_s = self._clock.monotonic_s()
        try:
            said: object = await check.check()
        except SystemExit as error:  # out of a task it would end the server
            raise RuntimeError(f"SystemExit: {error}") from error
        return said, self._clock.monotonic_s() - begun_s

    def _end(self, run: _Run) -> None:
        del self._running[run.name]
        task, priority = run.task, run.check.priority
        error: BaseException | None = None if task.cancelled() else task.exception()
        if run.late:
            return
        if task.cancelled():
            error = asyncio.CancelledError()
        if error is not None:
            took_s = self._clock.monotonic_s() - run.begun_s
            result = threw(run.name, priority, error)
        else:
            said, took_s = task.result()
            result = sane(run.name, priority, said)
        self._keep(msgspec.structs.replace(result, duration_sec=round(took_s, 6)))

    def _give_up(self, run: _Run) -> None:
        run.late = True
        run.task.cancel()

    def _keep(self, result: CheckResult) -> None:
        self._kept[result.name] = _Kept(result, self._clock.monotonic_s())
