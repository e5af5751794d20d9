"""One HTTP request and its answer: the body read within bounds, and an eye kept on the client.

How long a request takes to come, and an answer to go, is bounded by the server of the connections.
"""

import asyncio
from collections.abc import Awaitable, Callable

from ...domain.errors import ToolError
from .presence import Presence
from .rejections import Message, Send, in_place_of, reject, too_large

Receive = Callable[[], Awaitable[Message]]


class Gone(Exception):
    """The client left before its request was whole."""


async def read_body(receive: Receive, most_bytes: int) -> bytes | ToolError:
    """The whole body. Raises Gone."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        body += message.get("body", b"")
        if len(body) > most_bytes:
            return too_large(most_bytes)
        if not message.get("more_body", False):
            return bytes(body)


class Exchange:
    """Stands between the connection and the application, which gets `receive` and `send` from here.

    It goes on reading beside the application: only who reads learns that the client has left.
    """

    def __init__(self, body: bytes, receive: Receive, send: Send) -> None:
        self.presence = Presence()
        self._request: Message | None = {"type": "http.request", "body": body, "more_body": False}
        self._receive = receive
        self._send = send
        self._begun = self._whole = self._replaced = False

    async def run(self, application: Awaitable[None]) -> None:
        """Run the application to its end."""
        watching = asyncio.create_task(self._watch())
        try:
            await application
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        if self._begun and not self._whole:  # its stream was ended from here, not by it
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def receive(self) -> Message:
        """The body, and then nothing until the client is gone; any number may wait for that."""
        if (request := self._request) is not None:
            self._request = None
            return request
        await self.presence.ended()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Pass a message on, or a better one."""
        if self._replaced:
            return
        if message["type"] == "http.response.start":
            headers = message["headers"]
            kind = next((value for name, value in headers if name == b"content-type"), b"")
            if (error := in_place_of(message["status"], kind)) is not None:
                self._replaced = True
                allow = [(name, value) for name, value in headers if name == b"allow"]
                await reject(error, self._send, allow)
                return
            self._begun = True
        else:
            self._whole = not message.get("more_body", False)
        await self._send(message)

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not self._whole:  # after the answer it means nothing
            self.presence.leave()
