"""What an OTLP collector gets, decoded with the official protobufs."""

import http.server
import os
import threading
from collections.abc import Iterator

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from netsonde.adapters.telemetry.telemetry import Telemetry
from tests.unit.adapters.telemetry.watched import made, watch
from tests.unit.application.world import World, run

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CARRIER = {"traceparent": f"00-{TRACE}-{SPAN}-01"}


class Collector:
    """An OTLP/HTTP receiver on loopback. `headers` are those of the last request of each path."""

    def __init__(self) -> None:
        self.traces: list[ExportTraceServiceRequest] = []
        self.metrics: list[ExportMetricsServiceRequest] = []
        self.headers: dict[str, dict[str, str]] = {}
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                answer = collector.take(self.path, headers, body)
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                """Nobody reads it."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    @property
    def url(self) -> str:
        """The value for OTEL_EXPORTER_OTLP_ENDPOINT."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def take(self, path: str, headers: dict[str, str], body: bytes) -> bytes:
        """Decode one request; gives the encoded answer."""
        assert headers["content-type"] == "application/x-protobuf"
        self.headers[path] = headers
        if path == "/v1/traces":
            self.traces.append(ExportTraceServiceRequest.FromString(body))
            return bytes(ExportTraceServiceResponse().SerializeToString())
        assert path == "/v1/metrics"
        self.metrics.append(ExportMetricsServiceRequest.FromString(body))
        return bytes(ExportMetricsServiceResponse().SerializeToString())

    def spans(self) -> list[Span]:
        """All that came."""
        return [
            span
            for request in self.traces
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def points(self) -> dict[str, dict[frozenset[str], float]]:
        """The last value of every series, by name and values of the labels; counts of histograms."""
        found: dict[str, dict[frozenset[str], float]] = {}
        for request in self.metrics:
            for resource in request.resource_metrics:
                for scope in resource.scope_metrics:
                    for metric in scope.metrics:
                        series = found.setdefault(metric.name, {})
                        for point in (*metric.sum.data_points, *metric.gauge.data_points):
                            labels = frozenset(a.value.string_value for a in point.attributes)
                            series[labels] = point.as_int or point.as_double
                        for bars in metric.histogram.data_points:
                            labels = frozenset(a.value.string_value for a in bars.attributes)
                            series[labels] = bars.count
        return found

    def close(self) -> None:
        """End."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


@pytest.fixture
def telemetry(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> Telemetry:
    """To be shut down by the test: that is what sends."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=secret")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=lab")
    return made(dict(os.environ))


def call(telemetry: Telemetry) -> None:
    run_tool = watch(World(), telemetry)

    async def one() -> None:
        with telemetry.tracer.request("tools/call", CARRIER, tool="PingTool"):
            await run_tool.execute("PingTool", {"target": "10.0.0.1"})

    run(one())


def test_the_spans_of_an_execution_are_a_tree_under_the_callers_span(
    telemetry: Telemetry, collector: Collector
) -> None:
    call(telemetry)
    telemetry.shutdown()
    spans = {span.name: span for span in collector.spans()}
    assert {span.trace_id.hex() for span in spans.values()} == {TRACE}
    request = spans.pop("tools/call")
    assert request.parent_span_id.hex() == SPAN
    assert request.kind == Span.SpanKind.SPAN_KIND_SERVER
    assert sorted(spans) == ["judge", "parse", "process", "wait"]
    assert {span.parent_span_id for span in spans.values()} == {request.span_id}
    assert {span.status.code for span in spans.values()} == {Status.StatusCode.STATUS_CODE_UNSET}


def test_a_name_that_is_looked_up_has_a_span_too(
    telemetry: Telemetry, collector: Collector
) -> None:
    run_tool = watch(World(), telemetry)
    run(run_tool.execute("PingTool", {"target": "a.lab.internal"}))
    telemetry.shutdown()
    assert [span.name for span in collector.spans()] == ["resolve", "judge"]


def test_the_metrics_are_those_of_the_contract(telemetry: Telemetry, collector: Collector) -> None:
    call(telemetry)
    telemetry.shutdown()
    points = collector.points()
    assert set(points) == {
        "mcp_tool_execution_total",
        "mcp_tool_execution_duration_seconds",
        "mcp_tool_active_executions",
        "mcp_tool_timeouts_total",
        "mcp_circuit_breaker_state",
        "mcp_tool_refusals_total",
        "mcp_rate_limited_total",
    }
    assert points["mcp_tool_execution_total"][frozenset({"PingTool", "success"})] == 1
    assert points["mcp_tool_execution_duration_seconds"][frozenset({"PingTool"})] == 1
    assert points["mcp_circuit_breaker_state"][frozenset({"PingTool", "closed"})] == 1


def test_the_durations_exemplar_links_metrics_to_the_trace(
    telemetry: Telemetry, collector: Collector
) -> None:
    call(telemetry)
    telemetry.shutdown()
    exemplars = [
        exemplar
        for request in collector.metrics
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.histogram.data_points
        for exemplar in point.exemplars
    ]
    assert {exemplar.trace_id.hex() for exemplar in exemplars} == {TRACE}


def test_the_standard_variables_are_followed(telemetry: Telemetry, collector: Collector) -> None:
    call(telemetry)
    telemetry.shutdown()
    for requests in (
        [one.resource for request in collector.traces for one in request.resource_spans],
        [one.resource for request in collector.metrics for one in request.resource_metrics],
    ):
        attributes = {a.key: a.value.string_value for r in requests for a in r.attributes}
        assert attributes["service.name"] == "netsonde"
        assert attributes["service.version"] == "1.2.3"
        assert attributes["deployment.environment.name"] == "lab"
    assert {headers["x-key"] for headers in collector.headers.values()} == {"secret"}


def test_a_caller_that_does_not_sample_is_not_traced_here_either(
    telemetry: Telemetry, collector: Collector
) -> None:
    with telemetry.tracer.request("call", {"traceparent": f"00-{TRACE}-{SPAN}-00"}):
        pass
    telemetry.shutdown()
    assert collector.spans() == []


def test_metrics_go_to_the_collector_and_to_prometheus_at_a_time(
    telemetry: Telemetry, collector: Collector
) -> None:
    call(telemetry)
    text = telemetry.metrics.text()[0]
    telemetry.shutdown()
    assert b'mcp_tool_execution_total{status="success",tool="PingTool"} 1.0' in text
    assert collector.points()["mcp_tool_execution_total"][frozenset({"PingTool", "success"})] == 1
