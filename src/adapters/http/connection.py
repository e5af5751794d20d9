"""One HTTP/1.1 connection: uvicorn's protocol, with bounds on time and size and errors that say why."""

import asyncio
import socket
import struct
from typing import ClassVar

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from . import broken
from .broken import Refusal
from .crowd import Crowd

ABORT = "netsonde.abort"
"""The ASGI extension by which an application cuts its connection off: `{"abort": callable}`."""

_MOST_IN_LINE_BYTES = 64 * 1024  # of the body of a request that waits for the one before it
_BYTES_ACKED = 120  # where struct tcp_info has tcpi_bytes_acked (linux/tcp.h)
_TCP_INFO_BYTES = _BYTES_ACKED + 8
_TCP_INFO = getattr(socket, "TCP_INFO", None)


class _Refused(Exception):
    """Leaves the parser; what was wrong stands in the connection."""


class Connection(HttpToolsProtocol):
    """A connection of the crowd that a subclass names; see `connection_class`.

    Of llhttp's own strictness (both lengths, two lengths, folded headers, bare CR or LF) nothing is
    given up. An error in the middle of an answer to an earlier request cuts the connection off.
    """

    crowd: ClassVar[Crowd]

    _due_s: float | None  # when what is coming must have come, or the peer must have left
    _why: Refusal | None  # what the parser was left for
    _leaving: bool  # the last word was said
    _incomplete: bool  # a request is coming, and of it the head
    _in_head: bool
    _head_bytes: int
    _request_bytes: int
    _progress: tuple[int, float] | None  # what the peer had taken when it last took something
    _answering: RequestResponseCycle | None  # not uvicorn's `cycle`, which is the newest request

    # -- what the crowd sees

    @property
    def peer(self) -> str:
        """See the crowd."""
        return self.client[0] if self.client else ""

    def examine(self, now_s: float) -> None:
        """See the crowd."""
        if self._due_s is not None and now_s >= self._due_s:
            self._overdue()
        elif self._stalled(now_s):
            self.crowd.count("http.stalled")
            self.abort()

    def abort(self) -> None:
        """See the crowd."""
        self._due_s = None
        self.transport.abort()

    # -- what the transport calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """See asyncio."""
        super().connection_made(transport)
        self._why = None
        self._leaving = False
        self._incomplete = self._in_head = False
        self._head_bytes = 0
        self._request_bytes = 0
        self._progress = None
        self._answering = None
        self._due_s = self.loop.time() + self.crowd.limits.header_timeout_s
        if (refusal := self.crowd.admit(self)) is not None:
            self._refuse(refusal)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self.crowd.leave(self)
        self._due_s = None
        if (cycle := self._answering) is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        if self._leaving:
            return
        self._unset_keepalive_if_required()
        if self._due_s is None and self._idle():
            # Even line ends that begin no request are on the clock.
            self._due_s = self.loop.time() + self.crowd.limits.header_timeout_s
        self._request_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.cycle.keep_alive = False  # llhttp parses nothing more
        except httptools.HttpParserError:
            self._refuse(self._why or broken.MALFORMED)
        else:
            self._bound_what_came()
            self._read_on()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def _read_on(self) -> None:
        """With a request in line uvicorn stops reading, and would not hear that the client left."""
        if not self.pipeline or not self.flow.read_paused or self.transport.is_closing():
            return
        if len(self.cycle.body) > _MOST_IN_LINE_BYTES:
            self.crowd.count(broken.BODY.rule)
            self.abort()
        else:
            self.flow.resume_reading()

    # -- what the parser calls

    def on_message_begin(self) -> None:
        """See httptools."""
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: {"abort": self.abort}}
        self._incomplete = self._in_head = True
        self._head_bytes = 0
        if self._due_s is None:
            self._due_s = self.loop.time() + self.crowd.limits.header_timeout_s

    def on_url(self, url: bytes) -> None:
        """See httptools."""
        super().on_url(url)
        if len(self.url) > self.crowd.limits.max_line_bytes:
            self._object(broken.PATH)

    def on_header(self, name: bytes, value: bytes) -> None:
        """See httptools. Trailers are thrown away: uvicorn would take them for headers."""
        if not self._in_head:
            return
        super().on_header(name, value.rstrip(b" \t"))  # RFC 9112, 5.1; llhttp leaves them
        limits = self.crowd.limits
        self._head_bytes += len(name) + len(value)
        if (
            len(self.headers) > limits.max_headers
            or len(name) + len(value) > limits.max_line_bytes
            or self._head_bytes + len(self.url) > limits.max_head_bytes
        ):
            self._object(broken.HEADERS)

    def on_headers_complete(self) -> None:
        """See httptools."""
        if (objection := self._objection()) is not None:
            self._object(objection)
        super().on_headers_complete()
        self._in_head = False

    def on_message_complete(self) -> None:
        """See httptools."""
        super().on_message_complete()
        self._incomplete = False
        self._due_s = None
        self._request_bytes = 0

    # -- bounds

    def _objection(self) -> Refusal | None:
        """What llhttp lets through and this server does not."""
        version = self.parser.get_http_version()
        if version not in ("1.0", "1.1"):
            return broken.VERSION
        codings = [value.lower() for name, value in self.headers if name == b"transfer-encoding"]
        if codings and (version == "1.0" or codings != [b"chunked"]):
            return broken.MALFORMED
        if self.parser.should_upgrade() and (codings or _has_length(self.headers)):
            return broken.UPGRADE
        if len(self.pipeline) >= self.crowd.limits.max_pipelined:
            return broken.FULL
        return None

    def _object(self, refusal: Refusal) -> None:
        self._why = refusal
        raise _Refused

    def _bound_what_came(self) -> None:
        """The parser keeps a header that does not end, a trailer, a chunk extension: count bytes."""
        if self._in_head:
            if self._request_bytes > self.crowd.limits.max_head_bytes:
                self._refuse(broken.HEADERS)
        elif self._request_bytes > self.crowd.limits.max_request_bytes:
            self._refuse(broken.BODY)

    def _overdue(self) -> None:
        if self._leaving or self.transport.is_closing():
            self.abort()
        elif not self._incomplete:
            self._due_s = None
            self.transport.close()  # it has said nothing, so there is nothing to answer
        else:
            self._refuse(broken.SLOW)

    def _stalled(self, now_s: float) -> bool:
        """Whether bytes wait for a peer that has not taken any for `write_stall_s`."""
        waiting = self.transport.get_write_buffer_size()
        if not waiting:
            self._progress = None
            return False
        taken = self._taken(waiting)
        if self._progress is None or self._progress[0] != taken:
            self._progress = (taken, now_s)
        return now_s - self._progress[1] >= self.crowd.limits.write_stall_s

    def _taken(self, waiting: int) -> int:
        """A number that changes when the peer takes bytes."""
        if _TCP_INFO is None:
            return waiting
        try:
            info = self.transport.get_extra_info("socket").getsockopt(
                socket.IPPROTO_TCP, _TCP_INFO, _TCP_INFO_BYTES
            )
            return int(struct.unpack_from("=Q", info, _BYTES_ACKED)[0])
        except (OSError, struct.error):  # another system, or closed meanwhile
            return waiting

    # -- the last word

    def _idle(self) -> bool:
        """Whether nothing is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _refuse(self, refusal: Refusal) -> None:
        """Say why, take no more, and leave a moment for reading it: a close would reset that."""
        self.crowd.count(refusal.rule)
        cycle = self.cycle if self._incomplete and not self._in_head else None
        answered = cycle is not None and cycle.response_complete
        answering = not self._idle() if cycle is None else cycle.response_started and not answered
        if (
            self.transport.is_closing()
            or self.pipeline
            or answering
            or not self.crowd.may_linger(self)
        ):
            self.abort()
            return
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()
        self._leaving = True
        self._due_s = self.loop.time() + self.crowd.limits.linger_s
        self.flow.resume_reading()
        if not answered:
            self.transport.write(refusal.response())
        if self.transport.can_write_eof():
            self.transport.write_eof()


def connection_class(crowd: Crowd) -> type[asyncio.Protocol]:
    """The protocol of a server whose connections are of that crowd."""
    return type("ConnectionOfCrowd", (Connection,), {"crowd": crowd})


def _has_length(headers: list[tuple[bytes, bytes]]) -> bool:
    return any(name == b"content-length" and value.strip(b"0 ") for name, value in headers)
