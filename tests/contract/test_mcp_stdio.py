"""The MCP driver over stdio, in both eras: a real server process, the SDK's client and raw lines."""

import asyncio
import json
import sys
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # has no types
from mcp import Client, StdioServerParameters

from .mcp_raw_client import HANDSHAKE, MODERN, Json, RawClient, raw_client

SERVER = StdioServerParameters(
    command=sys.executable, args=["-m", "tests.contract.mcp_fixture_server"]
)
both_eras = pytest.mark.parametrize("era", [HANDSHAKE, MODERN])


@both_eras
def test_the_list_is_the_same_bytes_every_time(era: str) -> None:
    with raw_client(era) as client:
        one, two = (client.call_method("tools/list")["result"] for _ in range(2))
        assert json.dumps(one) == json.dumps(two)
        names = [tool["name"] for tool in one["tools"]]
        assert names[:3] == ["EchoTool", "FailTool", "SleepTool"]
        assert "MissingTool" in names
        assert "OffTool" not in names


@both_eras
def test_every_schema_is_valid_and_holds_for_the_answers(era: str) -> None:
    with raw_client(era) as client:
        tools = client.call_method("tools/list")["result"]["tools"]
        for tool in tools:
            Draft202012Validator.check_schema(tool["inputSchema"])
            Draft202012Validator.check_schema(tool["outputSchema"])
            assert tool["annotations"]["readOnlyHint"] is True
            assert tool["annotations"]["destructiveHint"] is False
            assert tool["annotations"]["openWorldHint"] is False
        output = Draft202012Validator(tools[0]["outputSchema"])
        for answer in (
            client.call_tool("EchoTool"),
            client.call_tool("EchoTool", "8.8.8.8"),
            client.call_tool("EchoTool", surprise=1),
            client.call_tool("FailTool"),
            client.call_tool("OffTool"),
            client.call_tool("MissingTool"),
        ):
            output.validate(answer)
        echo = Draft202012Validator(tools[0]["inputSchema"])
        assert echo.is_valid({"target": "10.0.0.1", "options": {"loud": True, "level": True}})
        assert not echo.is_valid({"target": "10.0.0.1", "options": {"rough": True}})
        assert not echo.is_valid({"target": "10.0.0.1", "surprise": 1})


@both_eras
def test_a_call_gives_the_report_and_a_refusal_its_rule(era: str) -> None:
    with raw_client(era) as client:
        said = client.call_tool("EchoTool", "web.lab.internal", profile="quick")
        assert (said["status"], said["stdout"]) == ("success", "target 10.77.0.9\n")
        assert said["addresses"] == ["10.77.0.9"]
        assert client.call_tool("FailTool")["returncode"] == 3
        refused = client.call_tool("EchoTool", extra_args="--file /etc/passwd")
        assert refused["status"] == "refused"
        assert refused["error"]["metadata"]["rule"] == "option.forbidden"
        assert client.call_tool("EchoTool", options=7)["error"]["error_type"] == "validation_error"
        assert client.call_tool("OffTool")["error"]["error_type"] == "disabled"
        assert client.call_tool("MissingTool")["error"]["error_type"] == "not_found"


@both_eras
def test_an_unknown_tool_and_a_made_up_cursor_are_errors_of_the_protocol(era: str) -> None:
    with raw_client(era) as client:
        for method, params in (
            ("tools/call", {"name": "NoTool" * 100, "arguments": {}}),
            ("tools/call", {"arguments": {}}),
            ("tools/list", {"cursor": "page-2"}),
        ):
            assert client.call_method(method, params)["error"]["code"] == -32602


@both_eras
def test_a_mistake_in_a_tool_is_answered_without_its_words(era: str) -> None:
    with raw_client(era) as client:
        for tool in ("BrokenTool", "SurrogateTool"):
            error = client.answer(client.ask_tool(tool))["error"]
            assert error["code"] == -32603
            assert "secret" not in json.dumps(error)
            assert "surrogate" not in json.dumps(error)
        assert client.call_tool("EchoTool")["status"] == "success"
        status, _, said = client.end()
        assert status == 0
        assert "the-secret-of-the-broken-tool" in said


@both_eras
def test_nothing_but_the_protocol_is_on_stdout(era: str) -> None:
    with raw_client(era) as client:
        assert client.call_tool("PrintingTool")["result"] == {"complete": True}
        client.call_method("tools/list")
        _, _, said = client.end()
        assert client.read_to_end() == {}
        for stray in ("stray print\n", "without a flush", "stray write", "stray child"):
            assert stray in said


@both_eras
def test_progress_rises_a_few_times_a_second_and_ends_before_the_answer(era: str) -> None:
    with raw_client(era) as client:
        request_id = client.ask_tool("HurryTool")
        client.answer(request_id)
        told = list(client.progress(f"token-{request_id}"))
        client.call_method("tools/list")
        assert told == list(client.progress(f"token-{request_id}"))
        values = [params["progress"] for params in told]
        assert values == sorted(set(values))
        assert 1 <= len(values) <= 6
        assert all(params["total"] == 100 and params["message"] for params in told)
        quiet = client.ask("tools/call", {"name": "EchoTool", "arguments": {"target": "10.0.0.1"}})
        client.answer(quiet)
        assert len(client.notifications) == len(told)


def test_a_switched_tool_is_announced_to_both_eras() -> None:
    for era in (HANDSHAKE, MODERN):
        with raw_client(era) as client:
            if era == MODERN:
                client.ask("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
                client.until(lambda: bool(client.notifications))
            before = client.call_method("tools/list")["result"]["tools"]
            client.call_tool("SwitchTool")
            client.until(
                lambda: any(
                    message["method"] == "notifications/tools/list_changed"
                    for message in client.notifications
                )
            )
            after = client.call_method("tools/list")["result"]["tools"]
            names = [tool["name"] for tool in after if tool not in before]
            assert names == ["OffTool"]


@both_eras
def test_list_changed_is_advertised_and_the_policy_told(era: str) -> None:
    client = RawClient(era)
    try:
        if era == MODERN:
            hello = client.call_method("server/discover")["result"]
        else:
            info = {"capabilities": {}, "clientInfo": {"name": "raw", "version": "0"}}
            hello = client.call_method("initialize", {"protocolVersion": era, **info})["result"]
        assert hello["capabilities"]["tools"]["listChanged"] is True
        assert "10.0.0.0/8" in hello["instructions"]
        assert ".lab.internal" in hello["instructions"]
        assert "suggestion" in hello["instructions"]
    finally:
        client.end()
        client.read_to_end()
        client.close()


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_the_official_client_lists_calls_and_gets_progress(mode: Any) -> None:
    async def drive() -> None:
        heard: list[float] = []

        async def on_progress(progress: float, total: float | None, message: str | None) -> None:
            heard.append(progress)

        async with asyncio.timeout(30):
            async with Client(SERVER, mode=mode) as client:
                tools = (await client.list_tools()).tools
                assert tools[0].name == "EchoTool"
                calls = [
                    client.call_tool("EchoTool", {"target": f"10.0.0.{i}"}) for i in range(1, 9)
                ]
                for result in await asyncio.gather(*calls):
                    content: Json = result.structured_content
                    assert content["stdout"].startswith("target 10.0.0.")
                    assert not result.is_error
                result = await client.call_tool(
                    "HurryTool", {"target": "10.0.0.1"}, progress_callback=on_progress
                )
                assert heard == sorted(set(heard))
                assert heard

    asyncio.run(drive())
