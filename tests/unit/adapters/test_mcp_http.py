"""MCP over HTTP without any network: an ASGI application, its bounds, its clients that leave."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any

import pytest

from netsonde.adapters.mcp.http import McpOverHttp, NoCaller, caller_of
from netsonde.adapters.mcp.server import DiagnosticsServer
from netsonde.adapters.memory import Hangs, KeptSpans
from netsonde.domain.access import Caller
from netsonde.domain.errors import ErrorType, ToolError
from netsonde.domain.execution import Status
from tests.contract.mcp_raw_client import ENVELOPE, HANDSHAKE, MODERN, Json
from tests.unit.application.world import World, run

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CALL: Json = {"name": "PingTool", "arguments": {"target": "10.0.0.1"}}
HELLO: Json = {
    "protocolVersion": HANDSHAKE,
    "capabilities": {},
    "clientInfo": {"name": "unit", "version": "0"},
}
both_eras = pytest.mark.parametrize("era", [HANDSHAKE, MODERN])
both_modes = pytest.mark.parametrize("json_response", [False, True])


class Exchange:
    """One HTTP request on its way through an ASGI application; its client can leave."""

    def __init__(self, application: Any, scope: Any, body: bytes, pieces: int = 1) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = b""
        self.complete = False
        self._begun = asyncio.Event()
        self._gone = asyncio.Event()
        step = max(len(body) // pieces, 1)
        self._pieces = [body[at : at + step] for at in range(0, len(body), step)] or [b""]
        self.task = asyncio.ensure_future(application(scope, self._receive, self._send))

    async def _receive(self) -> Json:
        if self._pieces:
            piece = self._pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(self._pieces)}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        await asyncio.sleep(0)
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
        else:
            self.body += message.get("body", b"")
            self.complete = not message.get("more_body", False)
        self._begun.set()

    async def begun(self) -> "Exchange":
        """Wait for the head of the answer."""
        async with asyncio.timeout(5):
            await self._begun.wait()
        return self

    async def ended(self) -> "Exchange":
        """Wait for the end."""
        async with asyncio.timeout(5):
            await self.task
        return self

    def leave(self) -> None:
        """The client goes away."""
        self._gone.set()

    def messages(self) -> list[Json]:
        """The messages in the body, which is JSON or an event stream."""
        if self.headers.get(b"content-type", b"").startswith(b"application/json"):
            return [json.loads(self.body)]
        lines = self.body.replace(b"\r\n", b"\n").split(b"\n")
        return [json.loads(line[5:]) for line in lines if line.startswith(b"data:")]

    def refusal(self) -> tuple[int, str, str]:
        """Status, error type and rule of an error for everybody."""
        error = json.loads(self.body)["error"]
        return self.status, error["error_type"], error["metadata"]["rule"]


class Service:
    """An McpOverHttp over fakes."""

    def __init__(self, world: World, **options: Any) -> None:
        self.world = world
        self.spans = KeptSpans()
        self.server = DiagnosticsServer(
            world.run_tool, version="0", caller=caller_of, tracer=self.spans
        )
        self.mcp = McpOverHttp(self.server, **{"object_to": lambda _: None, **options})
        self.caller: Caller | None = Caller(name="unit")
        self.session = b""
        self._last_id = 0

    def send(
        self,
        method: str,
        message: Json | None = None,
        more: Mapping[str, bytes] = MappingProxyType({}),
        *,
        pieces: int = 1,
    ) -> Exchange:
        """Begin a request of either era."""
        headers = {
            b"host": b"here",
            b"accept": b"application/json, text/event-stream",
            **{name.encode(): value for name, value in more.items()},
        }
        body = b""
        if message is not None:
            body = json.dumps(message).encode()
            headers.setdefault(b"content-type", b"application/json")
        if self.session:
            headers[b"mcp-session-id"] = self.session
        scope = {
            "type": "http",
            "method": method,
            "path": "/mcp",
            "query_string": b"",
            "headers": list(headers.items()),
            "state": {} if self.caller is None else {"caller": self.caller},
        }
        return Exchange(self.mcp, scope, body, pieces)

    def ask(self, era: str, method: str, params: Json | None = None, **meta: Any) -> Exchange:
        """Begin an MCP request."""
        self._last_id += 1
        modern = era == MODERN
        meta = {**(ENVELOPE if modern else {}), **meta}
        params = {**(params or {}), **({"_meta": meta} if meta else {})}
        frame = {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params}
        more = {"mcp-protocol-version": era.encode()} if modern or self.session else {}
        if modern:
            more["mcp-method"] = method.encode()
            if "name" in params:
                more["mcp-name"] = params["name"].encode()
        return self.send("POST", frame, more)

    async def result(self, era: str, method: str, params: Json | None = None, **meta: Any) -> Json:
        """The result of an MCP request."""
        (*_, last) = (await self.ask(era, method, params, **meta).ended()).messages()
        found: Json = last["result"]
        return found

    async def open(self, era: str) -> None:
        """Shake hands, in the era that does."""
        if era == HANDSHAKE:
            opened = await self.ask(era, "initialize", HELLO).ended()
            self.session = opened.headers[b"mcp-session-id"]
            ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
            assert (await self.send("POST", ready).ended()).status == 202


@asynccontextmanager
async def service(
    script: Callable[[Any], Any] | None = None, era: str = MODERN, **options: Any
) -> AsyncIterator[Service]:
    """A service whose client has shaken hands."""
    one = Service(World(script) if script else World(), **options)
    async with one.mcp.run():
        await one.open(era)
        yield one


@both_eras
@both_modes
def test_a_program_ends_when_the_client_that_asked_for_it_leaves(
    era: str, json_response: bool
) -> None:
    async def test() -> None:
        async with service(lambda _: Hangs(), era, json_response=json_response) as one:
            call = one.ask(era, "tools/call", CALL)
            await one.world.running(1)
            call.leave()
            await one.world.running(0)
            await call.ended()
            assert one.world.runner.cancelled == 1
            assert one.world.execution(1).status is Status.CANCELLED

    run(test())


@both_eras
def test_a_program_goes_on_when_another_client_leaves(era: str) -> None:
    async def test() -> None:
        until = asyncio.Event()
        async with service(lambda _: Hangs(until=until), era) as one:
            stays, leaves = (one.ask(era, "tools/call", CALL) for _ in range(2))
            await one.world.running(2)
            leaves.leave()
            await one.world.running(1)
            until.set()
            (*_, last) = (await stays.ended()).messages()
            assert last["result"]["structuredContent"]["status"] == "success"

    run(test())


def test_the_end_of_a_session_ends_its_programs() -> None:
    async def test() -> None:
        async with service(lambda _: Hangs(), HANDSHAKE) as one:
            call = one.ask(HANDSHAKE, "tools/call", CALL)
            await one.world.running(1)
            assert (await one.send("DELETE").ended()).status == 200
            await one.world.running(0)
            await call.ended()

    run(test())


def test_the_end_of_all_ends_programs_too() -> None:
    async def test() -> None:
        async with service(lambda _: Hangs(), HANDSHAKE) as one:
            call = one.ask(HANDSHAKE, "tools/call", CALL)
            await one.world.running(1)
        await one.world.running(0)
        await call.ended()

    run(test())


@both_eras
def test_a_client_that_leaves_before_its_request_is_whole_is_not_answered(era: str) -> None:
    async def test() -> None:
        async with service(era=era) as one:
            request = one.send("POST", {"jsonrpc": "2.0", "id": 1, "method": "ping"}, pieces=2)
            request._pieces[:] = []
            request.leave()
            assert (await request.ended()).status == 0

    run(test())


def test_a_body_over_the_limit_is_refused_as_soon_as_it_is_seen() -> None:
    async def test() -> None:
        async with service(max_body_bytes=1000) as one:
            large = one.send("POST", {"pad": "x" * 5000}, pieces=5)
            refused = await large.ended()
            assert refused.refusal() == (413, "validation_error", "request.size")
            assert len(large._pieces) == 5  # the rest was not even read

    run(test())


def test_what_the_judge_of_hosts_objects_to_goes_no_further() -> None:
    error = ToolError(
        error_type=ErrorType.POLICY_DENIED,
        message="no",
        recovery_suggestion="none",
        metadata={"rule": "access.host"},
    )

    async def test() -> None:
        async with service(object_to=lambda _: error) as one:
            refused = await one.ask(MODERN, "tools/list").ended()
            assert refused.refusal() == (421, "policy_denied", "access.host")

    run(test())


def test_a_request_that_nobody_vouches_for_is_not_served() -> None:
    async def test() -> None:
        async with service() as one:
            one.caller = None
            with pytest.raises(NoCaller):
                await one.ask(MODERN, "tools/list").ended()

    run(test())


def test_more_calls_than_may_be_in_progress_are_told_when_to_come_back() -> None:
    async def test() -> None:
        async with service(lambda _: Hangs(), max_calls=2) as one:
            calls = [one.ask(MODERN, "tools/call", CALL) for _ in range(2)]
            await one.world.running(2)
            refused = await one.ask(MODERN, "tools/list").ended()
            assert refused.refusal() == (503, "resource_exhausted", "mcp.calls")
            assert refused.headers[b"retry-after"] == b"1"
            for call in calls:
                call.leave()
                await call.ended()
            assert (await one.result(MODERN, "tools/list"))["tools"]

    run(test())


def test_of_too_many_sessions_the_stalest_of_the_same_owner_goes_first() -> None:
    async def test() -> None:
        async with service(era=HANDSHAKE, max_sessions=2) as one:
            first = one.session
            other, one.caller = one.caller, Caller(name="other")
            one.session = b""
            await one.open(HANDSHAKE)
            others = one.session
            one.session, one.caller = b"", other
            await one.open(HANDSHAKE)
            newest = one.session
            one.session = first
            assert (await one.ask(HANDSHAKE, "ping").ended()).status == 404
            one.session = newest
            assert (await one.ask(HANDSHAKE, "ping").ended()).status == 200
            one.session, one.caller = others, Caller(name="other")
            assert (await one.ask(HANDSHAKE, "ping").ended()).status == 200

    run(test())


def test_sessions_in_use_are_not_ended_for_new_ones() -> None:
    async def test() -> None:
        async with service(era=HANDSHAKE, max_sessions=1) as one:
            stream = await one.send("GET").begun()
            mine, one.session = one.session, b""
            refused = await one.ask(HANDSHAKE, "initialize", HELLO).ended()
            assert refused.refusal() == (503, "resource_exhausted", "mcp.sessions")
            one.session = mine
            assert (await one.ask(HANDSHAKE, "ping").ended()).status == 200
            stream.leave()
            await stream.ended()

    run(test())


@pytest.mark.parametrize(
    ("method", "headers", "expected"),
    [
        ("POST", {"content-type": b"text/plain"}, (415, "validation_error", "request.media_type")),
        ("POST", {"accept": b"text/html"}, (406, "validation_error", "request.accept")),
        ("GET", {}, (405, "validation_error", "request.method")),
    ],
)
def test_errors_of_the_sdk_without_words_get_some(
    method: str, headers: dict[str, bytes], expected: tuple[int, str, str]
) -> None:
    async def test() -> None:
        async with service() as one:
            message = {"jsonrpc": "2.0", "id": 1, "method": "ping"} if method == "POST" else None
            more = {"mcp-protocol-version": MODERN.encode(), **headers}
            assert (await one.send(method, message, more).ended()).refusal() == expected

    run(test())


def test_closing_ends_streams_and_starts_nothing_more_but_lets_calls_end() -> None:
    async def test() -> None:
        until = asyncio.Event()
        async with service(lambda _: Hangs(until=until), HANDSHAKE) as one:
            call = one.ask(HANDSHAKE, "tools/call", CALL)
            await one.world.running(1)
            stream = await one.send("GET").begun()
            wanted = {"notifications": {"toolsListChanged": True}}
            session, one.session = one.session, b""
            listening = await one.ask(MODERN, "subscriptions/listen", wanted).begun()
            one.session = session
            await one.mcp.close()
            assert (await stream.ended()).complete
            acknowledged, result = (await listening.ended()).messages()
            assert acknowledged["method"] == "notifications/subscriptions/acknowledged"
            assert "result" in result
            refused = await one.ask(HANDSHAKE, "ping").ended()
            assert refused.refusal() == (503, "resource_exhausted", "service.stopping")
            until.set()
            (*_, last) = (await call.ended()).messages()
            assert last["result"]["structuredContent"]["status"] == "success"

    run(test())


@both_eras
def test_a_span_of_a_request_belongs_to_the_trace_that_the_client_names(era: str) -> None:
    async def test() -> None:
        async with service(era=era) as one:
            await one.result(era, "tools/call", CALL, traceparent=PARENT)
            (span,) = (span for span in one.spans.spans if span.name == "mcp tools/call")
            assert span.attributes["tool"] == "PingTool"
            assert span.trace == PARENT.split("-")[1]

    run(test())


@both_eras
def test_a_narrowed_caller_is_shown_its_tools_and_told_its_terms(era: str) -> None:
    async def test() -> None:
        async with service(era=era) as one:
            assert len((await one.result(era, "tools/list"))["tools"]) == 1
            one.caller = Caller(name="unit", tools=frozenset())
            assert (await one.result(era, "tools/list"))["tools"] == []
            content = (await one.result(era, "tools/call", CALL))["structuredContent"]
            assert content["error"]["metadata"]["rule"] == "access.tool"
            if era == MODERN:
                hello = await one.result(era, "server/discover")
                assert "no tools at present" in hello["instructions"]

    run(test())
