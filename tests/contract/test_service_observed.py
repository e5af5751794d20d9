"""The product as collectors see it: a real Prometheus, an OTLP receiver, and its log lines."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.contract.drivers.server import Server, http_server
from tests.contract.mcp_http_client import client as mcp_client
from tests.contract.mcp_raw_client import HANDSHAKE, MODERN
from tests.contract.otlp import Collector
from tests.contract.prometheus import objections, prometheus
from tests.contract.service import QUICK, TARGET, client, port_of

pytestmark = pytest.mark.lab
SETTINGS = {**QUICK, "MCP_RATE_LIMIT_RATE": "3"}
SERIES = {
    'mcp_tool_execution_total{tool="QuickTool",status="success"}': "3",
    'mcp_tool_execution_total{tool="QuickTool",status="refused"}': "2",
    'mcp_tool_execution_duration_seconds_count{tool="QuickTool"}': "3",
    'mcp_tool_execution_duration_seconds_bucket{tool="QuickTool",le="+Inf"}': "3",
    'mcp_tool_active_executions{tool="QuickTool"}': "0",
    'mcp_tool_timeouts_total{tool="LastingTool"}': "1",
    'mcp_circuit_breaker_state{tool="QuickTool",state="closed"}': "1",
    'mcp_circuit_breaker_state{tool="QuickTool",state="open"}': "0",
    'mcp_tool_refusals_total{tool="QuickTool",rule="target.public"}': "1",
    'mcp_rate_limited_total{tool="QuickTool"}': "1",
}
TRACES = [f"{number:032x}" for number in (0xA1, 0xA2, 0xA3)]
CALLERS_SPAN = "00f067aa0ba902b7"
INSIDE = ["judge", "parse", "process", "wait"]


def parent(trace: str) -> str:
    """A W3C traceparent."""
    return f"00-{trace}-{CALLERS_SPAN}-01"


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server after successes, a time-out, a refusal and one call too many."""
    with http_server(tmp_path_factory.mktemp("state"), **SETTINGS) as server, client(server) as one:
        targets = ("10.0.0.1", "8.8.8.8", "10.0.0.1", "10.0.0.1", "10.0.0.1")
        bodies: list[tuple[str, dict[str, object]]] = [
            ("QuickTool", {"target": target}) for target in targets
        ]
        bodies.append(("LastingTool", {**TARGET, "timeout_sec": 1}))
        for tool, body in bodies:
            one.post(f"/tools/{tool}/execute", json=body)
        yield server


def test_prometheus_scrapes_the_product_and_answers_for_each_series(
    used: Server, tmp_path: Path
) -> None:
    with prometheus(tmp_path, f"{used.url}/metrics") as scraping:
        found = {query: scraping.query(query)[0]["value"][1] for query in SERIES}
        assert scraping.query("up")[0]["value"][1] == "1"
    assert found == SERIES


def test_promtool_has_no_objection_to_the_product(used: Server) -> None:
    with client(used) as one:
        assert objections(one.get("/metrics").content) == ""


def test_the_same_counts_come_as_json(used: Server) -> None:
    with client(used) as one:
        asked = one.get("/metrics?format=json").json()
        negotiated = one.get("/metrics", headers={"Accept": "application/json"}).json()
    assert asked["tools"] == negotiated["tools"]
    assert set(asked["system"]) == {"cpu_percent", "memory_percent", "disk_percent"}
    quick = asked["tools"]["QuickTool"]
    assert (quick["executions"], quick["successes"], quick["active"]) == (5, 3, 0)


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


@pytest.fixture
def watched(collector: Collector, tmp_path: Path) -> Iterator[Server]:
    """A server that sends to the collector, and at its end all that is left."""
    settings = {**QUICK, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "LOG_LEVEL": "DEBUG"}
    with http_server(tmp_path, MCP_LOGGING_FORMAT="json", **settings) as server:
        yield server


def trees(collector: Collector) -> dict[str, list[Span]]:
    """The spans by their trace."""
    found: dict[str, list[Span]] = {}
    for span in collector.spans():
        found.setdefault(span.trace_id.hex(), []).append(span)
    return found


