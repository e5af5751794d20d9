"""What holds for every file of deploy/."""

import re
from pathlib import Path

from netsonde.bootstrap.settings_table import by_variable
from tests.unit.deploy.tree import DEPLOY


def files() -> list[Path]:
    return [path for path in DEPLOY.rglob("*") if path.is_file() and "secrets" not in path.parts]


def test_every_image_is_named_without_a_host() -> None:
    """Where images come from is the operator's business."""
    named = re.compile(r"(?:image:|ARG BASE=|BASE=)\s*([\w$][\w./:${}@-]*)")
    found = [name for path in files() for name in named.findall(path.read_text(encoding="utf-8"))]
    assert len(found) > 5
    for name in found:
        assert "." not in name.split("/")[0].split(":")[0], name


def test_every_variable_of_ours_is_a_setting() -> None:
    ours = re.compile(r"\b(?:MCP|TOOL|LOG)_[A-Z_]+\b")
    known = {*by_variable(), "MCP_CONFIG_FILE"}
    for path in files():
        unknown = set(ours.findall(path.read_text(encoding="utf-8"))) - known
        assert not {name for name in unknown if not name.endswith("_")}, path
