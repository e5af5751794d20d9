"""The port `Metrics`, and the series of the product contract, section 6."""

from collections.abc import Iterable, Iterator

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from netsonde.adapters.telemetry.telemetry import Telemetry
from netsonde.application.ports import Metrics
from netsonde.domain import bucket
from netsonde.domain.execution import Requested
from tests.unit.adapters.telemetry.watched import TOOLS, event, made, watch
from tests.unit.application.world import DONE, SAID_NO, World, run

CONTRACT = {
    "mcp_tool_execution_total": {"tool", "status"},
    "mcp_tool_execution_duration_seconds_bucket": {"tool", "le"},
    "mcp_tool_execution_duration_seconds_count": {"tool"},
    "mcp_tool_execution_duration_seconds_sum": {"tool"},
    "mcp_tool_active_executions": {"tool"},
    "mcp_tool_timeouts_total": {"tool"},
    "mcp_circuit_breaker_state": {"tool", "state"},
    "mcp_tool_refusals_total": {"tool", "rule"},
    "mcp_rate_limited_total": {"tool"},
}
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    telemetry = made()
    yield telemetry
    telemetry.shutdown()


@pytest.fixture
def metrics(telemetry: Telemetry) -> Metrics:
    return telemetry.metrics


def samples(families: Iterable[Metric]) -> dict[tuple[str, frozenset[str]], float]:
    """By name and the values of the labels."""
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


def read(metrics: Metrics) -> dict[tuple[str, frozenset[str]], float]:
    return samples(parse_text(metrics.text()[0].decode()))


def test_the_text_is_in_the_format_that_the_scraper_prefers(metrics: Metrics) -> None:
    plain, plain_type = metrics.text()
    fancy, fancy_type = metrics.text(f"{OPENMETRICS},text/plain;q=0.5")
    assert plain_type == "text/plain; version=0.0.4; charset=utf-8"
    assert fancy_type == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert fancy.endswith(b"# EOF\n")
    assert b"# EOF" not in plain


def test_the_names_and_labels_are_those_of_the_contract_and_no_others(metrics: Metrics) -> None:
    text = metrics.text(OPENMETRICS)[0].decode()
    in_openmetrics = openmetrics.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]  # it has no types
    for families in (parse_text(metrics.text()[0].decode()), in_openmetrics):
        labels: dict[str, set[str]] = {}
        for family in families:
            for sample in family.samples:
                labels.setdefault(sample.name, set()).update(sample.labels)
        del labels["target_info"]
        assert labels == CONTRACT


def test_every_tool_is_there_with_zero_before_anything_happens(metrics: Metrics) -> None:
    values = read(metrics)
    for tool in TOOLS:
        for name, labels in (
            ("mcp_tool_execution_total", {"success"}),
            ("mcp_tool_execution_total", {"refused"}),
            ("mcp_tool_execution_duration_seconds_count", set()),
            ("mcp_tool_execution_duration_seconds_bucket", {"+Inf"}),
            ("mcp_tool_active_executions", set()),
            ("mcp_tool_timeouts_total", set()),
            ("mcp_tool_refusals_total", {"target.public"}),
            ("mcp_rate_limited_total", set()),
        ):
            assert values[name, frozenset({tool, *labels})] == 0
        states = {"closed": 1, "open": 0, "half_open": 0}
        for state, value in states.items():
            assert values["mcp_circuit_breaker_state", frozenset({tool, state})] == value


def test_the_counts_have_every_tool_of_the_catalog(telemetry: Telemetry) -> None:
    assert list(telemetry.metrics.counts()) == list(TOOLS)
    telemetry.tools(["DigTool"])
    assert list(telemetry.metrics.counts()) == ["DigTool"]
    assert read(telemetry.metrics)["mcp_tool_active_executions", frozenset({"DigTool"})] == 0


def test_every_request_is_in_exactly_one_count(telemetry: Telemetry) -> None:
    """Executed, refused or limited; the contract's counters and the JSON form agree."""
    ends = iter([DONE, SAID_NO])
    run_tool = watch(
        World(lambda plan: next(ends)), telemetry, rate=bucket.Rate(tokens=2, per_s=60)
    )

    async def calls() -> None:
        for target in ("10.0.0.1", "10.0.0.2", "10.0.0.3", "8.8.8.8"):
            await run_tool.execute("PingTool", {"target": target})
        await run_tool.execute("x" * 100, {"target": "10.0.0.1"})

    run(calls())
    values = read(telemetry.metrics)
    tool = "PingTool"
    assert values["mcp_tool_execution_total", frozenset({tool, "success"})] == 1
    assert values["mcp_tool_execution_total", frozenset({tool, "failed"})] == 1
    assert values["mcp_tool_execution_total", frozenset({tool, "refused"})] == 2
    assert values["mcp_tool_execution_duration_seconds_count", frozenset({tool})] == 2
    assert values["mcp_rate_limited_total", frozenset({tool})] == 1
    assert values["mcp_tool_refusals_total", frozenset({tool, "target.public"})] == 1
    assert values["mcp_tool_refusals_total", frozenset({"unknown", "tool.unknown"})] == 1
    counts = telemetry.metrics.counts()[tool]
    assert (counts.executions, counts.successes, counts.failures, counts.active) == (4, 1, 1, 0)


def test_the_log_that_is_observed_is_the_log_it_was(telemetry: Telemetry) -> None:
    world = World()
    observed = telemetry.observe(world.log)
    asked = event(Requested(tool="PingTool", target="10.0.0.1"))
    observed.append(asked)
    run(observed.settle())
    assert observed.events("e") == world.log.events("e") == (asked,)
