"""One reader of the event stream: what waits for it, and how far it has come."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from enum import StrEnum

import msgspec

from ...domain.access import Caller
from .frames import HEARTBEAT, Frame, Kind, with_id

_PIECE_BYTES = 64 * 1024


class FeedLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of the event stream.

    `max_queued`, `max_queued_bytes`: what waits for one subscriber. When more would, it reads on
    from the record; but one that has not taken anything for `patience_s` is dropped then.
    `stall_s`: a subscriber that takes nothing for so long is dropped in any case.
    `max_replay`: how many events back a subscriber can resume.
    `max_per_caller`: 0 for all but a tenth of `max_subscribers`.
    """

    max_subscribers: int = 600
    max_per_caller: int = 0
    max_queued: int = 512
    max_queued_bytes: int = 512 * 1024
    patience_s: float = 5.0
    stall_s: float = 20.0
    max_replay: int = 10_000
    metrics_every_s: float = 5.0
    heartbeat_every_s: float = 15.0

    @property
    def of_one_caller(self) -> int:
        """The subscribers that one caller may have."""
        return self.max_per_caller or max(
            1, self.max_subscribers - (self.max_subscribers + 9) // 10
        )


class Ending(StrEnum):
    """Why a subscriber gets nothing more."""

    LEFT = "left"
    TOO_SLOW = "too_slow"
    STALLED = "stalled"
    ACCESS_CHANGED = "access_changed"
    RECORD_UNREAD = "record_unread"
    STOPPING = "stopping"


_CUT = frozenset({Ending.TOO_SLOW, Ending.STALLED})


class Subscriber:
    """Holds frames that it shares with others until they are sent. `stream` tells it from others.

    `number`: the last event of the record that it was sent, or that was not for it.
    `live`: it is offered what happens; else it reads the record.
    """

    def __init__(
        self,
        *,
        stream: str,
        caller: Caller,
        kinds: frozenset[Kind],
        number: int,
        limits: FeedLimits,
        now_s: Callable[[], float],
        abort: Callable[[], None],
    ) -> None:
        self.stream = stream
        self.caller = caller
        self.kinds = kinds
        self.number = number
        self.live = False
        self.ending: Ending | None = None
        self._limits = limits
        self._now_s = now_s
        self._abort = abort
        self._queue: deque[Frame] = deque()
        self._queued_bytes = 0
        self._heartbeat = False
        self._behind = False
        self._sending_since_s: float | None = None
        self._wake: asyncio.Future[None] | None = None

    def wants(self, frame: Frame) -> bool:
        """Whether the frame is of a kind that it asked for, and of what its caller may see."""
        return frame.kind in self.kinds and (
            frame.asked_by is None or self.caller.may_see(frame.asked_by)
        )

    def too_slow(self) -> Ending | None:
        """The reason to drop it, if there is one now."""
        taking_s = self._taking_for_s()
        if taking_s > self._limits.stall_s:
            return Ending.STALLED
        return Ending.TOO_SLOW if self._behind and taking_s > self._limits.patience_s else None

    def offer(self, frame: Frame) -> bool:
        """Put a frame in line; False if there is no room for it."""
        size = self._queued_bytes + len(frame.body)
        if len(self._queue) >= self._limits.max_queued or size > self._limits.max_queued_bytes:
            return False
        self._queue.append(frame)
        self._queued_bytes = size
        self._rouse()
        return True

    def beat(self) -> None:
        """Let it see that the connection is alive."""
        self._heartbeat = True
        self._rouse()

    def fall_behind(self) -> None:
        """Give up what is in line: it is read from the record instead."""
        self.live = False
        self._behind = True
        self._clear()
        self._rouse()

    def end(self, ending: Ending) -> None:
        """Nothing more for it; the first reason stands. One that does not read is cut off."""
        if self.ending is not None:
            return
        self.ending = ending
        self.live = False
        self._clear()
        self._rouse()
        if ending in _CUT:
            self._abort()

    def cut_off(self) -> None:
        """End the connection."""
        self._abort()

    async def sent(self, sending: Awaitable[None]) -> None:
        """Wait until the connection has taken what is sent to it."""
        self._sending_since_s = self._now_s()
        try:
            await sending
        finally:
            self._sending_since_s = None
        self._behind = False

    async def piece(self) -> bytes:
        """What is in line, as much as is sent at a time; b"" when there will be nothing more to take.

        That is when it has ended, or has fallen behind.
        """
        while self.live and not self._queue and not self._heartbeat:
            self._wake = asyncio.get_running_loop().create_future()
            try:
                await self._wake
            finally:
                self._wake = None
        if not self.live:
            return b""
        parts: list[bytes] = []
        size = 0
        while self._queue and size < _PIECE_BYTES:
            frame = self._queue.popleft()
            self._queued_bytes -= len(frame.body)
            if frame.kind is Kind.EXECUTION and frame.number <= self.number:
                continue  # it was in the record already
            part = self.render(frame)
            parts.append(part)
            size += len(part)
        self._heartbeat = False
        return b"".join(parts) or HEARTBEAT

    def render(self, frame: Frame) -> bytes:
        """The frame as this subscriber is sent it; its number never goes back."""
        self.number = max(self.number, frame.number)
        return with_id(self.number, self.stream, frame.body)

    def _taking_for_s(self) -> float:
        """For how long it has not taken what was sent."""
        since_s = self._sending_since_s
        return 0.0 if since_s is None else self._now_s() - since_s

    def _clear(self) -> None:
        self._queue.clear()
        self._queued_bytes = 0

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
