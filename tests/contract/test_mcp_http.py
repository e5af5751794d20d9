"""The MCP driver over Streamable HTTP, in both eras: what it lists, answers, tells and turns away."""

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from mcp import Client

from .mcp_http_client import Answer, HttpClient, Server, client, server, until_gone, until_started
from .mcp_raw_client import HANDSHAKE, MODERN, Json

OLDER = "2024-11-05"
IDLE_S = 0.5
SLEEPERS = ("10.55.66.81", "10.55.66.82")
both_eras = pytest.mark.parametrize("era", [HANDSHAKE, MODERN])


@pytest.fixture(scope="module")
def plain() -> Iterator[Server]:
    """A server as it is by default."""
    with server() as one:
        yield one


@pytest.fixture(scope="module")
def small() -> Iterator[Server]:
    """A server with room for little."""
    with server(max_sessions=2, max_calls=2, session_idle_s=IDLE_S) as one:
        yield one


def error_of(answer: Answer) -> tuple[int, str, str]:
    """Status, error type and rule of a refusal that every HTTP client can read."""
    body = answer.json()
    assert body["jsonrpc"] == "2.0" and isinstance(body["error"]["code"], int)
    error = body["error"]
    assert error["message"] and error["recovery_suggestion"]
    return answer.status, error["error_type"], error["metadata"]["rule"]


@pytest.mark.parametrize("era", [OLDER, HANDSHAKE, MODERN])
def test_the_list_is_the_same_bytes_every_time(era: str, plain: Server) -> None:
    with client(plain.port, era) as one:
        first, second = (json.dumps(one.result("tools/list")) for _ in range(2))
        assert first == second
        assert "OffTool" not in first and "MissingTool" in first


@both_eras
def test_an_answer_is_the_whole_tool_output_twice(era: str, plain: Server) -> None:
    with client(plain.port, era) as one:
        result = one.post(one.tool_frame("EchoTool", "10.0.0.7")).last()["result"]
        content = result["structuredContent"]
        assert (content["status"], content["stdout"]) == ("success", "target 10.0.0.7\n")
        assert json.loads(result["content"][0]["text"]) == content
        assert one.call_tool("FailTool")["returncode"] == 3
        assert one.call_tool("EchoTool", "8.8.8.8")["error"]["metadata"]["rule"] == "target.public"


@both_eras
def test_progress_comes_with_the_answer_and_rises(era: str, plain: Server) -> None:
    with client(plain.port, era) as one:
        answer = one.post(one.tool_frame("HurryTool"))
        assert answer.streams
        *told, last = answer.messages()
        assert last["result"]["structuredContent"]["status"] == "success"
        heard = [message["params"]["progress"] for message in told]
        assert heard and heard == sorted(set(heard))


@both_eras
def test_a_narrowed_caller_sees_and_calls_only_what_its_token_names(
    era: str, plain: Server
) -> None:
    with client(plain.port, era, token="narrow") as one:
        first, second = (one.result("tools/list") for _ in range(2))
        assert json.dumps(first) == json.dumps(second)
        assert [tool["name"] for tool in first["tools"]] == ["EchoTool"]
        refused = one.call_tool("FailTool", "10.1.0.1")
        assert refused["error"]["metadata"]["rule"] == "access.tool"
        assert one.call_tool("EchoTool", "10.1.0.1")["status"] == "success"
        outside = one.call_tool("EchoTool", "10.2.0.1")
        assert outside["error"]["metadata"]["rule"] == "access.network"


@both_eras
def test_a_narrowed_caller_is_told_its_own_networks(era: str, plain: Server) -> None:
    one = HttpClient(plain.port, era, token="narrow")
    if era == MODERN:
        hello = one.result("server/discover")
    else:
        info = {"capabilities": {}, "clientInfo": {"name": "raw", "version": "0"}}
        hello = one.result("initialize", {"protocolVersion": era, **info})
    assert "10.1.0.0/16" in hello["instructions"]
    assert hello["capabilities"]["tools"]["listChanged"] is True
    one.close()


