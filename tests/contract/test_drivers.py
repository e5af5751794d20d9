"""One suite, four drivers: the same requests, the same answers, whichever way they came."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.contract.drivers import Driver, Json, wait_for
from tests.contract.drivers.command import Command
from tests.contract.drivers.http_mcp import HttpMcp
from tests.contract.drivers.rest import Rest
from tests.contract.drivers.server import environment, http_server
from tests.contract.drivers.stdio_mcp import StdioMcp
from tests.contract.lab.access import Lab
from tests.contract.mcp_raw_client import programs_with, raw_client

pytestmark = pytest.mark.lab
SETTINGS = {"MCP_RATE_LIMIT_RATE": "1000", "LOG_LEVEL": "WARNING"}
TOKEN = "a-token-for-the-tests-only"


@pytest.fixture(scope="module", params=["stdio", "mcp-http", "rest", "command"])
def driver(
    request: pytest.FixtureRequest, lab: Lab, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Driver]:
    state: Path = tmp_path_factory.mktemp("state")
    with ExitStack() as stack:
        if request.param == "command":
            yield Command(environment(state, **SETTINGS))
        elif request.param == "stdio":
            environ = environment(state, **SETTINGS)
            client = stack.enter_context(raw_client(module="netsonde", env=environ))
            yield StdioMcp(client)
        else:
            settings = {**SETTINGS, "LOG_LEVEL": "INFO", "MCP_AUTH_TOKEN": TOKEN}
            server = stack.enter_context(http_server(state, "--host", "127.0.0.1", **settings))
            kind = Rest if request.param == "rest" else HttpMcp
            yield kind(server.url, TOKEN)


def error_of(answer: Json) -> Json:
    error: Json = answer["error"]
    return error


def test_a_ping_is_answered_with_its_report(driver: Driver, lab: Lab) -> None:
    answer = driver.call("PingTool", lab.web, extra_args="-c 2 -i 0.2")
    assert (answer["status"], answer["returncode"], answer["error"]) == ("success", 0, None)
    assert answer["addresses"] == [lab.web]
    assert answer["command"][-1] == lab.web
    assert (answer["result"]["sent"], answer["result"]["received"]) == (2, 2)
    assert answer["stdout_bytes"] == len(answer["stdout"])


def test_a_scan_is_answered_from_the_report_and_as_text(driver: Driver, lab: Lab) -> None:
    answer = driver.call("NmapTool", lab.web, options={"ports": "22,81", "connect_scan": True})
    (host,) = answer["result"]["hosts"]
    assert {port["port"]: port["state"] for port in host["ports"]} == {22: "open", 81: "closed"}
    assert "22/tcp open" in answer["stdout"]


def test_a_trace_an_mtr_and_a_question_are_answered(driver: Driver, lab: Lab) -> None:
    trace = driver.call("TracertTool", lab.web, extra_args="-q 1 -w 1")
    assert trace["result"]["reached"] is True
    mtr = driver.call("MtrTool", lab.web, extra_args="-c 2 -i 0.2", timeout_sec=20)
    assert mtr["result"]["hops"][-1]["address"] == lab.web
    dig = driver.call("DigTool", f"web.{lab.zone}")
    assert [one["data"] for one in dig["result"]["answers"]] == [lab.web]


def test_a_name_is_judged_by_its_addresses(driver: Driver, lab: Lab) -> None:
    answer = driver.call("PingTool", f"web.{lab.zone}", extra_args="-c 1")
    assert (answer["status"], answer["addresses"]) == ("success", [lab.web])
    refused = driver.call("PingTool", f"pub.{lab.zone}", extra_args="-c 1")
    assert error_of(refused)["metadata"]["rule"] == "target.rebinding"


@pytest.mark.parametrize(
    ("tool", "target", "members", "error_type", "rule"),
    [
        ("PingTool", "8.8.8.8", {}, "policy_denied", "target.public"),
        ("PingTool", "127.0.0.1", {}, "policy_denied", "target.loopback"),
        ("PingTool", "012.1.1.1", {}, "validation_error", "target.spelling"),
        ("NmapTool", "10.77.0.0/16", {}, "validation_error", "target.too_large"),
        ("NmapTool", "10.77.2.10", {"extra_args": "-iL /etc/passwd"}, "policy_denied", "option.forbidden"),
        ("NmapTool", "10.77.2.10", {"extra_args": "-A"}, "policy_denied", "option.intrusive"),
        ("NmapTool", "10.77.2.10", {"extra_args": "--nonsense"}, "validation_error", "option.unknown"),
        ("PingTool", "10.77.2.10", {"options": {"count": "x"}}, "validation_error", "option.value"),
        ("PingTool", "10.77.2.10", {"profile": "none"}, "validation_error", "request.profile"),
    ],
)  # fmt: skip
def test_a_refusal_tells_rule_offending_word_and_the_way_forward(
    driver: Driver, tool: str, target: str, members: Json, error_type: str, rule: str
) -> None:
    answer = driver.call(tool, target, **members)
    error = error_of(answer)
    assert (answer["status"], error["error_type"]) == ("refused", error_type)
    assert error["metadata"]["rule"] == rule
    assert error["metadata"]["offending"]
    assert error["recovery_suggestion"]
    assert answer["command"] == []
    if (suggestion := error["metadata"].get("suggestion")) is not None:
        assert suggestion["target"]


def test_at_its_time_limit_a_call_keeps_what_arrived(driver: Driver, lab: Lab) -> None:
    answer = driver.call("PingTool", lab.web, extra_args="-c 50 -i 0.2", timeout_sec=1)
    assert (answer["status"], error_of(answer)["error_type"]) == ("timeout", "timeout")
    assert answer["result"]["partial"] is True
    assert answer["result"]["replies"]


def test_a_failure_of_the_program_is_an_answer(driver: Driver, lab: Lab) -> None:
    answer = driver.call("DigTool", f"slow.{lab.zone}", extra_args="+time=1 +tries=1")
    assert (answer["status"], answer["returncode"]) == ("failed", 9)


def test_a_caller_that_leaves_takes_its_program_along(
    driver: Driver, lab: Lab, request: pytest.FixtureRequest
) -> None:
    marker = f"{os.getpid():08x}{abs(hash(request.node.name)) % 256:02x}"

    def runs() -> bool:
        return bool([one for one in programs_with(f"-p {marker}") if "/ping" in one.split()[0]])

    members: dict[str, Any] = {"extra_args": f"-c 100 -p {marker}"}
    driver.call_and_leave("PingTool", lab.web, runs, **members)
    assert wait_for(lambda: not runs()) < 2.0
