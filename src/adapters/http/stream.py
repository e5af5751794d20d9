"""What one subscriber is sent, from first to last: what it missed, then what happens."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from ...application.ports import LogFailed
from .feed import Feed
from .frames import Dropped, EventId, Kind, Reset, Stopping, encode, with_id
from .states import States
from .subscriber import Ending, Subscriber

_PAGE = 200
_RETRY_MS = 3000
_COME_BACK_S = 10.0
_LOOK = "GET /executions tells what happened before."


class Streams:
    """Makes the streams of one feed; not more than `readers` of them read the record at a time."""

    def __init__(self, feed: Feed, *, readers: int = 4) -> None:
        self._feed = feed
        self._reading = asyncio.Semaphore(readers)

    async def pieces(
        self, subscriber: Subscriber, resume: EventId | None
    ) -> AsyncGenerator[bytes, None]:
        """What to send, a piece at a time; each is to be taken before the next is asked for.

        Where execution events are not asked for there is nothing to resume.
        """
        yield b"retry: %d\n\n" % _RETRY_MS
        try:
            async with aclosing(self._events(subscriber, resume)) as events:
                async for piece in events:
                    yield piece
        except LogFailed:
            subscriber.end(Ending.RECORD_UNREAD)
        if (farewell := _farewell(subscriber.ending)) is not None:
            yield _aside(subscriber, *farewell)

    async def _events(
        self, subscriber: Subscriber, resume: EventId | None
    ) -> AsyncGenerator[bytes, None]:
        if resume is not None:
            if (dropped := self._feed.drops.take(resume.stream, subscriber.caller)) is not None:
                yield _aside(subscriber, "dropped", dropped)
            if Kind.EXECUTION in subscriber.kinds:
                reason = await self._place(subscriber, resume)
                if reason is not None:
                    after = f"{subscriber.number}-{subscriber.stream}"
                    reset = Reset(reason=reason, last_event_id=after, recovery=_LOOK)
                    yield _aside(subscriber, "reset", reset)
        if Kind.HEALTH in subscriber.kinds:
            health = self._feed.health()
            yield with_id(subscriber.number, subscriber.stream, health.body)
        while subscriber.ending is None:
            if not self._feed.join_from_recent(subscriber):
                async with aclosing(self._missed(subscriber)) as missed:
                    async for piece in missed:
                        yield piece
            while piece := await subscriber.piece():
                yield piece

    async def _place(self, subscriber: Subscriber, resume: EventId) -> str | None:
        """Put the subscriber where it left off; the reason if that can't be done whole."""
        feed, limits = self._feed, self._feed.limits
        newest = max(feed.number, feed.history.last_number())
        if resume.stream and not feed.knows(resume.stream):
            return "restarted"
        if resume.number > newest:
            return "unknown"
        if newest - resume.number > limits.max_replay:
            subscriber.number = newest - limits.max_replay
            return "too_many"
        subscriber.number = resume.number
        oldest = await feed.history.since(0, limit=1)
        if oldest and oldest[0].number > resume.number + 1:
            return "forgotten"
        return None

    async def _missed(self, subscriber: Subscriber) -> AsyncGenerator[bytes, None]:
        """Events of the record that the subscriber was not sent, until it is live.

        It is offered what happens before the last page is read, so that nothing falls in between;
        what comes both ways is told apart by its number.
        """
        states = States(self._feed.log)
        up_to: int | None = None
        while subscriber.ending is None and (up_to is None or subscriber.live):
            async with self._reading:
                page = await self._feed.history.since(subscriber.number, limit=_PAGE)
            frames = [
                frame
                for recorded in page
                if (frame := states.frame(recorded)) is not None and subscriber.wants(frame)
            ]
            piece = b"".join(subscriber.render(frame) for frame in frames)
            if page:
                subscriber.number = max(subscriber.number, page[-1].number)
            if piece:
                yield piece
            if up_to is not None and (not page or subscriber.number >= up_to):
                return
            if up_to is None and len(page) < _PAGE and subscriber.ending is None:
                subscriber.live = True
                up_to = self._feed.number


def _aside(subscriber: Subscriber, event: str, data: Dropped | Reset | Stopping) -> bytes:
    """An event for this subscriber alone; it moves nothing on."""
    return with_id(subscriber.number, subscriber.stream, encode(event, data))


def _farewell(ending: Ending | None) -> tuple[str, Dropped | Stopping] | None:
    """What is said last to a subscriber that still reads."""
    match ending:
        case Ending.STOPPING:
            return "stopping", Stopping(reason="the server stops", retry_after_sec=_COME_BACK_S)
        case Ending.ACCESS_CHANGED | Ending.RECORD_UNREAD:
            return "dropped", Dropped(reason=ending.value)
    return None
