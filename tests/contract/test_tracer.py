"""The port `Tracer`: OpenTelemetry's, the one that only passes a trace on, the one in memory, none."""

import asyncio
from collections.abc import Callable, Mapping

import msgspec
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from netsonde.adapters.memory import KeptSpans
from netsonde.adapters.telemetry.carrier import inject
from netsonde.adapters.telemetry.tracer import OTelTracer, PassingTracer
from netsonde.application.ports import Tracer
from netsonde.application.untraced import Untraced

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CARRIER = {"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "vendor=x", "baggage": "who=me"}
MALFORMED: list[Mapping[str, object]] = [
    {"traceparent": ""},
    {"traceparent": "x"},
    {"traceparent": f"00-{'0' * 32}-{SPAN}-01"},
    {"traceparent": f"ff-{TRACE}-{SPAN}-01"},
    {"traceparent": f"00-{TRACE}-{SPAN}-01" * 100},
    {"traceparent": 7, "tracestate": None, "baggage": ["x"]},
    {"traceparent": {"nested": True}},
    {"traceparent": "\u2028\x00"},
    {"baggage": "a=b," * 100_000},
    {"tracestate": "no=parent"},
]


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A span as whoever looks at it afterwards knows it. `ended`: done, failed or cancelled."""

    name: str
    parent: str | None
    trace: str
    ended: str
    attributes: dict[str, object]


class Traced(msgspec.Struct, frozen=True):
    """A tracer, and what it recorded, in order of the names; None if it records nothing."""

    tracer: Tracer
    recorded: Callable[[], list[Seen]] | None = None

    def seen(self) -> dict[str, Seen]:
        """By name."""
        assert self.recorded is not None
        return {span.name: span for span in self.recorded()}


def kept() -> Traced:
    spans = KeptSpans()

    def recorded() -> list[Seen]:
        return [
            Seen(
                name=span.name,
                parent=span.parent.name if span.parent else None,
                trace=span.trace,
                ended=span.ended or "open",
                attributes=dict(span.attributes),
            )
            for span in spans.spans
        ]

    return Traced(spans, recorded)


def otel(exporter: InMemorySpanExporter) -> Traced:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    def recorded() -> list[Seen]:
        spans = exporter.get_finished_spans()
        names = {span.context.span_id: span.name for span in spans if span.context}
        return [as_seen(span, names) for span in spans]

    return Traced(OTelTracer(provider.get_tracer("test")), recorded)


def as_seen(span: ReadableSpan, names: Mapping[int, str]) -> Seen:
    attributes: dict[str, object] = {
        key.removeprefix("netsonde."): value for key, value in (span.attributes or {}).items()
    }
    failed = span.status.status_code is StatusCode.ERROR
    cancelled = attributes.pop("cancelled", False)
    assert span.context is not None
    return Seen(
        name=span.name,
        parent=names.get(span.parent.span_id) if span.parent else None,
        trace=f"{span.context.trace_id:032x}",
        ended="failed" if failed else "cancelled" if cancelled else "done",
        attributes=attributes,
    )


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture(params=["untraced", "passing", "kept", "otel"])
def tracer(request: pytest.FixtureRequest, exporter: InMemorySpanExporter) -> Tracer:
    all_of_them: dict[str, Tracer] = {
        "untraced": Untraced(),
        "passing": PassingTracer(),
        "kept": kept().tracer,
        "otel": otel(exporter).tracer,
    }
    return all_of_them[request.param]


@pytest.fixture(params=["kept", "otel"])
def traced(request: pytest.FixtureRequest, exporter: InMemorySpanExporter) -> Traced:
    return kept() if request.param == "kept" else otel(exporter)


@pytest.mark.parametrize("carrier", [{}, CARRIER, *MALFORMED])
def test_the_work_is_done_whatever_the_carrier_says(
    tracer: Tracer, carrier: Mapping[str, str]
) -> None:
    done = []
    with tracer.request("call", carrier, tool="PingTool") as request:
        request.set(a="x", b=1, c=1.5, d=True)
        with tracer.span("judge", hostname="h") as span:
            span.set(verdict="allowed")
            done.append(1)
    assert done == [1]


@pytest.mark.parametrize("error", [ValueError("no"), asyncio.CancelledError(), SystemExit(1)])
def test_an_exception_goes_its_way(tracer: Tracer, error: BaseException) -> None:
    with pytest.raises(type(error)) as raised, tracer.request("call", CARRIER), tracer.span("a"):
        raise error
    assert raised.value is error


def test_after_a_request_nothing_of_it_is_left(tracer: Tracer) -> None:
    with tracer.request("call", CARRIER), tracer.span("judge"):
        pass
    assert inject() == {}


def test_a_request_belongs_to_the_trace_that_its_carrier_names(traced: Traced) -> None:
    with traced.tracer.request("call", CARRIER), traced.tracer.span("judge"):
        pass
    seen = traced.seen()
    assert seen["call"].trace == seen["judge"].trace == TRACE
    assert seen["call"].parent is None
    assert seen["judge"].parent == "call"


@pytest.mark.parametrize("carrier", [{}, *MALFORMED])
def test_a_request_whose_carrier_names_none_begins_a_trace(
    traced: Traced, carrier: Mapping[str, str]
) -> None:
    with traced.tracer.request("other", CARRIER), traced.tracer.request("call", carrier):
        pass
    seen = traced.seen()["call"]
    assert seen.parent is None
    assert seen.trace != TRACE


def test_spans_are_inside_of_the_one_that_is_open(traced: Traced) -> None:
    tracer = traced.tracer
    with tracer.request("call", {}):
        with tracer.span("a"), tracer.span("b"):
            pass
        with tracer.span("c"):
            pass
    parents = {name: span.parent for name, span in traced.seen().items()}
    assert parents == {"call": None, "a": "call", "b": "a", "c": "call"}


def test_a_task_goes_on_in_the_span_it_was_made_in_and_others_do_not_see_it(
    traced: Traced,
) -> None:
    tracer = traced.tracer

    async def work(name: str) -> None:
        with tracer.span(name):
            await asyncio.sleep(0)

    async def call(name: str) -> None:
        with tracer.request(name, {}):
            await asyncio.ensure_future(work(f"{name}.work"))

    async def both() -> None:
        await asyncio.gather(call("a"), call("b"))

    asyncio.run(both())
    seen = traced.seen()
    assert (seen["a.work"].parent, seen["b.work"].parent) == ("a", "b")


def test_what_is_told_of_a_span_is_kept(traced: Traced) -> None:
    with traced.tracer.request("call", {}, tool="PingTool") as request:
        request.set(count=2, share=0.5, told=True)
    expected = {"tool": "PingTool", "count": 2, "share": 0.5, "told": True}
    assert traced.seen()["call"].attributes == expected


def test_an_exception_that_leaves_a_span_marks_it_as_failed_and_one_that_is_caught_does_not(
    traced: Traced,
) -> None:
    tracer = traced.tracer
    with tracer.request("call", {}):
        try:
            with tracer.span("judge"):
                raise ValueError("no")
        except ValueError:
            pass
    assert {name: span.ended for name, span in traced.seen().items()} == {
        "call": "done",
        "judge": "failed",
    }


def test_a_cancellation_marks_a_span_as_cancelled_not_failed(traced: Traced) -> None:
    with pytest.raises(asyncio.CancelledError), traced.tracer.span("process"):
        raise asyncio.CancelledError
    assert traced.seen()["process"].ended == "cancelled"


def test_a_request_is_a_server_span_whose_parent_is_the_callers_and_its_state_goes_on(
    exporter: InMemorySpanExporter,
) -> None:
    tracer = otel(exporter).tracer
    with tracer.request("call", CARRIER):
        onward = inject()
    (span,) = exporter.get_finished_spans()
    assert span.kind is SpanKind.SERVER
    assert span.parent is not None
    assert span.parent.is_remote
    assert f"{span.parent.span_id:016x}" == SPAN
    assert onward["traceparent"].startswith(f"00-{TRACE}-")
    assert SPAN not in onward["traceparent"]
    assert (onward["tracestate"], onward["baggage"]) == ("vendor=x", "who=me")


def test_without_a_collector_the_callers_context_goes_on_as_it_came() -> None:
    with PassingTracer().request("call", CARRIER):
        assert inject() == CARRIER


def test_names_of_attributes_are_ours_unless_they_have_a_dot_and_texts_are_bounded(
    exporter: InMemorySpanExporter,
) -> None:
    with otel(exporter).tracer.request("call", {}, tool="x" * 10_000, **{"http.route": "/"}):
        pass
    (span,) = exporter.get_finished_spans()
    assert span.attributes == {"netsonde.tool": "x" * 1000, "http.route": "/"}