def test_a_session_is_only_there_for_the_token_that_opened_it(plain: Server) -> None:
    with client(plain.port, token="alice") as alice, client(plain.port, token="bob") as bob:
        bob.session = alice.session
        assert bob.ask("tools/list").status == 404
        assert bob.send("GET").status == 404
        assert bob.send("DELETE").status == 404
        assert alice.result("tools/list")


@both_eras
def test_every_client_is_told_when_a_tool_is_switched(era: str, plain: Server) -> None:
    with client(plain.port, era) as one, client(plain.port, era, token="bob") as other:
        before = one.result("tools/list")["tools"]
        if era == HANDSHAKE:
            streams = [each.send("GET").messages() for each in (one, other)]
        else:
            wanted = {"notifications": {"toolsListChanged": True}}
            streams = [each.ask("subscriptions/listen", wanted).messages() for each in (one, other)]
            for stream in streams:
                assert next(stream)["method"] == "notifications/subscriptions/acknowledged"
        assert one.call_tool("SwitchTool")["status"] == "success"
        for stream in streams:
            assert next(stream)["method"] == "notifications/tools/list_changed"
        after = one.result("tools/list")["tools"]
        assert len(before) != len(after)
        one.call_tool("SwitchTool")
        for stream in streams:
            assert next(stream)["method"] == "notifications/tools/list_changed"


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_the_official_client_lists_calls_and_gets_progress(mode: Any, plain: Server) -> None:
    async def drive() -> None:
        heard: list[float] = []

        async def on_progress(progress: float, total: float | None, message: str | None) -> None:
            heard.append(progress)

        async with (
            asyncio.timeout(30),
            Client(f"http://127.0.0.1:{plain.port}/mcp", mode=mode) as one,
        ):
            assert (await one.list_tools()).tools[0].name == "EchoTool"
            calls = [one.call_tool("EchoTool", {"target": f"10.0.0.{i}"}) for i in range(1, 9)]
            for result in await asyncio.gather(*calls):
                content: Json = result.structured_content
                assert content["stdout"].startswith("target 10.0.0.")
            await one.call_tool("HurryTool", {"target": "10.0.0.1"}, progress_callback=on_progress)
            assert heard and heard == sorted(set(heard))

    asyncio.run(drive())


@both_eras
def test_more_calls_than_there_is_room_for_are_sent_away_until_later(
    era: str, small: Server
) -> None:
    with client(small.port, era) as one:
        calls = [one.start(one.tool_frame("DozeTool", target)) for target in SLEEPERS]
        for target in SLEEPERS:
            until_started(target)
        refused = one.ask("tools/list")
        assert refused.headers["retry-after"] == "1"
        assert error_of(refused) == (503, "resource_exhausted", "mcp.calls")
        for call in calls:
            call.close()
        for target in SLEEPERS:
            until_gone(target)
        assert one.result("tools/list")["tools"]


def test_streams_that_stand_open_take_no_call_s_place(small: Server) -> None:
    with client(small.port, MODERN) as one, client(small.port) as other:
        wanted = {"notifications": {"toolsListChanged": True}}
        listening = one.ask("subscriptions/listen", wanted).messages()
        next(listening)
        assert other.send("GET").status == 200
        assert one.call_tool("EchoTool")["status"] == "success"


def test_the_session_that_was_idle_longest_makes_room_for_a_new_one(small: Server) -> None:
    with (
        client(small.port, token="alice") as stale,
        client(small.port, token="bob") as busy,
    ):
        stream = busy.send("GET")
        with client(small.port, token="carol") as new:
            assert stale.ask("tools/list").status == 404
            assert new.result("tools/list")["tools"]
            held = new.send("GET")
            assert (stream.status, held.status) == (200, 200)
            late = HttpClient(small.port)
            info = {"capabilities": {}, "clientInfo": {"name": "raw", "version": "0"}}
            refused = late.ask("initialize", {"protocolVersion": HANDSHAKE, **info})
            assert refused.headers["retry-after"] == "10"
            assert error_of(refused) == (503, "resource_exhausted", "mcp.sessions")
            late.close()


