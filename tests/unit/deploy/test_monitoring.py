"""Alerts and dashboard against the metrics that there are. `make deploy-check` asks promtool."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatch

import pytest
import yaml

from tests.unit.deploy.tree import Document, defaults, read, services

HISTOGRAM = "mcp_tool_execution_duration_seconds"
METRICS = {
    "mcp_tool_execution_total": {"tool", "status"},
    HISTOGRAM: {"tool"},
    "mcp_tool_active_executions": {"tool"},
    "mcp_tool_timeouts_total": {"tool"},
    "mcp_circuit_breaker_state": {"tool", "state"},
    "mcp_tool_refusals_total": {"tool", "rule"},
    "mcp_rate_limited_total": {"tool"},
}
PROMETHEUS_LABELS = {"job", "instance", "le"}


DASHBOARD: Document = json.loads(read("grafana/netsonde.json"))
SERVICES = services()
RULES: list[Document] = yaml.safe_load(read("prometheus/rules.yml"))["groups"][0]["rules"]


def dashboard_expressions() -> list[str]:
    return [t["expr"] for panel in DASHBOARD["panels"] for t in panel.get("targets", ())]


def metrics_in(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Each series selector: the metric, and the labels that it asks about."""
    for match in re.finditer(r"\b(mcp_\w+)(?:\{([^}]*)\})?", expression):
        yield match[1], set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", match[2] or ""))


@pytest.mark.parametrize("expression", dashboard_expressions() + [rule["expr"] for rule in RULES])
def test_each_expression_asks_for_metrics_and_labels_that_there_are(expression: str) -> None:
    grouped = {
        label.strip()
        for match in re.findall(r"\bby \(([^)]*)\)", expression)
        for label in match.split(",")
    }
    used = list(metrics_in(expression))
    assert used or "up{" in expression
    labels = set()
    for name, asked in used:
        base = re.sub(r"_(bucket|sum|count)$", "", name) if HISTOGRAM in name else name
        assert base != HISTOGRAM or name != base  # a histogram is its parts
        assert asked <= METRICS[base] | PROMETHEUS_LABELS
        labels |= METRICS[base] | PROMETHEUS_LABELS
    assert grouped <= labels


def test_the_dashboard_shows_every_metric() -> None:
    shown = " ".join(dashboard_expressions())
    assert [name for name in METRICS if name not in shown] == []


def test_panels_have_places_of_their_own_and_one_source() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
        if panel["type"] != "row":
            assert panel["title"]
            assert panel["description"]
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_the_dashboard_and_its_source_are_provisioned() -> None:
    (source,) = yaml.safe_load(read("grafana/provisioning/datasources/prometheus.yaml"))[
        "datasources"
    ]
    (chosen,) = (v for v in DASHBOARD["templating"]["list"] if v["type"] == "datasource")
    assert chosen["current"]["value"] == source["uid"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load(read("grafana/provisioning/dashboards/netsonde.yaml"))["providers"]
    mounted = [volume.split(":")[1] for volume in SERVICES["grafana"]["volumes"]]
    assert any(fnmatch(path, provider["options"]["path"] + "/*.json") for path in mounted)


def test_each_alert_says_what_and_how_bad_and_has_a_test() -> None:
    tests = read("prometheus/rules_test.yml")
    for rule in RULES:
        assert rule["alert"] in tests
        assert rule["labels"]["severity"] in ("info", "warning", "critical")
        assert rule["annotations"].keys() == {"summary", "description"}


def test_prometheus_asks_the_service_of_compose_by_a_name_that_it_answers_to() -> None:
    (job,) = yaml.safe_load(read("prometheus/prometheus.yml"))["scrape_configs"]
    (target,) = job["static_configs"][0]["targets"]
    host, port = target.split(":")
    assert host in SERVICES
    assert SERVICES[host]["ports"] == [f"127.0.0.1:{port}:{port}"]
    allowed = defaults(SERVICES[host]["environment"]["MCP_SERVER_ALLOWED_HOSTS"])
    assert host in allowed.split(",")
