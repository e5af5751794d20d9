"""Metrics that plug-ins add."""

import logging
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netsonde.adapters.telemetry.telemetry import Telemetry
from tests.unit.adapters.telemetry.watched import made

OWN = b"mcp_tool_execution_total"
PLUGIN = """
import sys
from opentelemetry.metrics import Observation

def good(meter):
    meter.create_counter("sample_seen_total").add(3, {"kind": "a"})

def late(meter):
    def read(options):
        raise RuntimeError("later")
    meter.create_observable_gauge("sample_late", [read])
    meter.create_counter("sample_beside_total").add(1)

def text(meter):
    meter.create_observable_gauge("sample_text", [lambda options: [Observation("much")]])

def quitting(meter):
    meter.create_observable_gauge("sample_quitting", [lambda options: sys.exit(3)])

def unspeakable(meter):
    meter.create_counter("sample_unspeakable_total").add(1, {"label": chr(0xD800)})

def thief(meter):
    meter.create_counter("mcp.tool.execution.total").add(1, {"tool": "x"})
    meter.create_counter("sample_honest_total").add(1)

def many(meter):
    counter = meter.create_counter("sample_many_total")
    for number in range(5000):
        counter.add(1, {"n": str(number)})

def raising(meter):
    print("hello")
    raise RuntimeError("no")

def leaving(meter):
    sys.exit(3)

nothing = None
"""


@pytest.fixture
def with_plugins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Telemetry]]:
    names = re.findall(r"^(?:def )?(\w+)(?:\(meter\)| = )", PLUGIN, re.MULTILINE)
    (tmp_path / "sample_metrics.py").write_text(PLUGIN)
    info = tmp_path / "sample_metrics-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sample-metrics\nVersion: 1\n")
    lines = [f"{name} = sample_metrics:{name}" for name in names]
    lines.append("gone = no.such.module:add")
    (info / "entry_points.txt").write_text("\n".join(["[netsonde.metrics]", *lines]))
    monkeypatch.syspath_prepend(str(tmp_path))
    open_ones: list[Telemetry] = []

    def load(*plugins: str) -> Telemetry:
        open_ones.append(made(plugins=plugins))
        return open_ones[-1]

    yield load
    for telemetry in open_ones:
        telemetry.shutdown()
    sys.modules.pop("sample_metrics", None)


def test_a_plug_in_that_is_switched_on_adds_its_series(
    with_plugins: Callable[..., Telemetry],
) -> None:
    telemetry = with_plugins("good")
    assert telemetry.broken == ()
    assert b'sample_seen_total{kind="a"} 3.0' in telemetry.metrics.text()[0]
    assert b"sample_seen" not in with_plugins().metrics.text()[0]


@pytest.mark.parametrize("name", ["raising", "leaving", "nothing", "gone"])
def test_one_that_cannot_be_loaded_is_broken_and_takes_nothing_else_down(
    with_plugins: Callable[..., Telemetry], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    telemetry = with_plugins(name, "good")
    assert [one.source for one in telemetry.broken] == [f"metrics plug-in {name}"]
    text = telemetry.metrics.text()[0]
    assert OWN in text
    assert b"sample_seen_total" in text
    assert capsys.readouterr().out == ""


def test_a_plug_in_of_another_kind_is_not_ours_to_complain_of(
    with_plugins: Callable[..., Telemetry],
) -> None:
    assert with_plugins("some-tool").broken == ()


@pytest.mark.parametrize("name", ["late", "text", "quitting", "unspeakable"])
def test_one_that_breaks_while_it_is_read_spoils_only_its_own_series(
    with_plugins: Callable[..., Telemetry], name: str
) -> None:
    telemetry = with_plugins(name, "good")
    for accept in ("", "application/openmetrics-text"):
        text = telemetry.metrics.text(accept)[0]
        assert OWN in text
        assert b"sample_seen_total" in text
    assert (b"sample_beside_total" in text) is (name == "late")


def test_one_cannot_take_the_name_of_another_series(
    with_plugins: Callable[..., Telemetry], caplog: pytest.LogCaptureFixture
) -> None:
    telemetry = with_plugins("thief", "good")
    with caplog.at_level(logging.WARNING, "netsonde.telemetry"):
        text = telemetry.metrics.text()[0]
        telemetry.metrics.text()
    assert text.count(b"# TYPE mcp_tool_execution_total") == 1
    assert b'mcp_tool_execution_total{tool="x"}' not in text
    assert b"sample_honest_total" in text
    assert [record.getMessage() for record in caplog.records] == ["telemetry.plugin_left_out"]


def test_labels_without_end_are_cut_off(with_plugins: Callable[..., Telemetry]) -> None:
    text = with_plugins("many").metrics.text()[0]
    assert text.count(b"sample_many_total{") == 2001
    assert b'otel_metric_overflow="true"} 3000.0' in text
