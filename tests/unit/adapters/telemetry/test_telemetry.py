"""Telemetry as a whole: executions observed, the end, what must not be imported."""

import asyncio
import http.server
import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from opentelemetry.metrics import NoOpMeter

from netsonde.adapters.memory import Hangs, KeptSpans
from netsonde.adapters.telemetry.complaints import Complaints
from netsonde.adapters.telemetry.tally import Tally
from netsonde.adapters.telemetry.telemetry import SHUTDOWN_S, Telemetry, make_telemetry
from netsonde.adapters.telemetry.tracer import OTelTracer, PassingTracer
from netsonde.application.untraced import Untraced
from netsonde.domain import breaker
from netsonde.domain.execution import Status
from tests.unit.adapters.telemetry.watched import made, watch
from tests.unit.application.world import World, run

TRACE = "0af7651916cd43dd8448eb211c80319c"
CARRIER = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
ASK = {"target": "10.0.0.1"}


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    telemetry = made()
    yield telemetry
    telemetry.shutdown()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port on which nobody listens, and which nobody else is given."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_without_an_endpoint_spans_are_not_recorded(telemetry: Telemetry) -> None:
    assert isinstance(telemetry.tracer, PassingTracer)


def test_a_durations_exemplar_names_the_callers_trace(telemetry: Telemetry) -> None:
    run_tool = watch(World(), telemetry)

    async def call() -> None:
        with telemetry.tracer.request("call", CARRIER):
            await run_tool.execute("PingTool", ASK)

    run(call())
    for _ in range(2):  # for whoever scrapes next, too
        text = telemetry.metrics.text("application/openmetrics-text")[0].decode()
        (line,) = [line for line in text.splitlines() if " # " in line]
        assert line.startswith('mcp_tool_execution_duration_seconds_bucket{le="0.005"')
        assert f'trace_id="{TRACE}"' in line


def test_an_execution_is_one_tree_of_spans_also_across_the_task_it_has() -> None:
    spans = KeptSpans()
    run_tool = watch(World(), tracer=spans)

    async def call() -> None:
        with spans.request("call", CARRIER):
            await run_tool.execute("PingTool", ASK)

    run(call())
    (request, *children) = spans.spans
    assert [span.name for span in children] == ["judge", "wait", "process", "parse"]
    assert all(span.parent is request and span.trace == TRACE for span in children)
    assert {span.ended for span in spans.spans} == {"done"}


def test_two_calls_at_a_time_have_a_tree_each() -> None:
    spans = KeptSpans()
    run_tool = watch(World(), tracer=spans)

    async def call(name: str) -> None:
        with spans.request(name, {}):
            await run_tool.execute("PingTool", ASK)

    async def both() -> None:
        await asyncio.gather(call("a"), call("b"))

    run(both())
    parents = [span.parent.name for span in spans.spans if span.parent is not None]
    assert sorted(parents) == ["a"] * 4 + ["b"] * 4


