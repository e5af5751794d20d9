"""Metrics and traces of one service, put together from what the environment asks for."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from opentelemetry.metrics import Histogram
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider

from ...application.catalog import Broken
from ...application.ports import EventLog, Metrics, Tracer
from .additions import Additions
from .carrier import inject
from .complaints import Complaints
from .environment import exports
from .instruments import BreakerStates, instrument
from .metered_events import MeteredEvents
from .metrics import OTelMetrics
from .prometheus import ContractReader
from .tally import Tally
from .trace_ids import TraceIds
from .tracer import OTelTracer, PassingTracer

LOGGER = logging.getLogger("netsonde.telemetry")
SHUTDOWN_S = 2.0
_FLUSH_S = 1.5


class Telemetry:
    """What `make_telemetry` made. `broken` is what the environment or a plug-in got wrong."""

    def __init__(
        self,
        *,
        metrics: Metrics,
        tracer: Tracer,
        tally: Tally,
        durations: Histogram,
        broken: tuple[Broken, ...],
        complaints: Complaints,
        endings: Sequence[Callable[[], object]],
        stops: Sequence[Callable[[], object]],
    ) -> None:
        self.metrics = metrics
        self.tracer = tracer
        self.broken = broken
        self.log_filter = TraceIds()
        self._tally = tally
        self._durations = durations
        self._complaints = complaints
        self._endings = endings
        self._stops = stops

    def observe(self, log: EventLog) -> EventLog:
        """The same log, counted on the way."""
        return MeteredEvents(log, self._tally, self._durations)

    def tools(self, tools: Iterable[str]) -> None:
        """The names of the catalog's tools from now on, switched off ones included."""
        self._tally.adopt(tools)

    def carried(self) -> dict[str, str]:
        """The current trace context as `traceparent`, `tracestate`, `baggage`; empty if there is none."""
        return inject()

    def shutdown(self) -> None:
        """Send what is left and end, within 2 s whatever the collector does; raises nothing.

        Blocks. What can't be sent by then is given up, and the log says so. A second call does
        nothing.
        """
        endings, self._endings = self._endings, ()
        if not endings:
            return
        threads = [threading.Thread(target=_quietly, args=(end,), daemon=True) for end in endings]
        until_s = time.monotonic() + _FLUSH_S
        for thread in threads:
            thread.start()
        _join(threads, until_s)
        if any(thread.is_alive() for thread in threads):
            LOGGER.warning("telemetry.unsent", extra={"fields": {"waited_sec": _FLUSH_S}})
            self._complaints.hush()
            for stop in self._stops:
                _quietly(stop)
            _join(threads, until_s - _FLUSH_S + SHUTDOWN_S)
        if not any(thread.is_alive() for thread in threads):
            self._complaints.remove()  # else it stays, to keep the rest of them silent


def make_telemetry(
    environ: Mapping[str, str],
    *,
    version: str,
    tools: Iterable[str],
    breaker_states: BreakerStates,
    plugins: Sequence[str] = (),
) -> Telemetry:
    """Metrics always; spans, and metrics by OTLP, where `environ` has an endpoint for them.

    `environ` must be the environment of this process: all other OTEL_* variables (headers,
    time limits, intervals, sampler, resource) are read there by the SDK, as its specification has
    it. `breaker_states` gives the state for each tool of the catalog; it is called when somebody
    collects, also from another thread. `plugins` are names of the setting of that name; those that
    have an entry point in the group `netsonde.metrics` are loaded. Raises nothing: what can't be
    done is in `broken`.
    """
    complaints = Complaints(LOGGER)
    complaints.install()
    wanted = exports(environ)
    broken = list(wanted.broken)
    resource = _resource(version)
    tally = Tally(tools)
    endings: list[Callable[[], object]] = []
    stops: list[Callable[[], object]] = []

    def readers() -> tuple[MetricReader, ...]:
        return tuple(_otlp_metrics(broken)) if wanted.metrics else ()

    reader = ContractReader(lambda: tally.tools)
    provider = MeterProvider((reader, *readers()), resource, shutdown_on_exit=False)
    durations = instrument(provider.get_meter("netsonde", version), tally, breaker_states)
    additions = Additions(plugins, resource, readers, LOGGER)
    for each in (provider, *(part.provider for part in additions.parts)):
        endings.append(partial(each.shutdown, timeout_millis=_FLUSH_S * 1000))
    tracer: Tracer = PassingTracer()
    if wanted.traces and (spans := _otlp_spans(resource, broken)) is not None:
        traced, stop = spans
        tracer = OTelTracer(traced.get_tracer("netsonde", version))
        endings.append(traced.shutdown)
        stops.append(stop)
    return Telemetry(
        metrics=OTelMetrics(tally, reader, additions),
        tracer=tracer,
        tally=tally,
        durations=durations,
        broken=(*dict.fromkeys(broken), *additions.broken),
        complaints=complaints,
        endings=endings,
        stops=stops,
    )


def _resource(version: str) -> Resource:
    """Who is measured: as OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say, else netsonde."""
    said = OTELResourceDetector().detect().attributes
    ours = {"service.name": "netsonde", "service.version": version}
    return Resource.create({name: value for name, value in ours.items() if name not in said})


def _otlp_metrics(broken: list[Broken]) -> Iterable[MetricReader]:
    # Protobuf and requests are imported only for those who have a collector.
    try:
        from .otlp import metric_reader

        yield metric_reader()
    except Exception as error:  # a variable that the SDK can't take: serve without a collector
        broken.append(_refused(error))


def _otlp_spans(
    resource: Resource, broken: list[Broken]
) -> tuple[TracerProvider, Callable[[], object]] | None:
    try:
        from .otlp import span_provider

        return span_provider(resource)
    except Exception as error:
        broken.append(_refused(error))
        return None


def _refused(error: Exception) -> Broken:
    said = " ".join(str(error).split())[:300]
    reason = f"{type(error).__name__}: {said}; correct the OTEL_* variable that this names"
    return Broken(source="OTLP", reason=reason)


def _quietly(action: Callable[[], object]) -> None:
    try:
        action()
    except Exception as error:
        LOGGER.debug("telemetry.shutdown", extra={"fields": {"exception": repr(error)}})


def _join(threads: Iterable[threading.Thread], until_s: float) -> None:
    for thread in threads:
        thread.join(max(0.0, until_s - time.monotonic()))
