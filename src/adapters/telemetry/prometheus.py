"""The metrics as Prometheus reads them: what the OpenTelemetry exporter gives, and what it leaves out."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics.export import HistogramDataPoint, MetricsData
from opentelemetry.trace import format_span_id, format_trace_id
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.samples import Exemplar

from . import series


class ContractReader(PrometheusMetricReader):
    """Collects our own instruments, with two additions to what the exporter makes of them.

    It has no exemplars: each bucket of the durations shows the trace that came into it last. And a
    histogram that nothing was recorded in is missing: here every tool of the catalog has one, so
    that the first execution of a tool is seen by rate().
    """

    def __init__(self, tools: Callable[[], Sequence[str]]) -> None:
        self._families = CollectorRegistry(auto_describe=False)
        self._tools = tools
        self._exemplars: dict[tuple[str, str], Exemplar] = {}
        super().__init__(scope_info_enabled=False, registry=self._families)

    def families(self) -> Iterator[Metric]:
        """Collect."""
        durations = None
        for family in self._families.collect():
            if family.name == series.DURATION:
                durations = family
            else:
                yield family
        yield self._completed(durations)

    def _receive_metrics(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> None:
        for point in _duration_points(metrics_data):
            tool = str((point.attributes or {}).get("tool"))
            for exemplar in point.exemplars:
                if exemplar.trace_id is not None and exemplar.span_id is not None:
                    self._exemplars[tool, _bucket(exemplar.value)] = Exemplar(
                        {
                            "trace_id": format_trace_id(exemplar.trace_id),
                            "span_id": format_span_id(exemplar.span_id),
                        },
                        exemplar.value,
                        exemplar.time_unix_nano / 1e9,
                    )
        super()._receive_metrics(metrics_data, timeout_millis, **kwargs)

    def _completed(self, found: Metric | None) -> Metric:
        help_text = series.HELP[series.DURATION]
        whole = HistogramMetricFamily(series.DURATION, help_text, labels=["tool"], unit="seconds")
        samples = found.samples if found is not None else []
        for sample in samples:
            shown = self._exemplars.get((sample.labels["tool"], sample.labels.get("le", "")))
            whole.samples.append(sample._replace(exemplar=shown) if shown else sample)
        there = {sample.labels["tool"] for sample in samples}
        for tool in self._tools():
            if tool not in there:
                whole.add_metric([tool], [(bound, 0.0) for bound in _BOUNDS], 0.0)
        return whole


_BOUNDS = (*map(str, series.BUCKETS_S), "+Inf")


def _bucket(seconds: float) -> str:
    return next((str(bound) for bound in series.BUCKETS_S if seconds <= bound), "+Inf")


def _duration_points(metrics_data: MetricsData) -> Iterable[HistogramDataPoint]:
    for resource in metrics_data.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                if metric.name == series.DURATION:
                    for point in metric.data.data_points:
                        if isinstance(point, HistogramDataPoint):
                            yield point