def below(spans: list[Span], name: str) -> list[str]:
    """The names of the spans that are children of the one of that name."""
    (above,) = [span for span in spans if span.name == name]
    return sorted(span.name for span in spans if span.parent_span_id == above.span_id)


@pytest.mark.parametrize("era", [HANDSHAKE, MODERN])
def test_each_mcp_call_is_a_tree_in_its_own_callers_trace(
    era: str, watched: Server, collector: Collector
) -> None:
    with mcp_client(port_of(watched), era) as one:
        for trace in TRACES[:2]:
            frame = one.frame(
                "tools/call",
                {"name": "QuickTool", "arguments": TARGET},
                traceparent=parent(trace),
            )
            # The headers are those of a connection or a proxy; whose call it is says the message.
            answer = one.post(frame, Traceparent=parent(TRACES[2])).last()
            assert answer["result"]["isError"] is False
    assert watched.end() == 0
    found = trees(collector)
    for trace in TRACES[:2]:
        spans = found[trace]
        (call,) = [span for span in spans if span.name == "mcp tools/call"]
        assert call.parent_span_id.hex() == CALLERS_SPAN
        assert below(spans, "mcp tools/call") == INSIDE
        assert len(spans) == 1 + len(INSIDE)
    assert {span.name for span in found[TRACES[2]]} == {"POST /mcp"}


def test_an_mcp_call_without_a_trace_of_its_own_belongs_to_that_of_the_headers(
    watched: Server, collector: Collector
) -> None:
    with mcp_client(port_of(watched), MODERN) as one:
        frame = one.frame("tools/call", {"name": "QuickTool", "arguments": TARGET})
        one.post(frame, Traceparent=parent(TRACES[0])).last()
    assert watched.end() == 0
    spans = trees(collector)[TRACES[0]]
    (request,) = [span for span in spans if span.parent_span_id.hex() == CALLERS_SPAN]
    assert request.name == "POST /mcp"
    assert below(spans, "POST /mcp") == ["mcp tools/call"]
    assert below(spans, "mcp tools/call") == INSIDE


def test_a_rest_call_is_a_tree_under_its_header_with_metrics_and_log_lines_beside(
    watched: Server, collector: Collector
) -> None:
    with client(watched) as one:
        headers = {"traceparent": parent(TRACES[0])}
        answer = one.post("/tools/QuickTool/execute", json=TARGET, headers=headers)
    assert watched.end() == 0
    spans = trees(collector)[TRACES[0]]
    request = "POST /tools/{name}/execute"
    (above,) = [span for span in spans if span.name == request]
    assert above.parent_span_id.hex() == CALLERS_SPAN
    assert below(spans, request) == INSIDE
    attributes = {one.key: one.value for one in above.attributes}
    assert attributes["http.response.status_code"].int_value == 200

    assert set(collector.points()) == {
        "mcp_tool_execution_total",
        "mcp_tool_execution_duration_seconds",
        "mcp_tool_active_executions",
        "mcp_tool_timeouts_total",
        "mcp_circuit_breaker_state",
        "mcp_tool_refusals_total",
        "mcp_rate_limited_total",
    }
    succeeded = frozenset({"QuickTool", "success"})
    assert collector.points()["mcp_tool_execution_total"][succeeded] == 1
    _lines_tell(watched, answer)


def _lines_tell(server: Server, answer: httpx.Response) -> None:
    lines = [json.loads(line) for line in server.log]
    mine = [line for line in lines if line.get("execution_id") == answer.json()["execution_id"]]
    assert [line["event"] for line in mine] == [
        *("tool.request", "tool.plan", "tool.start", "tool.end")
    ]
    (request,) = [line for line in lines if line.get("route") == "/tools/{name}/execute"]
    assert {line["trace_id"] for line in (*mine, request)} == {TRACES[0]}


def test_a_name_that_is_looked_up_has_a_span_too(watched: Server, collector: Collector) -> None:
    with client(watched) as one:
        headers = {"traceparent": parent(TRACES[0])}
        body = {"target": "nowhere.lab.internal"}
        one.post("/tools/QuickTool/execute", json=body, headers=headers)
    assert watched.end() == 0
    spans = trees(collector)[TRACES[0]]
    assert below(spans, "POST /tools/{name}/execute")[-1] == "resolve"