def test_an_owner_of_many_sessions_loses_its_own_first(small: Server) -> None:
    with client(small.port, token="alice") as alice, client(small.port, token="bob") as first:
        assert alice.result("tools/list")
        with client(small.port, token="bob") as second:
            assert first.ask("tools/list").status == 404
            assert second.result("tools/list") and alice.result("tools/list")


def test_a_session_that_is_left_alone_expires_and_one_in_use_does_not(small: Server) -> None:
    with client(small.port, token="alice") as idle, client(small.port, token="bob") as busy:
        stream = busy.send("GET")
        pause_s = IDLE_S / 2
        # To ask is to use it: the only way to see it expire is to leave it alone for longer.
        while idle.ask("ping").status != 404:
            assert pause_s < 8 * IDLE_S, "it does not expire"
            time.sleep(pause_s)
            pause_s *= 2
        assert busy.ask("ping").status == 200
        assert stream.status == 200


@both_eras
def test_what_the_protocol_never_sees_is_refused_in_words_for_programs(
    era: str, plain: Server
) -> None:
    with client(plain.port, era) as one:
        frame = one.frame("tools/list")
        refusals = {
            (421, "policy_denied", "access.host"): {"Host": "evil.example"},
            (403, "policy_denied", "access.origin"): {"Origin": "http://evil.example"},
            (415, "validation_error", "request.media_type"): {"Content-Type": "text/plain"},
        }
        for expected, headers in refusals.items():
            assert error_of(one.post(frame, **headers)) == expected
        refused = one.post(frame, Accept="text/html")
        assert refused.status == 406 and refused.json()["error"]["message"]
        large = one.tool_frame("EchoTool", extra_args="x" * 70_000)
        assert error_of(one.post(large)) == (413, "validation_error", "request.size")
        assert one.post(frame).status == 200


def test_a_method_that_a_revision_does_not_have_is_named_with_those_it_has(plain: Server) -> None:
    with client(plain.port, MODERN) as one:
        refused = one.send("GET")
        assert refused.headers["allow"] == "POST"
        assert error_of(refused) == (405, "validation_error", "request.method")


@both_eras
def test_bytes_that_are_no_message_are_refused_and_the_next_is_answered(
    era: str, plain: Server
) -> None:
    with client(plain.port, era) as one:
        headers = one.headers({"method": "tools/list"})
        for body in (b"", b"{", b"[]", b"[" * 60_000, b'"\xff"', b'{"jsonrpc": "2.0"}', b"null"):
            connection = one.connect()
            connection.sendall(one.bytes_of("POST", body, headers))
            assert one.read(connection).status in (200, 400, 202)
        assert one.result("tools/list")["tools"]


@both_eras
def test_a_handler_that_fails_tells_its_reason_to_the_log_alone(era: str) -> None:
    own = Server()
    with client(own.port, era) as one:
        for tool in ("BrokenTool", "SurrogateTool"):
            answer = one.post(one.tool_frame(tool)).last()
            assert answer["error"]["code"] == -32603
            assert "secret" not in json.dumps(answer)
        assert one.call_tool("EchoTool")["status"] == "success"
    status, said = own.end()
    assert status == 0
    assert "the-secret-of-the-broken-tool" in said


def test_a_request_without_a_caller_is_a_fault_of_the_server_s() -> None:
    own = Server()
    with client(own.port, MODERN, token="nobody") as one:
        assert one.ask("tools/list").status == 500
    status, said = own.end()
    assert status == 0
    assert "NoCaller" in said
