"""The threat model names code and tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`([^`\s]+\.py)(?:::(\w+))?`", PAGE)))
ROOMS = ("domain", "application", "adapters", "bootstrap")


def place(name: str) -> Path:
    if name.startswith("tests/"):
        return ROOT / name
    return ROOT / ("src" if name.split("/")[0] in ROOMS else "tests") / name


def test_every_module_and_every_test_that_it_names_exists() -> None:
    missing = [name for name, _ in NAMED if not place(name).is_file()]
    missing += [
        f"{name}::{test}"
        for name, test in NAMED
        if test and place(name).is_file() and f"def {test}(" not in place(name).read_text()
    ]
    assert missing == []
    assert len(NAMED) > 40


def test_every_threat_has_a_defence_and_every_defence_its_proof_or_says_that_there_is_none() -> (
    None
):
    threats = PAGE.partition("## Threats")[2].partition("## What is not defended")[0]
    rows = [line for line in threats.splitlines() if line.startswith("|")]
    rows = [row for row in rows if not row.startswith(("| threat", "| ---"))]
    bare = [row for row in rows if not _shown(row)]
    assert len(rows) > 25
    assert bare == []


def _shown(row: str) -> bool:
    _, _, defence, shown, *_ = row.split("|")
    return "test_" in shown or defence.strip().startswith("none here")
