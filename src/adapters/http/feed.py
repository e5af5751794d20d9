"""The event stream: what happens is encoded once, and put in line for everybody who follows it."""

import asyncio
import itertools
from collections import Counter, deque
from collections.abc import Callable
from logging import Logger
from typing import Protocol

from ...application.health import HealthReport
from ...application.ports import Clock, History
from ...application.refusals import STOPPING
from ...domain.access import Caller
from ...domain.errors import ErrorType, ToolError
from ...domain.execution import Recorded
from .drops import Drops
from .frames import Dropped, Frame, Kind, encode
from .states import Events, States
from .subscriber import Ending, FeedLimits, Subscriber

_RECENT = 256
_LEAVE_S = 0.1


class HealthSource(Protocol):
    """Knows how well the service is."""

    def report(self) -> HealthReport:
        """The last round's findings."""
        ...

    def watch(self, tell: Callable[[HealthReport], None]) -> Callable[[], None]:
        """Call `tell` after each round; the result ends that."""
        ...


class Feed:
    """Serves subscribers until it is closed. `run_id` tells this process's streams from others'.

    `health_body` and `metrics` give what stands in the events `health` and `metrics`, ready for
    JSON. `lasting`: the record outlives the process, so that another process's ids mean something.
    """

    def __init__(
        self,
        *,
        history: History,
        log: Events,
        health: HealthSource,
        health_body: Callable[[HealthReport], object],
        metrics: Callable[[], object],
        clock: Clock,
        logger: Logger,
        run_id: str,
        limits: FeedLimits | None = None,
        lasting: bool = True,
    ) -> None:
        self.limits = FeedLimits() if limits is None else limits
        self.history = history
        self.log = log
        self._health = health
        self._health_body = health_body
        self._metrics = metrics
        self._clock = clock
        self._logger = logger
        self._run = f"{run_id}x"
        self._lasting = lasting
        self._subscribers: dict[str, Subscriber] = {}
        self._of_caller: Counter[str] = Counter()
        self.drops = Drops()
        self._numbers = itertools.count(1)
        self._states = States(log)
        self._recent: deque[Frame] = deque()
        self._recent_after = 0
        self._empty = asyncio.Event()
        self._stops: list[Callable[[], None]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False
        self.number = 0

    def __len__(self) -> int:
        return len(self._subscribers)

    # -- the stream as a whole

    def start(self) -> None:
        """Follow the record from now on; in the event loop that serves."""
        self.number = self._recent_after = self.history.last_number()
        limits = self.limits
        self._stops = [self.history.watch(self._on_record), self._health.watch(self._on_health)]
        self._tasks = [
            asyncio.ensure_future(self._every(limits.metrics_every_s, self._tell_metrics)),
            asyncio.ensure_future(self._every(limits.heartbeat_every_s, self._beat)),
            asyncio.ensure_future(
                self._every(min(limits.patience_s, limits.stall_s) / 4, self._drop_slow)
            ),
        ]

    async def close(self) -> None:
        """Tell every subscriber that the server stops, give it a moment to take that, and end it."""
        self._closed = True
        for stop in self._stops:
            stop()
        for task in self._tasks:
            task.cancel()
        for subscriber in tuple(self._subscribers.values()):
            subscriber.end(Ending.STOPPING)
        if self._subscribers:
            self._empty.clear()
            waiting = asyncio.ensure_future(self._empty.wait())
            await asyncio.wait((waiting,), timeout=_LEAVE_S)
            waiting.cancel()
        for subscriber in tuple(self._subscribers.values()):
            subscriber.cut_off()

    def dismiss(self, unwanted: Callable[[Caller], bool]) -> None:
        """End the streams of callers whose access was taken or changed."""
        for subscriber in tuple(self._subscribers.values()):
            if unwanted(subscriber.caller):
                subscriber.end(Ending.ACCESS_CHANGED)

    # -- single subscribers

    def subscribe(
        self, caller: Caller, kinds: frozenset[Kind], abort: Callable[[], None]
    ) -> Subscriber | ToolError:
        """A new subscriber, which has to leave in the end; `abort` cuts its connection off."""
        if self._closed:
            return STOPPING
        if len(self._subscribers) >= self.limits.max_subscribers:
            return _full("http.subscribers", "The server has as many event streams as it takes.")
        if self._of_caller[caller.name] >= self.limits.of_one_caller:
            message = "This caller has as many event streams as one may have."
            return _full("http.subscribers.caller", message)
        subscriber = Subscriber(
            stream=f"{self._run}{next(self._numbers)}",
            caller=caller,
            kinds=kinds,
            number=self.number,
            limits=self.limits,
            now_s=self._clock.monotonic_s,
            abort=abort,
        )
        self._subscribers[subscriber.stream] = subscriber
        self._of_caller[caller.name] += 1
        return subscriber

    def leave(self, subscriber: Subscriber) -> None:
        """It is gone."""
        subscriber.end(Ending.LEFT)
        if self._subscribers.pop(subscriber.stream, None) is not None:
            name = subscriber.caller.name
            self._of_caller[name] -= 1
            if not self._of_caller[name]:
                del self._of_caller[name]
        if not self._subscribers:
            self._empty.set()

    def knows(self, stream: str) -> bool:
        """Whether numbers that were sent on that stream mean something in this record."""
        return self._lasting or stream.startswith(self._run)

    def health(self) -> Frame:
        """How well the service is, as far as is known."""
        return self._frame(Kind.HEALTH, self._health_body(self._health.report()))

    def join_from_recent(self, subscriber: Subscriber) -> bool:
        """Go on after the subscriber's number without the record, if that is not long ago."""
        if subscriber.number < self._recent_after:
            return False
        subscriber.live = True
        for frame in self._recent:
            if subscriber.live and frame.number > subscriber.number and subscriber.wants(frame):
                self._offer(subscriber, frame)
        return subscriber.live

    # -- what happens

    def _on_record(self, recorded: Recorded) -> None:
        self.number = recorded.number
        if not self._subscribers:
            self._states.clear()
            self._recent.clear()
            self._recent_after = recorded.number
            return
        frame = self._states.frame(recorded)
        if frame is None:
            return
        self._recent.append(frame)
        if len(self._recent) > _RECENT:
            self._recent_after = self._recent.popleft().number
        self._tell(frame)

    def _on_health(self, report: HealthReport) -> None:
        if self._asked_for(Kind.HEALTH):
            self._tell(self._frame(Kind.HEALTH, self._health_body(report)))

    def _tell_metrics(self) -> None:
        if self._asked_for(Kind.METRICS):
            self._tell(self._frame(Kind.METRICS, self._metrics()))

    def _tell(self, frame: Frame) -> None:
        for subscriber in tuple(self._subscribers.values()):
            if subscriber.live and subscriber.wants(frame):
                self._offer(subscriber, frame)

    def _offer(self, subscriber: Subscriber, frame: Frame) -> None:
        if not subscriber.offer(frame):
            subscriber.fall_behind()

    def _beat(self) -> None:
        for subscriber in tuple(self._subscribers.values()):
            subscriber.beat()

    def _drop_slow(self) -> None:
        for subscriber in tuple(self._subscribers.values()):
            if subscriber.ending is None and (why := subscriber.too_slow()) is not None:
                self._drop(subscriber, why)

    def _drop(self, subscriber: Subscriber, ending: Ending) -> None:
        missed = max(0, self.number - subscriber.number)
        dropped = Dropped(reason=ending.value, missed=missed)
        self.drops.remember(subscriber.stream, subscriber.caller, dropped)
        fields = {"caller": subscriber.caller.name, "reason": ending.value}
        self._logger.warning("events.dropped", extra={"fields": fields})
        subscriber.end(ending)

    def _frame(self, kind: Kind, data: object) -> Frame:
        return Frame(number=self.number, kind=kind, body=encode(kind, data))

    def _asked_for(self, kind: Kind) -> bool:
        return any(kind in subscriber.kinds for subscriber in self._subscribers.values())

    async def _every(self, seconds: float, act: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                act()
            except Exception:  # a source's fault must not end the stream
                self._logger.exception("events.failed")


def _full(rule: str, message: str) -> ToolError:
    return ToolError(
        error_type=ErrorType.RESOURCE_EXHAUSTED,
        message=message,
        recovery_suggestion="Wait as long as metadata.retry_after_sec says; close streams that "
        "nobody reads. The operator sets server.max_subscribers.",
        metadata={"rule": rule, "retry_after_sec": 5},
    )
