"""Who may call the service and what each caller may do, asked of the product as a server process."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.contract.drivers.server import Server, http_server
from tests.contract.mcp_http_client import client as mcp_client
from tests.contract.mcp_raw_client import HANDSHAKE, MODERN
from tests.contract.service import (
    QUICK,
    TARGET,
    client,
    port_of,
    recorded,
    refused_start,
    rule_of,
    token_of,
    write_tokens,
)

pytestmark = pytest.mark.lab
PAGE = "https://ops.example"
SETTINGS = {**QUICK, "MCP_SERVER_CORS_ORIGINS": PAGE, "MCP_RATE_LIMIT_RATE": "4"}
SCOPES = {
    "reader": 'scopes = ["read"]',
    "runner": 'scopes = ["execute"]',
    "hasty": 'scopes = ["execute"]',
    "both": 'scopes = ["read", "execute"]',
    "chief": 'scopes = ["admin"]',
    "narrow": 'scopes = ["read", "execute"]\ntools = ["QuickTool"]\nnetworks = ["10.1.0.0/16"]',
}
READ, EXECUTE, ADMIN = {"reader", "chief"}, {"runner", "chief"}, {"chief"}
# Nothing here changes anything: what would be done is done to what is not there.
ENDPOINTS = [
    ("GET", "/tools", READ),
    ("GET", "/tools/QuickTool", READ),
    ("POST", "/tools/QuickTool/plan", READ),
    ("POST", "/tools/NoTool/execute", EXECUTE),
    ("POST", "/tools/NoTool/enable", ADMIN),
    ("POST", "/tools/NoTool/disable", ADMIN),
    ("GET", "/executions", READ),
    ("GET", "/executions/0", READ),
    ("DELETE", "/executions/0", EXECUTE),
    ("GET", "/events", READ),
    ("GET", "/config", ADMIN),
    ("POST", "/mcp", EXECUTE),
    ("GET", "/mcp", EXECUTE),
    ("DELETE", "/mcp", EXECUTE),
]
OPEN = ("/", "/health", "/health/live", "/health/ready", "/metrics", "/schema")


class Guarded(NamedTuple):
    """A server with tokens, and its state folder."""

    server: Server
    state: Path


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    state = tmp_path_factory.mktemp("state")
    tokens = write_tokens(state / "tokens.toml", **SCOPES)
    settings = {**SETTINGS, "MCP_SECURITY_TOKENS_FILE": tokens}
    with http_server(state, "--host", "127.0.0.1", **settings) as server:
        yield Guarded(server, state)


def status_of(one: httpx.Client, method: str, path: str) -> httpx.Response:
    """The answer as far as its headers, and the body where it has an end."""
    body = {"json": TARGET} if method == "POST" else {}
    headers = {"Accept": "*/*"}
    with one.stream(method, path, headers=headers, **body) as answer:  # type: ignore[arg-type]  # httpx's keywords
        if not answer.headers["content-type"].startswith("text/event-stream"):
            answer.read()
        return answer


@pytest.mark.parametrize(("method", "path", "may"), ENDPOINTS)
def test_an_endpoint_asks_for_its_scope(
    guarded: Guarded, method: str, path: str, may: set[str]
) -> None:
    for name in ("reader", "runner", "chief"):
        with client(guarded.server, name) as one:
            answer = status_of(one, method, path)
        if name in may:
            assert answer.status_code not in (401, 403), answer.text
            continue
        assert (answer.status_code, rule_of(answer)) == (403, "access.scope")
        challenge = answer.headers["www-authenticate"]
        assert 'error="insufficient_scope"' in challenge
        assert ("resource_metadata" in challenge) == (path == "/mcp")


@pytest.mark.parametrize(("method", "path", "may"), ENDPOINTS)
def test_without_a_token_an_endpoint_says_how_to_send_one(
    guarded: Guarded, method: str, path: str, may: set[str]
) -> None:
    with client(guarded.server) as one:
        answer = status_of(one, method, path)
    assert (answer.status_code, rule_of(answer)) == (401, "access.missing")
    assert answer.json()["error"]["error_type"] == "unauthorized"
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith('Bearer realm="netsonde"')
    assert ("resource_metadata" in challenge) == (path == "/mcp")


def test_a_client_of_mcp_finds_the_metadata_that_the_401_names(guarded: Guarded) -> None:
    with client(guarded.server) as one:
        challenge = one.post("/mcp", json={}).headers["www-authenticate"]
        found = re.search(r'resource_metadata="([^"]+)"', challenge)
        assert found
        metadata = one.get(found[1]).json()
    assert metadata["resource"] == f"{guarded.server.url}/mcp"
    assert metadata["bearer_methods_supported"] == ["header"]


def test_open_endpoints_are_open_and_tell_a_stranger_no_details(guarded: Guarded) -> None:
    with client(guarded.server) as one, client(guarded.server, "reader") as reader:
        assert {path: one.get(path).status_code for path in OPEN} == dict.fromkeys(OPEN, 200)
        assert not any(check["metadata"] for check in one.get("/health").json()["checks"])
        assert any(check["metadata"] for check in reader.get("/health").json()["checks"])


def test_who_guesses_tokens_is_locked_out_with_the_right_one_too(guarded: Guarded) -> None:
    with client(guarded.server, source="127.0.0.66") as one:
        wrong = {"Authorization": "Bearer wrong-token-wrong-token"}
        statuses = [one.get("/tools", headers=wrong).status_code for _ in range(11)]
        assert statuses == [401] * 10 + [429]
        right = {"Authorization": f"Bearer {token_of('reader')}"}
        answer = one.get("/tools", headers=right)
    assert (answer.status_code, rule_of(answer)) == (429, "access.guessing")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    with client(guarded.server, "reader") as elsewhere:
        assert elsewhere.get("/tools").status_code == 200


def test_a_narrowed_token_reaches_its_tools_and_networks_alone(guarded: Guarded) -> None:
    with client(guarded.server, "narrow") as one:
        inside = one.post("/tools/QuickTool/execute", json={"target": "10.1.0.1"})
        outside = one.post("/tools/QuickTool/execute", json=TARGET)
        other = one.post("/tools/LastingTool/execute", json={"target": "10.1.0.1"})
        planned = one.post("/tools/QuickTool/plan", json=TARGET).json()
    assert inside.json()["status"] == "success"
    assert (outside.status_code, rule_of(outside)) == (403, "access.network")
    assert (other.status_code, rule_of(other)) == (403, "access.tool")
    assert planned["error"]["metadata"]["rule"] == "access.network"


@pytest.mark.parametrize("era", [HANDSHAKE, MODERN])
def test_a_narrowed_token_is_shown_and_given_no_more_over_mcp(guarded: Guarded, era: str) -> None:
    with mcp_client(port_of(guarded.server), era, token_of("narrow")) as one:
        assert [tool["name"] for tool in one.result("tools/list")["tools"]] == ["QuickTool"]
        outside = one.call_tool("QuickTool", "10.2.0.1")
        other = one.call_tool("LastingTool", "10.1.0.1")
    assert outside["error"]["metadata"]["rule"] == "access.network"
    assert other["error"]["metadata"]["rule"] == "access.tool"
    with mcp_client(port_of(guarded.server), era, token_of("both")) as one:
        assert len(one.result("tools/list")["tools"]) == 2


def test_a_narrowed_caller_sees_and_cancels_its_own_executions_alone(guarded: Guarded) -> None:
    with client(guarded.server, "narrow") as narrow, client(guarded.server, "both") as both:
        own = narrow.post("/tools/QuickTool/execute", json={"target": "10.1.0.2"}).json()
        foreign = both.post("/tools/QuickTool/execute", json={"target": "10.1.0.2"}).json()
        page = narrow.get("/executions?limit=100").json()["executions"]
        assert {one["caller"] for one in page} == {"narrow"}
        assert own["execution_id"] in {one["execution_id"] for one in page}
        assert narrow.get(f"/executions/{own['execution_id']}").status_code == 200
        for method in ("GET", "DELETE"):
            hidden = narrow.request(method, f"/executions/{foreign['execution_id']}")
            assert hidden.status_code == 404
        assert both.get(f"/executions/{own['execution_id']}").status_code == 200


def test_the_rate_is_told_by_headers_and_kept(guarded: Guarded) -> None:
    with client(guarded.server, "hasty") as one:
        answers = [one.post("/tools/QuickTool/execute", json=TARGET) for _ in range(5)]
    assert [each.status_code for each in answers] == [200] * 4 + [429]
    assert [each.headers["ratelimit-remaining"] for each in answers] == ["3", "2", "1", "0", "0"]
    last = answers[-1]
    assert last.headers["ratelimit-limit"] == "4"
    assert last.json()["error"]["error_type"] == "rate_limited"
    assert int(last.headers["retry-after"]) >= last.json()["error"]["metadata"]["retry_after_sec"]


def test_a_foreign_host_and_a_foreign_page_are_turned_away(guarded: Guarded) -> None:
    with client(guarded.server, "chief") as one:
        for path in ("/tools", "/mcp"):
            host = one.get(path, headers={"Host": "evil.example"})
            assert (host.status_code, rule_of(host)) == (421, "access.host")
            page = one.get(path, headers={"Origin": "https://evil.example"})
            assert (page.status_code, rule_of(page)) == (403, "access.origin")
            assert "access-control-allow-origin" not in page.headers


def test_a_page_that_was_named_may_ask_and_read(guarded: Guarded) -> None:
    preflight = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    with client(guarded.server) as one:
        asked = one.options("/tools/QuickTool/execute", headers=preflight)
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-origin"] == PAGE
    assert "POST" in asked.headers["access-control-allow-methods"]
    assert "authorization" in asked.headers["access-control-allow-headers"].lower()
    with client(guarded.server, "reader") as one:
        answer = one.get("/tools", headers={"Origin": PAGE})
    assert answer.headers["access-control-allow-origin"] == PAGE


def test_denials_are_on_record_once_and_never_with_a_token(guarded: Guarded) -> None:
    with client(guarded.server, source="127.0.0.67") as one:
        for _ in range(3):
            assert one.get("/config").status_code == 401
    with client(guarded.server, "reader", source="127.0.0.67") as one:
        assert one.get("/config").status_code == 403
    denied = [what for what in recorded(guarded.state, "Denied") if what["address"] == "127.0.0.67"]
    assert [(what["caller"], what["rule"]) for what in denied] == [
        ("", "access.missing"),
        ("reader", "access.scope"),
    ]
    assert {what["action"] for what in denied} == {"GET /config"}
    everything = json.dumps(recorded(guarded.state)) + "".join(guarded.server.log)
    assert token_of("reader") not in everything
    assert "wrong-token" not in everything


def test_who_is_refused_again_and_again_must_wait_and_does_not_fill_the_record(
    tmp_path: Path,
) -> None:
    with http_server(tmp_path, **SETTINGS) as server, client(server) as one:
        answers = [
            one.post("/tools/QuickTool/execute", json={"target": "8.8.8.8"}) for _ in range(60)
        ]
        statuses = [answer.status_code for answer in answers]
        assert statuses[:40] == [403] * 40
        last = answers[-1]
        assert (last.status_code, rule_of(last)) == (429, "rate.refused")
        assert int(last.headers["retry-after"]) >= 1
        counted = one.get("/metrics").text
        assert server.end() == 0
    limited = statuses.count(429)
    assert f'mcp_rate_limited_total{{tool="QuickTool"}} {limited}.0' in counted
    assert f'mcp_tool_execution_total{{status="refused",tool="QuickTool"}} {60}.0' in counted
    assert len(recorded(tmp_path, "Requested")) == 60 - limited
    told = recorded(tmp_path, "Denied")
    assert [what["rule"] for what in told] == ["rate.refused"] * 2
    assert sum(what["count"] for what in told) == limited


def test_without_a_token_everything_is_allowed_on_loopback_and_only_there(tmp_path: Path) -> None:
    with http_server(tmp_path, **QUICK) as server, client(server) as one:
        assert server.url.startswith("http://127.0.0.1:")
        assert any("http.open_to_this_machine" in line for line in server.log)
        assert one.get("/config").status_code == 200
        assert one.post("/tools/QuickTool/execute", json=TARGET).json()["status"] == "success"


@pytest.mark.parametrize(
    ("words", "environ"),
    [
        (("--host", "0.0.0.0"), {}),
        ((), {"MCP_SERVER_HOST": "10.77.0.1"}),
    ],
)
def test_told_to_listen_elsewhere_without_a_token_it_refuses_to_start(
    words: tuple[str, ...], environ: dict[str, Any], tmp_path: Path
) -> None:
    status, said, _ = refused_start(tmp_path, "--port", "0", *words, **environ)
    assert status == 2
    assert "server.host" in said
    assert "netsonde token new" in said
    assert "Traceback" not in said
