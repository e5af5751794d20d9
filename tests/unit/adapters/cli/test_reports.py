"""Parsed reports as tables, on what the programs really printed."""

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from netsonde.adapters.cli.reports import Part, tables
from netsonde.domain.tool import Tool
from netsonde.domain.tools import TOOLS

RECORDED = Path(__file__).parents[2] / "domain" / "reports"
BY_PROGRAM = {kind.command_name: kind for kind in TOOLS}
CASES = sorted(path.parent for path in RECORDED.glob("*/*/argv.txt"))


def text(parts: list[Part]) -> str:
    console = Console(width=200, highlight=False)
    with console.capture() as capture:
        for part in parts:
            console.print(part, markup=False)
    return capture.get()


def parsed(case: Path) -> dict[str, Any] | None:
    tool: Tool = BY_PROGRAM[case.parent.name]()
    report = case / "report.xml"
    return tool.parse(
        (case / "stdout").read_bytes(), report.read_bytes() if report.exists() else b"", True
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_every_recorded_report_can_be_drawn(case: Path) -> None:
    result = parsed(case)
    if result is not None:
        assert text(tables(result)).strip()


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ({"sent": 3, "received": 0, "loss_percent": 100.0}, ["3 sent, 0 received, 100 % lost"]),
        ({"sent": None, "received": None}, ["? sent, 0 received"]),
        ({"hops": [], "reached": False}, ["not reached"]),
        ({"hops": [{"ttl": 1, "address": None, "loss_percent": 100.0}]}, ["*", "100"]),
        ({"answers": [], "status": "NXDOMAIN", "flags": ["qr"]}, ["NXDOMAIN (qr)", "no answer"]),
        ({"hosts": []}, ["no host answered"]),
        (
            {"hosts": [{"address": "10.0.0.1", "state": "up", "ports": [{"port": 22, "protocol": "tcp", "state": "open", "service": "[bold]ssh"}]}]},
            ["10.0.0.1: up", "22/tcp", "[bold]ssh"],
        ),
    ],
)  # fmt: skip
def test_a_report_says_what_matters(result: dict[str, Any], words: list[str]) -> None:
    drawn = text(tables(result))
    for word in words:
        assert word in drawn


def test_a_report_of_an_unknown_kind_is_not_drawn() -> None:
    assert tables({"temperature": 5}) == []


def test_a_plug_ins_odd_report_does_not_break_the_drawing() -> None:
    odds: list[Any] = [None, 5, [1, None, "x"], [{}], {}]
    for odd in odds:
        for name in ("hosts", "hops", "answers"):
            text(tables({name: odd}))
