"""The metrics before a real Prometheus and its linter."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from netsonde.adapters.telemetry.telemetry import Telemetry
from netsonde.domain import bucket
from tests.contract.prometheus import objections, prometheus
from tests.unit.adapters.telemetry.watched import made, watch
from tests.unit.application.world import World, run

TRACE = "0af7651916cd43dd8448eb211c80319c"
QUERIES = {
    'mcp_tool_execution_total{tool="PingTool",status="success"}': "1",
    'mcp_tool_execution_duration_seconds_count{tool="PingTool"}': "1",
    'mcp_tool_active_executions{tool="PingTool"}': "0",
    'mcp_tool_timeouts_total{tool="PingTool"}': "0",
    'mcp_circuit_breaker_state{tool="PingTool",state="closed"}': "1",
    'mcp_circuit_breaker_state{tool="PingTool",state="open"}': "0",
    'mcp_tool_refusals_total{tool="PingTool",rule="target.public"}': "1",
    'mcp_rate_limited_total{tool="PingTool"}': "1",
    "count(count by (le) (mcp_tool_execution_duration_seconds_bucket))": "19",
}


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    """After a success, a refusal and one call too many."""
    telemetry = made()
    run_tool = watch(World(), telemetry, rate=bucket.Rate(tokens=1, per_s=60))

    async def calls() -> None:
        with telemetry.tracer.request("call", {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}):
            for target in ("10.0.0.1", "10.0.0.2", "8.8.8.8"):
                await run_tool.execute("PingTool", {"target": target})

    run(calls())
    yield telemetry
    telemetry.shutdown()


@pytest.fixture
def metrics_url(telemetry: Telemetry) -> Iterator[str]:
    """Where the metrics of those calls are served."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text, content_type = telemetry.metrics.text(self.headers["Accept"])
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/metrics"
    server.shutdown()
    server.server_close()
    thread.join()


def test_promtool_has_no_objection(telemetry: Telemetry) -> None:
    assert objections(telemetry.metrics.text()[0]) == ""


def test_prometheus_answers_a_query_for_each_series_and_shows_the_trace(
    metrics_url: str, tmp_path: Path
) -> None:
    with prometheus(tmp_path, metrics_url) as scraping:
        answers = {expression: scraping.query(expression) for expression in QUERIES}
        exemplars = scraping.exemplars("mcp_tool_execution_duration_seconds_bucket")
    values = {expression: vector[0]["value"][1] for expression, vector in answers.items()}
    assert values == QUERIES
    assert {exemplar["labels"]["trace_id"] for exemplar in exemplars} == {TRACE}
