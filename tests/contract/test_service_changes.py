"""What changes while the product serves: tools switched on and off, settings and tokens read again."""

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.contract.drivers import wait_for
from tests.contract.drivers.server import Server, http_server
from tests.contract.mcp_http_client import client as mcp_client
from tests.contract.mcp_raw_client import HANDSHAKE, MODERN
from tests.contract.service import (
    QUICK,
    TARGET,
    client,
    events,
    lasting,
    port_of,
    recorded,
    refused_start,
    token_of,
    write_tokens,
)

pytestmark = pytest.mark.lab
ADMIN = {"chief": 'scopes = ["admin"]', "second": 'scopes = ["admin"]'}


def said(server: Server, text: str) -> Callable[[], bool]:
    return lambda: any(text in line for line in server.log)


def test_a_switch_is_told_to_every_client_of_mcp_and_kept_across_a_restart(tmp_path: Path) -> None:
    with http_server(tmp_path, **QUICK) as server, client(server) as rest:
        with (
            mcp_client(port_of(server), HANDSHAKE) as old,
            mcp_client(port_of(server), MODERN) as new,
        ):
            wanted = {"notifications": {"toolsListChanged": True}}
            streams = [
                old.send("GET").messages(),
                new.ask("subscriptions/listen", wanted).messages(),
            ]
            assert next(streams[1])["method"] == "notifications/subscriptions/acknowledged"
            assert rest.post("/tools/QuickTool/disable").json()["enabled"] is False
            for stream in streams:
                assert next(stream)["method"] == "notifications/tools/list_changed"
            for one in (old, new):
                assert [tool["name"] for tool in one.result("tools/list")["tools"]] == [
                    "LastingTool"
                ]
                refused = one.call_tool("QuickTool")
                assert refused["error"]["error_type"] == "disabled"
            assert rest.post("/tools/QuickTool/enable").json()["enabled"] is True
            for stream in streams:
                assert next(stream)["method"] == "notifications/tools/list_changed"
        rest.post("/tools/QuickTool/disable")
        assert server.end() == 0
    with http_server(tmp_path, **QUICK) as server, client(server) as rest:
        answer = rest.post("/tools/QuickTool/execute", json=TARGET)
        assert (answer.status_code, answer.json()["error"]["error_type"]) == (409, "disabled")
        rest.post("/tools/QuickTool/enable")
        assert rest.post("/tools/QuickTool/execute", json=TARGET).status_code == 200
    switched = [(what["enabled"], what["caller"]) for what in recorded(tmp_path, "Switched")]
    assert switched == [(on, "127.0.0.1") for on in (False, True, False, True)]


def test_what_runs_goes_on_after_its_tool_was_switched_off(tmp_path: Path) -> None:
    with (
        http_server(tmp_path, **QUICK) as server,
        client(server) as one,
        client(server) as other,
    ):
        with lasting(one, 41, timeout_sec=2) as call:
            assert other.post("/tools/LastingTool/disable").status_code == 200
            assert other.post("/tools/LastingTool/execute", json=TARGET).status_code == 409
            assert not call.answers
        (answer,) = call.answers
        assert (answer.status_code, answer.json()["status"]) == (200, "timeout")


def test_on_sighup_other_tokens_and_settings_are_in_force_and_bad_ones_never(
    tmp_path: Path,
) -> None:
    tokens, config = tmp_path / "tokens.toml", tmp_path / "netsonde.toml"
    write_tokens(tokens, **ADMIN)
    config.write_text("[rate_limit]\nrate = 5\n")
    settings = {"MCP_SECURITY_TOKENS_FILE": str(tokens), "MCP_CONFIG_FILE": str(config)}
    settings |= {**QUICK, "MCP_SERVER_HOST": "127.0.0.1", "MCP_HEALTH_INTERVAL": "1"}
    with (
        http_server(tmp_path / "state", **settings) as server,
        client(server, "chief") as chief,
        client(server, "second") as second,
        client(server, "third") as third,
        events(chief) as stream,
        ThreadPoolExecutor(1) as reading,
    ):
        stream.next("health")
        tokens.write_text(tokens.read_text().replace("admin", "admim", 1))
        config.write_text("[rate_limit]\nrate = 7\n")
        server.process.send_signal(signal.SIGHUP)
        wait_for(said(server, "settings.reload_failed"))
        assert chief.get("/tools").status_code == 200
        limit = chief.post("/tools/QuickTool/execute", json=TARGET).headers["ratelimit-limit"]
        assert limit == "5"
        found = wait_for_check(second, "settings", "degraded")
        assert "tokens.toml" in str(found["metadata"])

        ended = reading.submit(stream.next, "dropped")
        write_tokens(tokens, second='scopes = ["read", "execute"]', third='scopes = ["admin"]')
        server.process.send_signal(signal.SIGHUP)
        wait_for(said(server, "settings.reloaded"))
        assert chief.get("/tools").status_code == 401
        assert ended.result(5)[1]["reason"] == "access_changed"
        assert second.get("/tools").status_code == 200
        assert second.get("/config").status_code == 403
        assert third.get("/config").status_code == 200
        answer = third.post("/tools/QuickTool/execute", json=TARGET)
        assert answer.headers["ratelimit-limit"] == "7"
        wait_for_check(third, "settings", "healthy")
        assert server.end() == 0
    bad, good = recorded(tmp_path / "state", "Reloaded")
    assert bad["problems"]
    assert not bad["changed"]
    assert good["changed"] == ["rate_limit.rate"]


def wait_for_check(one: httpx.Client, name: str, status: str) -> dict[str, object]:
    """A check of /health, once it has that status."""
    found: list[dict[str, object]] = []

    def holds() -> bool:
        found[:] = [check for check in one.get("/health").json()["checks"] if check["name"] == name]
        return found[0]["status"] == status

    wait_for(holds, 10)
    return found[0]


@pytest.mark.parametrize("era", [HANDSHAKE, MODERN])
def test_a_token_that_is_taken_back_ends_what_mcp_has_open_under_it(
    tmp_path: Path, era: str
) -> None:
    tokens = tmp_path / "tokens.toml"
    write_tokens(tokens, **ADMIN)
    settings = {**QUICK, "MCP_SECURITY_TOKENS_FILE": str(tokens), "MCP_SERVER_HOST": "127.0.0.1"}
    with (
        http_server(tmp_path / "state", **settings) as server,
        mcp_client(port_of(server), era, token_of("chief")) as one,
    ):
        if era == HANDSHAKE:
            stream = one.send("GET").messages()
        else:
            wanted = {"notifications": {"toolsListChanged": True}}
            stream = one.ask("subscriptions/listen", wanted).messages()
            assert next(stream)["method"] == "notifications/subscriptions/acknowledged"
        write_tokens(tokens, second=ADMIN["second"])
        server.process.send_signal(signal.SIGHUP)
        wait_for(said(server, "settings.reloaded"))
        assert [message for message in stream if "result" not in message] == []
        answer = one.ask("tools/list")
        assert answer.status == 401
        assert "resource_metadata" in answer.headers["www-authenticate"]


def test_a_tokens_file_with_a_mistake_is_refused_at_the_start_too(tmp_path: Path) -> None:
    tokens = write_tokens(tmp_path / "tokens.toml", chief='scopes = ["admim"]')
    status, text, _ = refused_start(tmp_path / "state", MCP_SECURITY_TOKENS_FILE=tokens)
    assert status == 2
    assert "scopes" in text and "admin" in text and "Traceback" not in text
