"""The OpenTelemetry instruments: one per series of the contract, fed by the tally."""

from collections.abc import Callable, Iterable, Mapping

from opentelemetry.metrics import CallbackOptions, Histogram, Meter, Observation

from ...domain.breaker import State
from ...domain.execution import Status
from . import series
from .tally import Tally

BreakerStates = Callable[[], Mapping[str, State]]
_Labelled = Iterable[tuple[Mapping[str, str], int]]


def instrument(meter: Meter, tally: Tally, breaker_states: BreakerStates) -> Histogram:
    """Make all instruments of `meter`; durations are recorded with the one that is returned.

    Everything countable is read from the tally when somebody collects, so that an execution costs
    a few additions, and a series is there with 0 before anything happens.
    """

    def executions() -> _Labelled:
        zeros = {(tool, status): 0 for tool in tally.tools for status in series.ENDS}
        for (tool, status), count in {**zeros, **tally.ended()}.items():
            yield {"tool": tool, "status": status.value}, count

    def refusals() -> _Labelled:
        zeros = {(tool, rule): 0 for tool in tally.tools for rule in sorted(series.RULES)}
        for (tool, rule), count in {**zeros, **tally.refused()}.items():
            yield {"tool": tool, "rule": rule}, count

    def timeouts() -> _Labelled:
        ended = tally.ended()
        return _by_tool(tally, {t: n for (t, how), n in ended.items() if how is Status.TIMEOUT})

    def breakers() -> _Labelled:
        for tool, current in breaker_states().items():
            for state in State:
                yield {"tool": tool, "state": state.value}, int(state is current)

    counters = {
        series.EXECUTIONS: executions,
        series.TIMEOUTS: timeouts,
        series.REFUSALS: refusals,
        series.RATE_LIMITED: lambda: _by_tool(tally, tally.limited()),
    }
    gauges = {
        series.ACTIVE: lambda: _by_tool(tally, tally.active()),
        series.BREAKER: breakers,
    }
    for name, read in counters.items():
        meter.create_observable_counter(name, [_observe(read)], description=series.HELP[name])
    for name, read in gauges.items():
        meter.create_observable_gauge(name, [_observe(read)], description=series.HELP[name])
    return meter.create_histogram(
        series.DURATION,
        unit="s",
        description=series.HELP[series.DURATION],
        explicit_bucket_boundaries_advisory=series.BUCKETS_S,
    )


def _by_tool(tally: Tally, counted: Mapping[str, int]) -> _Labelled:
    for tool, count in {**dict.fromkeys(tally.tools, 0), **counted}.items():
        yield {"tool": tool}, count


def _observe(read: Callable[[], _Labelled]) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observations(options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(value, labels) for labels, value in read()]

    return observations
