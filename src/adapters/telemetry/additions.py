"""Metrics that other packages add, each apart from the rest, so that none can spoil another."""

import contextlib
import logging
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import metadata

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, Metric

from ...application.catalog import Broken
from .exposition import encode

GROUP = "netsonde.metrics"


class Addition:
    """What one plug-in measures, in a provider of its own."""

    def __init__(self, name: str, provider: MeterProvider, registry: CollectorRegistry) -> None:
        self.name = name
        self.provider = provider
        self._registry = registry

    def families(self) -> tuple[Metric, ...]:
        """Collect; raises whatever the plug-in's callbacks make the encoders raise."""
        families = tuple(self._registry.collect())
        for accept in ("", "application/openmetrics-text"):
            encode(families, accept)
        return families


class Additions:
    """The additions of the plug-ins. `broken` are those that could not be loaded."""

    def __init__(
        self,
        names: Sequence[str],
        resource: Resource,
        readers: Callable[[], Iterable[MetricReader]],
        logger: logging.Logger,
    ) -> None:
        self._resource = resource
        self._readers = readers
        self._logger = logger
        self._told: set[str] = set()
        loaded = [self._load(point) for point in _entry_points(names)]
        self.parts = tuple(one for one in loaded if isinstance(one, Addition))
        self.broken = tuple(one for one in loaded if isinstance(one, Broken))

    def families(self, taken: Iterable[Metric]) -> Iterator[Metric]:
        """All that have a name of their own; `taken` have theirs already."""
        names = {name for family in taken for name in _names(family)}
        for part in self.parts:
            try:
                families = part.families()
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # a callback is foreign code as well
                self._tell(part.name, repr(error))
                continue
            for family in families:
                if names.isdisjoint(mine := _names(family)):
                    names |= mine
                    yield family
                else:
                    self._tell(part.name, f"another metric has the name {family.name}")

    def _load(self, point: metadata.EntryPoint) -> Addition | Broken:
        registry = CollectorRegistry(auto_describe=False)
        provider = None
        try:
            with contextlib.redirect_stdout(sys.stderr):  # stdout may be a protocol's
                add = point.load()
                reader = PrometheusMetricReader(
                    disable_target_info=True, scope_info_enabled=False, registry=registry
                )
                provider = MeterProvider(
                    (reader, *self._readers()), self._resource, shutdown_on_exit=False
                )
                add(provider.get_meter(f"{GROUP}.{point.name}"))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # foreign code, even SystemExit: takes nothing else down
            if provider is not None:
                # Its last export may take seconds, and start-up does not wait for it.
                threading.Thread(target=provider.shutdown, daemon=True).start()
            said = " ".join(str(error).split())[:300]
            return Broken(
                source=f"metrics plug-in {point.name}", reason=f"{type(error).__name__}: {said}"
            )
        return Addition(point.name, provider, registry)

    def _tell(self, name: str, reason: str) -> None:
        """Once for each plug-in: it will be the same at every scrape."""
        if name not in self._told:
            self._told.add(name)
            fields = {"plugin": name, "reason": reason}
            self._logger.warning("telemetry.plugin_left_out", extra={"fields": fields})


def _entry_points(names: Sequence[str]) -> Iterable[metadata.EntryPoint]:
    """Those of our group; a plug-in that adds no metrics is not here."""
    if not names:
        return ()
    installed = {point.name: point for point in metadata.entry_points(group=GROUP)}
    return tuple(installed[name] for name in names if name in installed)


def _names(family: Metric) -> set[str]:
    """Every name that the family has in either format."""
    return {family.name, *(sample.name for sample in family.samples)}
