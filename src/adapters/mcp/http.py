"""MCP over Streamable HTTP: an ASGI application, for both eras, whatever serves it.

An HTTP application around it names the caller in `scope["state"]["caller"]` and owns credentials,
CORS and routes. Here are the bounds and checks that belong to the protocol, and the promise that
what a client asked for ends when the client leaves.
"""

import asyncio
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from typing import Any, NamedTuple

from ...application.refusals import STOPPING
from ...domain.access import Caller
from ...domain.errors import ToolError
from .exchange import Exchange, Gone, Receive, read_body
from .presence import KEY, Presence, while_client_stays
from .rejections import Headers, Send, reject, too_many_calls
from .sdk_http import HANDSHAKE_PROTOCOL_VERSIONS, AccessToken, AuthenticatedUser
from .server import Context, DiagnosticsServer
from .sessions import Sessions

Scope = MutableMapping[str, Any]

CLOSE_S = 1.0
_LISTEN = "subscriptions/listen"


class _Stream(NamedTuple):
    """A stream that stands open; it `listens` by a request that is to be answered in the end."""

    caller: Caller
    listens: bool


class NoCaller(Exception):
    """A request without a caller: the application in front did not say who it comes from."""


def caller_of(ctx: Context) -> Caller:
    """Who an MCP request over HTTP comes from; for DiagnosticsServer. Raises NoCaller."""
    return _caller(ctx.request.scope if ctx.request is not None else {})


class McpOverHttp:
    """Serves `server`; enter `run()` once, before the first request.

    `object_to` judges Host and Origin, as the application in front does, should that ever forget.
    An answer comes as JSON, or as an event stream where there is progress to tell; `json_response`
    is for clients that want no streams.
    """

    def __init__(
        self,
        server: DiagnosticsServer,
        *,
        object_to: Callable[[Scope], ToolError | None],
        max_sessions: int = 256,
        max_calls: int = 128,
        max_body_bytes: int = 64 * 1024,
        session_idle_s: float = 1800.0,
        json_response: bool = False,
    ) -> None:
        self._server = server
        self._object_to = object_to
        self._max_calls = max_calls
        self._max_body_bytes = max_body_bytes
        self._calls = 0
        self._streams: dict[Presence, _Stream] = {}
        self._stream_ended = asyncio.Event()
        self._closed = False
        server.middleware.append(while_client_stays)
        # Not by the SDK's lists of hosts and origins: they can't say "any address".
        self._sessions = Sessions(
            server,
            json_response=json_response,
            session_idle_timeout=session_idle_s,
            max_request_body_size=max_body_bytes,
            max_sessions=max_sessions,
        )

    def run(self) -> AbstractAsyncContextManager[None]:
        """What must be entered while requests are served; at its end every session is ended."""
        return self._sessions.run()

    async def close(self) -> None:
        """Start nothing more and end the streams; calls go on, for RunTool to wait for or to end."""
        self._closed = True
        self._server.close_subscriptions()  # they say so to their clients; a GET stream can't
        for presence, stream in tuple(self._streams.items()):
            if not stream.listens:
                presence.leave()
        deadline_s = asyncio.get_running_loop().time() + CLOSE_S
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline_s):
                while self._streams:
                    self._stream_ended.clear()
                    await self._stream_ended.wait()
        for presence in tuple(self._streams):
            presence.leave()

    def dismiss(self, unwanted: Callable[[Caller], bool]) -> None:
        """End the streams of callers who may have none any more; their next request is refused."""
        for presence, stream in tuple(self._streams.items()):
            if unwanted(stream.caller):
                presence.leave()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request. Raises NoCaller."""
        caller = _caller(scope)
        try:
            body = await self._admit(scope, receive)
        except Gone:
            return
        if isinstance(body, ToolError):
            await reject(body, send)
            return
        exchange = Exchange(body, receive, send)
        inner = {
            **scope,
            # Blanks around a value are none of it (RFC 9110, section 5.5); httptools keeps the last.
            "headers": [(name, value.strip(b" \t")) for name, value in scope["headers"]],
            "state": {**scope["state"], KEY: exchange.presence},
            # By this the SDK binds a session to who opened it.
            "user": AuthenticatedUser(AccessToken(token="", client_id=caller.name, scopes=[])),
        }
        with self._counted(scope, exchange.presence):
            await exchange.run(
                self._sessions.handle_request(inner, exchange.receive, exchange.send)
            )

    async def _admit(self, scope: Scope, receive: Receive) -> bytes | ToolError:
        """The body of a request that may be worked on, or why it may not. Raises Gone."""
        if (error := self._object_to(scope)) is not None:
            return error
        if self._closed:
            return STOPPING
        body: bytes | ToolError = b""
        if scope["method"] == "POST":
            body = await read_body(receive, self._max_body_bytes)
        if isinstance(body, bytes) and not _lasts(scope) and self._calls >= self._max_calls:
            return too_many_calls(self._max_calls)
        return body

    @contextmanager
    def _counted(self, scope: Scope, presence: Presence) -> Iterator[None]:
        """Streams that stand open are bounded by sessions and subscriptions, and are no calls."""
        lasts = _lasts(scope)
        if lasts:
            self._streams[presence] = _Stream(_caller(scope), scope["method"] == "POST")
        else:
            self._calls += 1
        try:
            yield
        finally:
            if lasts:
                del self._streams[presence]
                self._stream_ended.set()
            else:
                self._calls -= 1


def _caller(scope: Scope) -> Caller:
    caller = scope.get("state", {}).get("caller")
    if not isinstance(caller, Caller):
        raise NoCaller("an MCP request came without a Caller in its scope's state")
    return caller


def _lasts(scope: Scope) -> bool:
    """Whether the answer is a stream that ends when the client wants it to.

    The SDK refuses a request whose header names another method than its body.
    """
    if scope["method"] != "POST":
        return True
    version = _values(scope["headers"], b"mcp-protocol-version")
    modern = version and version[0] not in HANDSHAKE_PROTOCOL_VERSIONS
    return bool(modern) and _values(scope["headers"], b"mcp-method") == [_LISTEN]


def _values(headers: Headers, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in headers if key == name]
