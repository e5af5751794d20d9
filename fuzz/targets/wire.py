"""What clients send: MCP lines, HTTP headers and bodies, trace contexts."""

import re
from collections.abc import MutableMapping
from ipaddress import ip_address, ip_network
from typing import Any

import msgspec
from opentelemetry.trace import get_current_span

from netsonde.adapters.event_log import RecentEvents
from netsonde.adapters.http import frames
from netsonde.adapters.http.accept import preferred
from netsonde.adapters.http.access import Guard
from netsonde.adapters.http.bodies import TooLarge, read_body, read_object
from netsonde.adapters.http.endpoints import ENDPOINTS, Endpoint
from netsonde.adapters.http.hosts import Hosts
from netsonde.adapters.http.origins import Origins
from netsonde.adapters.http.peers import Peers
from netsonde.adapters.http.reply import quality
from netsonde.adapters.http.visit import Visit
from netsonde.adapters.mcp.frames import LineSplitter, Malformed, TooLong, read_message
from netsonde.adapters.memory import FakeClock
from netsonde.adapters.telemetry.carrier import extract
from netsonde.application.gate import Credential, Gate
from netsonde.application.rates import Rates
from netsonde.application.tokens import digest_of
from netsonde.domain.access import Caller, Scope
from netsonde.domain.bucket import Rate
from netsonde.domain.errors import ToolError

from .plain import assert_bounded

Headers = MutableMapping[str, Any]

_LONGEST_LINE = 256
_TOKEN = "0123456789abcdef"
_HOSTS = Hosts(("netsonde.example",))
_ORIGINS = Origins(("https://ops.example",))
_PEERS = Peers(("10.0.0.0/8", "fd00::/8"))
_PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
_HEADER_BYTES = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\xff]*\Z")


def mcp_line(data: bytes) -> None:
    """Lines of the stdio transport, in pieces as they come from a pipe."""
    size = 1 + (data[0] if data else 0) % 97
    splitter = LineSplitter(_LONGEST_LINE)
    lines: list[bytes | TooLong] = []
    for start in range(0, len(data), size):
        lines += splitter.feed(data[start : start + size])
    lines += splitter.rest()
    wanted = data.split(b"\n")
    wanted = wanted if wanted[-1] else wanted[:-1]
    assert len(lines) == len(wanted)
    for line, whole in zip(lines, wanted, strict=True):
        assert isinstance(line, TooLong) if len(whole) > _LONGEST_LINE else line == whole
        _message(line)
        if isinstance(line, TooLong):
            _message(whole)


def _message(line: bytes | TooLong) -> None:
    try:
        message = read_message(line)
    except Malformed as error:
        if error.answer is not None:
            assert len(error.answer.model_dump_json(by_alias=True)) < 1000 + 8 * _size(line)
        return
    assert message.jsonrpc == "2.0"


def _size(line: bytes | TooLong) -> int:
    return len(line) if isinstance(line, bytes) else 0


def http_headers(data: bytes) -> None:
    """Everything that is read from headers, for requests to two endpoints: `name: value` by line."""
    headers = []
    for line in data.split(b"\n")[:64]:
        name, colon, value = line.partition(b":")
        if colon and _HEADER_BYTES.match(value):
            headers.append((name.strip().lower(), value.strip()))
    for secure in (False, True):
        scope: Headers = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "scheme": "https" if secure else "http",
            "path": "/mcp",
            "headers": headers,
            "client": ("10.0.0.7", 4711),
        }
        _headers(scope, data)


