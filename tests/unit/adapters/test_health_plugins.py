"""Health checks of third parties, from entry point to report."""

from pathlib import Path

import pytest

from netsonde.adapters.memory import FakeClock
from netsonde.adapters.plugins import (
    HEALTH,
    METRICS,
    FoundChecks,
    discover,
    discover_checks,
    load_entry_points,
)
from netsonde.application.health import HealthMonitor
from netsonde.domain.health import HealthStatus, Priority
from tests.unit.application.world import run

SAMPLES = "tests.unit.adapters.plugin_samples"


def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **groups: dict[str, str]) -> None:
    """A distribution with entry points in these groups of netsonde's, on the path."""
    info = tmp_path / "sample_plugin-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sample-plugin\nVersion: 1\n")
    lines = []
    for group, points in groups.items():
        lines += [f"[netsonde.{group}]", *(f"{name} = {value}" for name, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(str(tmp_path))


def loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *names: str, module: str = "health"
) -> FoundChecks:
    """The classes of a sample module, each under an entry point of its own name."""
    points = {name: f"{SAMPLES}.{module}:{name}" for name in names}
    install(tmp_path, monkeypatch, health=points)
    return discover_checks(names)


def test_a_check_is_loaded_only_when_it_is_switched_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert loaded(tmp_path, monkeypatch, "LicenceCheck").broken == ()
    assert discover_checks(()) == FoundChecks()
    (check,) = discover_checks(["LicenceCheck"]).checks
    assert (check.name, check.priority) == ("acme.licence", Priority.LOW)


@pytest.mark.parametrize(
    "name",
    [
        "UnmakeableCheck",
        "SynchronousCheck",
        "NamelessCheck",
        "OurNameCheck",
        "UrgentCheck",
        "NoCheck",
        "nowhere",
    ],
)
def test_a_broken_check_is_told_and_takes_nothing_else_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    found = loaded(tmp_path, monkeypatch, name, "StatusCheck")
    assert [check.name for check in found.checks] == ["acme.status"]
    (broken,) = found.broken
    assert broken.source == f"plug-in {name}"
    assert broken.reason


def test_a_module_may_list_its_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, health={"many": f"{SAMPLES}.health_listed"})
    found = discover_checks(["many"])
    assert [check.name for check in found.checks] == ["acme.licence", "acme.ready"]
    assert len(found.broken) == 3  # a second of one name, no check, a number
    assert all(one.source.startswith("plug-in many") for one in found.broken)


def test_a_module_without_a_list_is_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, health={"all": f"{SAMPLES}.health"})
    found = discover_checks(["all"])
    names = {check.name for check in found.checks}
    assert {"acme.licence", "acme.status", "acme.hanging", "acme.raising"} <= names
    assert "acme.example" not in names
    assert len(found.broken) == 5


def test_a_list_that_is_none_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "odd_checks_sample.py").write_text("CHECKS = 3\n")
    install(tmp_path, monkeypatch, health={"odd": "odd_checks_sample"})
    assert len(discover_checks(["odd"]).broken) == 1


def test_a_name_is_asked_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (check,) = loaded(tmp_path, monkeypatch, "FickleCheck").checks
    assert check.name == check.name


def test_a_plug_in_may_have_several_groups_and_needs_only_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(
        tmp_path,
        monkeypatch,
        tools={"both": f"{SAMPLES}.searched.good:EchoTool"},
        health={"both": f"{SAMPLES}.health:StatusCheck", "crash": f"{SAMPLES}.searched.crashing"},
        metrics={"counts": "os:sep", "lost": "no.such.module"},
    )
    wanted = ["both", "counts", "crash", "unheard-of", "lost"]
    tools = discover("netsonde.domain.tools", wanted)
    assert tools.tools[-1].name == "EchoTool"
    (unknown,) = tools.broken
    assert unknown.source == "plug-in unheard-of"
    assert "both, counts, crash, lost" in unknown.reason
    checks = discover_checks(wanted)
    assert [check.name for check in checks.checks] == ["acme.status"]
    assert [one.source for one in checks.broken] == ["plug-in crash"]
    found, broken = load_entry_points(METRICS, wanted)
    assert found == [("counts", "/")]
    assert [one.source for one in broken] == ["plug-in lost"]
    assert load_entry_points(HEALTH, ()) == ([], [])


def test_checks_that_hang_or_raise_are_reported_beside_the_good_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = loaded(
        tmp_path, monkeypatch, "LicenceCheck", "StatusCheck", "HangingCheck", "RaisingCheck"
    )

    async def scene() -> None:
        health = HealthMonitor(found.checks, clock=FakeClock(), interval_s=10, timeout_s=0.02)
        await health.examine()
        status = {check.name: check.status for check in health.report().checks}
        assert status == {
            "loop.lag": HealthStatus.HEALTHY,
            "acme.licence": HealthStatus.HEALTHY,
            "acme.status": HealthStatus.DEGRADED,
            "acme.hanging": HealthStatus.UNHEALTHY,
            "acme.raising": HealthStatus.UNHEALTHY,
        }

    run(scene())
