"""What sends metrics and spans to an OTLP collector, over HTTP."""

from collections.abc import Callable

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

Stop = Callable[[], object]


def metric_reader() -> PeriodicExportingMetricReader:
    """Sends all metrics every minute, or as often as OTEL_METRIC_EXPORT_INTERVAL says."""
    return PeriodicExportingMetricReader(OTLPMetricExporter())


def span_provider(resource: Resource) -> tuple[TracerProvider, Stop]:
    """Sends spans in batches; and what makes a flush under way give up."""
    exporter = OTLPSpanExporter()
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider, exporter.shutdown
