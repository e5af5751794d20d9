"""The lists in pyproject.toml that no tool makes, compared with the tree."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_package_is_in_the_wheel() -> None:
    found = {
        ".".join(("netsonde", *folder.relative_to(ROOT / "src").parts))
        for folder in (init.parent for init in (ROOT / "src").rglob("__init__.py"))
    }
    assert found == set(PYPROJECT["tool"]["setuptools"]["packages"])


def test_every_adapter_is_kept_from_the_others() -> None:
    contracts = PYPROJECT["tool"]["importlinter"]["contracts"]
    (independence,) = (one for one in contracts if one["type"] == "independence")
    adapters = {
        f"netsonde.adapters.{path.stem}"
        for path in (ROOT / "src" / "adapters").iterdir()
        if not path.name.startswith("__") and path.stem != "wire"
    }
    assert adapters == set(independence["modules"])


def test_every_run_time_dependency_has_an_upper_bound() -> None:
    for requirement in PYPROJECT["project"]["dependencies"]:
        assert "<" in requirement