def test_a_cancelled_execution_did_not_fail() -> None:
    spans = KeptSpans()
    world = World(lambda plan: Hangs())
    run_tool = watch(world, tracer=spans)

    async def call() -> None:
        task = asyncio.ensure_future(run_tool.execute("PingTool", ASK))
        await world.running(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await run_tool.idle()

    run(call())
    (process,) = (span for span in spans.spans if span.name == "process")
    assert process.attributes["how"] == "cancelled"
    assert {span.ended for span in spans.spans} == {"done"}


def test_what_runs_is_counted_as_active_until_it_ends(telemetry: Telemetry) -> None:
    world = World(lambda plan: Hangs())
    run_tool = watch(world, telemetry)

    async def call() -> None:
        task = asyncio.ensure_future(run_tool.execute("PingTool", ASK))
        await world.running(1)
        assert telemetry.metrics.counts()["PingTool"].active == 1
        assert run_tool.cancel("w1")
        assert (await task).status is Status.CANCELLED

    run(call())
    assert telemetry.metrics.counts()["PingTool"].active == 0


def test_the_breaker_states_that_cannot_be_told_leave_the_rest_readable() -> None:
    def broken() -> dict[str, breaker.State]:
        raise RuntimeError("no states")

    telemetry = make_telemetry({}, version="1", tools=["PingTool"], breaker_states=broken)
    text = telemetry.metrics.text()[0]
    telemetry.shutdown()
    assert b"mcp_circuit_breaker_state{" not in text
    assert b"mcp_tool_execution_total{" in text


def test_the_service_is_named_as_the_environment_says_or_netsonde(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    telemetry = made()
    assert b'service_name="netsonde",service_version="1.2.3"' in telemetry.metrics.text()[0]
    telemetry.shutdown()
    monkeypatch.setenv("OTEL_SERVICE_NAME", "probe")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.version=9,site=north")
    telemetry = made()
    text = telemetry.metrics.text()[0]
    telemetry.shutdown()
    assert b'service_name="probe",service_version="9",site="north"' in text


def export_to(monkeypatch: pytest.MonkeyPatch, port: int) -> dict[str, str]:
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return environ


def ended_in_time(telemetry: Telemetry) -> bool:
    begun_s = time.monotonic()
    telemetry.shutdown()
    return time.monotonic() - begun_s < SHUTDOWN_S + 1  # the machine may be busy


@pytest.fixture
def stragglers() -> Iterator[None]:
    """Waits for the SDK's threads, so that what they still say is not heard by the next test."""
    yield
    for thread in threading.enumerate():
        if thread.name.startswith("Otel"):
            thread.join(10)


@pytest.mark.usefixtures("stragglers")
def test_the_end_comes_in_time_when_the_collector_is_away(
    monkeypatch: pytest.MonkeyPatch, closed_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    telemetry = made(export_to(monkeypatch, closed_port))
    assert isinstance(telemetry.tracer, OTelTracer)
    for _ in range(2000):
        with telemetry.tracer.request("call", {}):
            pass
    with caplog.at_level(logging.DEBUG, "netsonde.telemetry"):
        assert ended_in_time(telemetry)
    assert [record.getMessage() for record in caplog.records][-1:] == ["telemetry.unsent"]


@pytest.mark.usefixtures("stragglers")
def test_the_end_comes_in_time_when_the_collector_never_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        telemetry = made(export_to(monkeypatch, silent.getsockname()[1]))
        with telemetry.tracer.request("call", {}):
            pass
        assert ended_in_time(telemetry)
        telemetry.shutdown()  # a second time does nothing


def test_what_cannot_be_ended_keeps_nothing_else_from_its_end() -> None:
    def refuse() -> None:
        raise RuntimeError("no")

    ended = threading.Event()
    unused = made()
    unused.shutdown()
    telemetry = Telemetry(
        metrics=unused.metrics,
        tracer=Untraced(),
        tally=Tally(()),
        durations=NoOpMeter("test").create_histogram("durations"),
        broken=(),
        complaints=Complaints(logging.getLogger("netsonde.test")),
        endings=[refuse, ended.set],
        stops=[],
    )
    telemetry.shutdown()
    assert ended.is_set()


def test_a_collector_that_refuses_everything_is_told_of_once_for_each_signal(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Refusing(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(400)
            self.send_header("Content-Length", "0")
            self.end_headers()
            if self.path == "/v1/traces":
                batches.release()

        def log_message(self, format: str, *args: object) -> None:
            pass

    batches = threading.Semaphore(0)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1")
    telemetry = made(export_to(monkeypatch, server.server_port))
    with caplog.at_level(logging.WARNING, "netsonde.telemetry"):
        for _ in range(20):
            with telemetry.tracer.request("call", {}):
                pass
        assert all(batches.acquire(timeout=5) for _ in range(20))
        telemetry.shutdown()
    server.shutdown()
    server.server_close()
    troubles = [vars(r)["fields"] for r in caplog.records if r.getMessage() == "telemetry.trouble"]
    sources = [str(fields["source"]).rpartition(".")[2] for fields in troubles]
    assert sorted(sources) == ["metric_exporter", "trace_exporter"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [("OTEL_METRIC_EXPORT_INTERVAL", "-1"), ("OTEL_BSP_MAX_QUEUE_SIZE", "-1")],
)
@pytest.mark.usefixtures("stragglers")
def test_a_variable_that_the_sdk_cannot_take_is_reported_and_nothing_else_lost(
    monkeypatch: pytest.MonkeyPatch, closed_port: int, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    telemetry = made(export_to(monkeypatch, closed_port))
    telemetry.shutdown()
    assert [one.source for one in telemetry.broken] == ["OTLP"]


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("netsonde.adapters.telemetry.environment", "opentelemetry"),
        ("netsonde.adapters.telemetry.telemetry", "opentelemetry.exporter.otlp"),
    ],
)
def test_what_is_not_asked_for_is_not_imported(module: str, unwanted: str) -> None:
    code = f"import sys, {module}; sys.exit({unwanted!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=20, check=False).returncode == 0
