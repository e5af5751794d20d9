"""The product itself over stdio: `python -m netsonde`, its five tools, its size."""

import json
import os
import shutil

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # has no types

from netsonde.application.schemas import option_schema
from netsonde.domain.options import flag, glued, valued
from netsonde.domain.tool import Int, Ports

from .mcp_raw_client import HANDSHAKE, MODERN, raw_client

ENVIRONMENT = {**os.environ, "MCP_SECURITY_ALLOWED_NETWORKS": "127.0.0.0/8"}
both_eras = pytest.mark.parametrize("era", [HANDSHAKE, MODERN])


@both_eras
def test_the_five_tools_are_listed_in_less_than_24_kib(era: str) -> None:
    with raw_client(era, module="netsonde") as client:
        listed = client.call_method("tools/list")
        assert [tool["name"] for tool in listed["result"]["tools"]] == [
            *("NmapTool", "TracertTool", "PingTool", "MtrTool", "DigTool")
        ]
        assert len(json.dumps(listed, separators=(",", ":"), ensure_ascii=False)) < 24 * 1024
        for tool in listed["result"]["tools"]:
            Draft202012Validator.check_schema(tool["inputSchema"])
            Draft202012Validator.check_schema(tool["outputSchema"])
            assert len(tool["description"]) > 100
            rows = tool["inputSchema"]["properties"]["options"]["properties"]
            assert all(row["description"] for row in rows.values())


@both_eras
@pytest.mark.skipif(shutil.which("ping") is None, reason="ping is not installed")
def test_a_ping_of_this_host_is_answered_with_its_report(era: str) -> None:
    with raw_client(era, module="netsonde", env=ENVIRONMENT) as client:
        tools = client.call_method("tools/list")["result"]["tools"]
        answer = client.call_tool("PingTool", "127.0.0.1", options={"count": 1})
        assert (answer["status"], answer["result"]["received"]) == ("success", 1)
        refused = client.call_tool("PingTool", "8.8.8.8")
        assert refused["error"]["metadata"]["rule"] == "target.public"
        for content in (answer, refused):
            Draft202012Validator(tools[0]["outputSchema"]).validate(content)


def test_a_rows_schema_has_one_type_its_bounds_and_its_help() -> None:
    assert option_schema(flag("-a", key="a", help="all")) == {
        "type": "boolean",
        "description": "all",
    }
    count = valued("-c", key="c", kind=Int(min=2, max=9), help="how many")
    assert option_schema(count) == {
        "type": "integer",
        "minimum": 2,
        "maximum": 9,
        "description": "how many",
    }
    ports = glued("-p", key="p", kind=Ports(), help="ports")
    assert option_schema(ports) == {
        "anyOf": [{"type": "boolean"}, {"type": "string"}],
        "description": "ports",
    }
