"""The door: every request comes in here, is checked in a fixed order, told of, and let through."""

import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable

from ...domain.access import Caller
from ...domain.errors import ToolError
from .. import wire
from . import problems
from .accept import preferred
from .access import Guard
from .answers import Answer, refusal
from .asgi import ASGIApp, Message, Receive, Scope, Send, header
from .bodies import Gone, TooLarge, linger, read_body, replay
from .endpoints import Endpoint, Matched, Routes
from .provenance import Provenance
from .reply import Reply, takes_gzip
from .service import Service, WebSettings
from .visit import Visit

_log = logging.getLogger(__name__)


class Door:
    """An ASGI application around another one. Whoever is not let through is told why, in JSON.

    The order: host, origin, path, method, access, what the client accepts, body. What is refused
    costs no more than it must, and tells no more to a stranger than that there is such a path.
    """

    def __init__(
        self, inner: ASGIApp, service: Service, web: WebSettings, endpoints: Iterable[Endpoint]
    ) -> None:
        self._inner = inner
        self._service = service
        self._routes = Routes(endpoints)
        self._provenance = Provenance(web)
        self._origins = self._provenance.origins
        self._guard = Guard(service.gate)
        self._max_body_bytes = web.max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection's request, or the server's start and end."""
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
        elif scope["type"] == "http":
            await self._visited(scope, receive, send)
        else:  # there are no websockets here; closed before it is accepted, it is answered 403
            await send({"type": "websocket.close", "code": 1008})

    async def _visited(self, scope: Scope, receive: Receive, send: Send) -> None:
        started_s = self._service.clock.monotonic_s()
        scope = {**scope, "state": dict(scope.get("state") or {})}
        matched = self._routes.match(scope["path"])
        visit = Visit(scope, self._provenance.peers.of(scope), matched)
        reply = Reply(
            send,
            head=visit.method == "HEAD",
            zipped=takes_gzip(header(scope, b"accept-encoding")),
            streams=visit.endpoint is not None and visit.endpoint.streams,
        )
        reply.add(self._origins.headers(visit.origin))

        async def watched() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect" and not reply.complete:
                reply.gone = True
            return message

        with self._service.tracer.request(
            visit.action, visit.carrier, **{"http.request.method": visit.told_method,
            "http.route": visit.route, "client.address": visit.peer.address},
        ) as span:  # fmt: skip
            try:
                await self._contained(visit, watched, reply)
                span.set(**{"http.response.status_code": reply.status})
            finally:  # inside: the line is to name the trace
                self._tell(visit, reply, self._service.clock.monotonic_s() - started_s)

    async def _contained(self, visit: Visit, receive: Receive, reply: Reply) -> None:
        try:
            turned = await self._admit(visit, receive, reply)
            if turned is not None:
                await _send(turned, reply)
        except Gone:
            reply.gone = True
        except Exception:
            number = secrets.token_hex(4)
            _log.exception("http_failed incident=%s action=%s", number, visit.action)
            if not reply.status:
                await _send(refusal(problems.incident(number)), reply)
            elif not reply.complete:
                raise  # half an answer: the server must cut the connection, or it looks whole

    async def _admit(self, visit: Visit, receive: Receive, reply: Reply) -> Answer | None:
        """Let it through, and give None; or give the answer that it gets instead."""
        if (error := self._provenance.object_to(visit.scope)) is not None:
            self._record(visit, error)
            return refusal(error)
        if (matched := visit.matched) is None:
            return refusal(problems.unknown_path(visit.scope["path"]))
        allow = {"Allow": ", ".join(matched.methods)}
        if visit.method == "OPTIONS":
            return self._options(visit, matched, reply, allow)
        if (endpoint := visit.endpoint) is None:
            error = problems.wrong_method(visit.method, matched.methods)
            return refusal(error, headers=allow)
        caller = self._guard.admit(visit, endpoint)
        if not isinstance(caller, Caller):
            return caller
        if not endpoint.streams and preferred(visit.accept, endpoint.produces) is None:
            return refusal(problems.not_acceptable(endpoint.produces))
        try:
            body = await read_body(visit.scope, receive, self._max_body_bytes)
        except TooLarge:
            error = problems.too_large(self._max_body_bytes)
            turned = refusal(error, headers={"Connection": "close"})
            await _send(turned, reply, before_end=lambda: linger(visit.scope, receive))
            return None
        # It may have been long in coming: whoever lost its token meanwhile must not get a stream.
        if endpoint.scope is not None and not self._service.gate.knows(caller):
            caller = self._guard.admit(visit, endpoint)
            if not isinstance(caller, Caller):
                return caller
        visit.scope["state"].update(caller=caller, own_address=visit.own_address)
        scope = {**visit.scope, "method": endpoint.method}
        await self._inner(scope, replay(body, receive), reply)
        return None

    def _options(
        self, visit: Visit, matched: Matched, reply: Reply, allow: dict[str, str]
    ) -> Answer:
        if self._origins.shares_with(visit.origin):
            reply.add(self._origins.preflight_headers(matched.methods))
        return Answer(b"", status_code=wire.NO_CONTENT, headers=allow)

    def _record(self, visit: Visit, error: ToolError) -> None:
        self._service.gate.deny(
            "", error.metadata["rule"], address=visit.peer.address, action=visit.action
        )

    def _tell(self, visit: Visit, reply: Reply, duration_s: float) -> None:
        fields: dict[str, object] = {
            "method": visit.told_method,
            "route": visit.route,
            "status": reply.status,
            "duration": round(duration_s, 4),
            "caller": visit.caller,
            "address": visit.peer.address,
        }
        if reply.gone:
            fields["gone"] = True
        _log.info("http.request", extra={"fields": fields})


async def _send(
    turned: Answer, reply: Reply, before_end: Callable[[], Awaitable[None]] | None = None
) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in turned.headers.items()]
    if turned.media_type is not None:
        headers += [
            (b"content-type", turned.media_type.encode()),
            (b"content-length", str(len(turned.content)).encode()),
        ]
    await reply({"type": "http.response.start", "status": turned.status_code, "headers": headers})
    body = {"type": "http.response.body", "body": turned.content}
    if before_end is not None:
        await reply({**body, "more_body": True})
        await before_end()
        body["body"] = b""
    await reply(body)