def _headers(scope: Headers, data: bytes) -> None:
    peer = _PEERS.of(scope)
    assert str(ip_address(peer.address)) == peer.address
    objection = _HOSTS.object_to(scope)
    visit = Visit(scope, peer, None)
    if objection is None:
        assert not re.search(r'[\s"<>\\/@]', visit.own_address.partition("://")[2])
        origin = visit.origin
        if origin is not None:
            _check_origin(origin, visit)
    else:
        assert_bounded(objection, data)
    gate = _gate()
    for endpoint in _ENDPOINTS:
        admitted = Guard(gate).admit(visit, endpoint)
        if not isinstance(admitted, Caller):
            assert admitted.status_code in (401, 403, 429)
        elif endpoint.scope is not None:
            assert admitted.name == "ops"
            assert _TOKEN.encode() in data
    _ORIGINS.headers(visit.origin)
    for value in (visit.accept, visit.origin):
        assert preferred(value, ("application/json", "text/plain")) in (
            None,
            "application/json",
            "text/plain",
        )
        if value is not None:
            assert 0.0 <= quality(value) <= 1.0
    extract(visit.carrier)
    for _, value in scope["headers"]:
        found = frames.read_id(value.decode("latin-1"))
        assert found is None or 0 <= found.number < 10**18


def _check_origin(origin: str, visit: Visit) -> None:
    host = visit.own_address.partition("://")[2]
    error = _ORIGINS.object_to(origin, host, secure=visit.peer.secure)
    assert (error is None) == (
        origin.lower() == "https://ops.example"
        or (
            _same_site(origin.lower(), host)
            and not (visit.peer.secure and origin.lower().startswith("http:"))
        )
    ), (origin, host)


def _same_site(origin: str, host: str) -> bool:
    """Whether `origin` is this server's own, said anew: scheme, host and port are equal."""
    for scheme, port in (("http", "80"), ("https", "443")):
        if origin.startswith(f"{scheme}://"):
            rest = origin.removeprefix(f"{scheme}://")
            return _whole(rest, port) == _whole(host.lower(), port)
    return False


def _whole(authority: str, port: str) -> str:
    found = re.search(r".:[0-9]+\Z", authority, re.DOTALL)
    return authority if found else f"{authority}:{port}"


def http_body(data: bytes) -> None:
    """A body of JSON with its Content-Type and Content-Length, in pieces: two lines, then the body."""
    kind, _, rest = data.partition(b"\n")
    length, _, body = rest.partition(b"\n")
    scope: Headers = {"headers": [(b"content-length", length)] if length else []}
    pieces = [body[start : start + 100] for start in range(0, len(body), 100)] or [b""]
    messages = [
        {"type": "http.request", "body": piece, "more_body": place < len(pieces) - 1}
        for place, piece in enumerate(pieces)
    ]

    async def receive() -> Headers:
        return messages.pop(0)

    try:
        whole = _completed(read_body(scope, receive, 65536))
    except TooLarge:
        assert len(body) > 65536 or length.strip()
        return
    assert whole == body
    found = read_object(body, kind.decode("latin-1") or None)
    if isinstance(found, ToolError):
        assert_bounded(found, data)
    else:
        assert isinstance(found, dict)
        assert msgspec.json.decode(body) == found or b"nan" in body.lower()


def _completed(coroutine: Any) -> Any:
    """Run a coroutine that waits for nothing: without a loop, which would take most of the time."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waited")


def trace_context(data: bytes) -> None:
    """Traceparent, tracestate and baggage by line: what is malformed counts as not sent."""
    texts = data.decode("utf-8", "replace").split("\n")
    names = ("traceparent", "tracestate", "baggage")
    context = extract(dict(zip(names, texts, strict=False)))
    sent = get_current_span(context).get_span_context()
    if sent.is_valid:
        assert f"{sent.trace_id:032x}-{sent.span_id:016x}" in texts[0]


_ENDPOINTS: tuple[Endpoint, ...] = tuple(
    one for one in ENDPOINTS if (one.path, one.method) in {("/mcp", "POST"), ("/health", "GET")}
)


def _gate() -> Gate:
    clock = FakeClock()
    caller = Caller(name="ops", scopes=frozenset({Scope.EXECUTE}))
    return Gate(
        [Credential(digest=digest_of(_TOKEN), caller=caller)],
        guesses=Rates(Rate(tokens=5, per_s=1), clock),
        clock=clock,
        log=RecentEvents(),
    )
