"""One client over a pair of descriptors: its messages in and out, bounded, and what is unanswered."""

import asyncio
import logging
from collections import deque
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import anyio

from .descriptors import LineReader, Writer
from .frames import Malformed, TooLong, read_message, refusal
from .sdk import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCRequest,
    JSONRPCResponse,
    RequestId,
    ServerMessageMetadata,
    SessionMessage,
)

MOST_UNANSWERED = 128
MOST_UNWRITTEN = 8
BUSY = -32010  # of the range that is left to implementations
LOOK_FOR_HANGUP_S = 0.25
# What lasts as long as a program or a client wants; all else is answered in a moment.
LASTING = frozenset({"tools/call", "subscriptions/listen"})
_log = logging.getLogger(__name__)


class Conversation:
    """`incoming` and `outgoing` are for `Server.run`; `listen` and `speak` move what is in them.

    A client that doesn't read is read from no further once a few answers wait to be written.
    """

    def __init__(self, reader: LineReader, writer: Writer) -> None:
        self._reader = reader
        self._writer = writer
        self._heard, self.incoming = anyio.create_memory_object_stream[SessionMessage | Exception](
            0
        )
        self.outgoing, self._said = anyio.create_memory_object_stream[SessionMessage](0)
        self._unanswered: dict[RequestId, str] = {}
        self._changed = asyncio.Event()
        self._muted: Collection[str] | None = None
        self.hung_up = asyncio.Event()

    async def listen(self) -> None:
        """Pass messages on until the client sends no more."""
        async for line in self._reader.lines():
            if isinstance(line, TooLong) or line.strip():
                with self._noticing_hangup():
                    await self._room()
                    await self._hear(line)

    async def speak(self) -> None:
        """Write what the server says. Raises OSError when the client doesn't read any more."""
        async for item in self._said:
            message = item.message
            if not self._is_muted(message):
                await self._writer.write(_encode(message))
            if isinstance(message, JSONRPCResponse | JSONRPCError) and message.id is not None:
                self._unanswered.pop(message.id, None)
            self._changed.set()

    def mute(self, methods: Collection[str]) -> None:
        """From now on write no notification and no answer to `methods`."""
        self._muted = methods

    async def settled(self, except_for: Collection[str] = ()) -> None:
        """Wait until every request but those of `except_for` is answered, or never will be."""
        while any(method not in except_for for method in self._unanswered.values()):
            self._changed.clear()
            await self._changed.wait()

    def close(self) -> None:
        """End both directions: the server sees the end of the stream, and whatever it says is dropped."""
        for stream in (self._heard, self._said):
            stream.close()

    def discard(self) -> None:
        """Close what the server has left open."""
        self.close()
        self.incoming.close()
        self.outgoing.close()

    async def _hear(self, line: bytes | TooLong) -> None:
        try:
            message = read_message(line)
        except Malformed as malformed:
            if malformed.answer is not None:
                await self.outgoing.send(SessionMessage(malformed.answer))
            return
        if not isinstance(message, JSONRPCRequest):
            await self._heard.send(SessionMessage(message))
        elif message.id in self._unanswered:
            busy = refusal(message.id, INVALID_REQUEST, "Invalid request: its id is in use")
            await self.outgoing.send(SessionMessage(busy))
        elif len(self._unanswered) >= MOST_UNANSWERED:
            busy = refusal(
                message.id, BUSY, f"{MOST_UNANSWERED} requests are unanswered; wait for some"
            )
            await self.outgoing.send(SessionMessage(busy))
        else:
            self._unanswered[message.id] = message.method
            await self._heard.send(SessionMessage(message, self._metadata(message.id)))

    def _metadata(self, request_id: RequestId) -> ServerMessageMetadata:
        async def forget() -> None:
            self._unanswered.pop(request_id, None)
            self._changed.set()

        return ServerMessageMetadata(on_request_unanswered=forget)

    async def _room(self) -> None:
        while self.outgoing.statistics().tasks_waiting_send > MOST_UNWRITTEN:
            self._changed.clear()
            await self._changed.wait()

    @contextmanager
    def _noticing_hangup(self) -> Iterator[None]:
        """A client that neither reads nor stays is noticed although its lines are not read further."""
        loop = asyncio.get_running_loop()

        def look() -> None:
            if self._reader.hung_up():
                self.hung_up.set()
            else:
                timers.append(loop.call_later(LOOK_FOR_HANGUP_S, look))

        timers = deque([loop.call_later(LOOK_FOR_HANGUP_S, look)], maxlen=1)
        try:
            yield
        finally:
            timers[0].cancel()

    def _is_muted(self, message: JSONRPCMessage) -> bool:
        if self._muted is None:
            return False
        if isinstance(message, JSONRPCResponse | JSONRPCError) and message.id is not None:
            return self._unanswered.get(message.id) in self._muted
        return True


def _encode(message: JSONRPCMessage) -> bytes:
    try:
        text = message.model_dump_json(by_alias=True, exclude_unset=True)
    except ValueError:  # such as half a surrogate pair in what a plug-in's parser made
        _log.exception("mcp_message_not_json")
        request_id = message.id if isinstance(message, JSONRPCResponse) else None
        text = refusal(request_id, INTERNAL_ERROR, "Internal error").model_dump_json(
            exclude_unset=True
        )
    return text.encode() + b"\n"
