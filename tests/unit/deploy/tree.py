"""deploy/ as its tests read it: files, manifests, and settings as netsonde takes them from it."""

import re
from pathlib import Path
from typing import Any

import yaml

from netsonde.bootstrap.settings_env import variables
from netsonde.bootstrap.settings_load import Loaded, load
from netsonde.bootstrap.settings_problems import Problem

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"

Document = dict[str, Any]


def read(path: str) -> str:
    return (DEPLOY / path).read_text(encoding="utf-8")


def documents(path: Path) -> list[Document]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def settings_of(environ: dict[str, str], config: Path | None = None) -> Loaded:
    """As netsonde reads them; a problem or a value out of range is an error."""
    assert not [found for found in variables(environ) if isinstance(found, Problem)]
    loaded = load({**environ, "HOME": "/nonexistent"}, config=str(config) if config else None)
    assert loaded.clamped == ()
    return loaded


def defaults(text: str) -> str:
    """Compose's ${NAME:-value}, with nothing set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def services() -> dict[str, Document]:
    """Those of compose.yaml."""
    found: dict[str, Document] = yaml.safe_load(read("docker/compose.yaml"))["services"]
    return found
