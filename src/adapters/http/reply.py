"""The way out: what every answer has in common, the answers to HEAD, and gzip."""

import asyncio
import gzip
from collections.abc import Iterable

from .asgi import Message, Send

Headers = list[tuple[bytes, bytes]]

# A JSON answer is nothing that a browser should show, run, frame or keep.
_EVERY_ANSWER: Headers = [
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
]
_LEAST_BYTES = 1024  # below it the headers are as long as what is saved, and all fits one packet
_LONG_BYTES = 64 * 1024
_LEVEL = 5
_COMPRESSIBLE = (b"application/json", b"application/openmetrics-text", b"text/plain")


class Reply:
    """A `send` for one request. `status` is what was sent, 0 until then; `gone`: nobody reads it.

    Compressed is only what comes in one piece: never a stream. Nothing in these bodies is a secret,
    and none comes by a cookie: there is nothing for BREACH to guess.
    """

    def __init__(self, send: Send, *, head: bool, zipped: bool, streams: bool) -> None:
        self._send = send
        self._streams = streams
        self._head = head
        self._zipped = zipped
        self._start: Message | None = None
        self._headers: Headers = []
        self.status = 0
        self.complete = False
        self.gone = False

    def add(self, headers: Iterable[tuple[str, str]]) -> None:
        """Headers that this answer has, whatever it will be."""
        self._headers += [(name.lower().encode(), value.encode()) for name, value in headers]

    async def __call__(self, message: Message) -> None:
        """Pass a message on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            start: Message = {**message, "headers": self._dressed(message.get("headers", ()))}
            if self._streams:
                await self._send(start)  # the first event may be long in coming
            else:
                self._start = start
            return
        if message["type"] == "http.response.body":
            message = await self._body(message)
        if self._start is not None:
            start, self._start = self._start, None
            await self._send(start)
        await self._send(message)

    def _dressed(self, given: Iterable[tuple[bytes, bytes]]) -> Headers:
        headers = [*given, *self._headers]
        named = {name.lower() for name, _ in headers}
        return headers + [header for header in _EVERY_ANSWER if header[0] not in named]

    async def _body(self, message: Message) -> Message:
        more = message.get("more_body", False)
        self.complete = not more
        if self._head:
            return {"type": "http.response.body", "body": b"", "more_body": more}
        start, body = self._start, message.get("body", b"")
        if start is None or more or not _pays(start["headers"], body):
            return message
        start["headers"].append((b"vary", b"accept-encoding"))
        if not self._zipped:
            return message
        body = await _compress(body)
        start["headers"] = [
            *(header for header in start["headers"] if header[0].lower() != b"content-length"),
            (b"content-encoding", b"gzip"),
            (b"content-length", str(len(body)).encode()),
        ]
        return {**message, "body": body}


def takes_gzip(accept_encoding: str | None) -> bool:
    """Whether the client says that it reads gzip."""
    for part in (accept_encoding or "").lower().split(","):
        coding, _, weight = part.partition(";")
        if coding.strip() in ("gzip", "*"):
            return quality(weight) > 0
    return False


def quality(parameters: str) -> float:
    """The weight among a range's parameters, 0 to 1; one that can't be read is none (RFC 9110)."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                weight = float(value)
            except ValueError:
                return 0.0
            return min(max(weight, 0.0), 1.0) if weight == weight else 0.0  # "nan" is a float
    return 1.0


def _pays(headers: Headers, body: bytes) -> bool:
    if len(body) < _LEAST_BYTES:
        return False
    kinds = [value for name, value in headers if name.lower() == b"content-type"]
    coded = any(name.lower() == b"content-encoding" for name, _ in headers)
    return not coded and any(kind.startswith(_COMPRESSIBLE) for kind in kinds)


async def _compress(body: bytes) -> bytes:
    if len(body) < _LONG_BYTES:
        return gzip.compress(body, _LEVEL, mtime=0)
    return await asyncio.to_thread(gzip.compress, body, _LEVEL, mtime=0)  # ~20 ms for 1 MiB
