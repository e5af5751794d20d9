"""The checks of a running service: its machine, its tools, its record, its settings."""

import asyncio

import msgspec
import pytest

from netsonde.adapters.memory import FakeMachine, FakeRunner
from netsonde.application.catalog import Broken, Catalog
from netsonde.application.machine_checks import machine_checks
from netsonde.application.ports import Capture, Check, Ended, HowEnded
from netsonde.application.program_checks import AnyToolCheck, BreakerCheck, ProgramCheck
from netsonde.application.provenance import Provenance
from netsonde.application.service_checks import OWN_NAMES, service_checks
from netsonde.domain.breaker import State
from netsonde.domain.health import CheckResult, HealthStatus, Priority, roll_up
from netsonde.domain.layer import Layer
from netsonde.domain.plan import Plan
from netsonde.domain.tool import Tool
from tests.unit.application.world import World

HEALTHY, DEGRADED, UNHEALTHY = HealthStatus


def made(check: Check) -> CheckResult:
    result = asyncio.run(check.check())
    assert (result.name, result.priority) == (check.name, check.priority)
    return result


def said(text: str, returncode: int = 0) -> Ended:
    stdout = Capture(data=text.encode(), total_bytes=len(text))
    return Ended(how=HowEnded.EXITED, returncode=returncode, stdout=stdout)


@pytest.mark.parametrize(
    ("member", "value", "name", "status", "overall"),
    [
        ("cpu_percent", 84.9, "machine.cpu", HEALTHY, HEALTHY),
        ("cpu_percent", 85.0, "machine.cpu", DEGRADED, DEGRADED),
        ("cpu_percent", 100.0, "machine.cpu", UNHEALTHY, DEGRADED),
        ("memory_percent", 95.0, "machine.memory", UNHEALTHY, UNHEALTHY),
        ("disk_percent", 90.0, "machine.disk", DEGRADED, DEGRADED),
        ("disk_percent", 99.0, "machine.disk", UNHEALTHY, UNHEALTHY),
        ("descriptors", 900, "machine.descriptors", DEGRADED, DEGRADED),
        ("descriptors", 1020, "machine.descriptors", UNHEALTHY, UNHEALTHY),
        ("max_descriptors", 0, "machine.descriptors", UNHEALTHY, UNHEALTHY),
    ],
)
def test_use_is_held_against_the_operators_limits(
    member: str, value: float, name: str, status: HealthStatus, overall: HealthStatus
) -> None:
    machine = FakeMachine()
    machine.now = msgspec.structs.replace(machine.now, **{member: value})
    results = [
        made(check) for check in machine_checks(machine, degraded_percent=85, unhealthy_percent=95)
    ]
    assert {r.name: r.status for r in results if r.status is not HEALTHY} == (
        {} if status is HEALTHY else {name: status}
    )
    assert all(bool(r.fix) == (r.status is not HEALTHY) for r in results)
    assert roll_up(results) is overall


class Tried:
    """A program check over a world, whose file and answers a test changes."""

    def __init__(self, path: str | None = "/usr/bin/ping") -> None:
        self.stamp: int | None = 1
        self.answer = said("ping from iputils 1")
        self.runner = FakeRunner(self._answer)
        self.catalog = Catalog((World(path=path).entry,))
        self.check = ProgramCheck(
            "program.ping", "PingTool", lambda: self.catalog, self.runner, lambda path: self.stamp
        )

    def _answer(self, plan: Plan) -> Ended:
        return self.answer

    def times(self) -> int:
        return len(self.runner.plans)


def test_a_program_is_run_again_only_when_its_file_changes() -> None:
    tried = Tried()
    for _ in range(3):
        result = made(tried.check)
        assert result.status is HEALTHY
        assert result.metadata["version"] == "ping from iputils 1"
    assert tried.times() == 1
    tried.stamp, tried.answer = 2, said("ping from iputils 2")
    assert made(tried.check).metadata["version"] == "ping from iputils 2"
    assert tried.times() == 2


def test_a_program_that_does_not_run_is_tried_each_time_and_recovers() -> None:
    tried = Tried()
    tried.answer = said("/lib/x.so: cannot open", 127)
    for _ in range(2):
        result = made(tried.check)
        assert result.status is UNHEALTHY
        assert "/" not in result.message
        assert "cannot open" in result.metadata["detail"]
    assert tried.times() == 2
    tried.answer = said("ping 3")
    assert made(tried.check).status is HEALTHY


def test_a_program_that_is_removed_is_noticed() -> None:
    tried = Tried()
    made(tried.check)
    tried.stamp = None
    tried.answer = Ended(how=HowEnded.NOT_STARTED, returncode=None, reason="no such file")
    assert made(tried.check).status is UNHEALTHY
    tried.stamp, tried.answer = 1, said("ping is back")
    assert made(tried.check).metadata["version"] == "ping is back"


def test_a_tool_that_is_missing_degrades_and_one_that_is_off_does_not() -> None:
    missing = made(Tried(path=None).check)
    assert missing.status is DEGRADED
    assert missing.fix
    off = Tried(path=None)
    (entry,) = off.catalog.entries()
    off.catalog = off.catalog.with_entry(msgspec.structs.replace(entry, enabled=False))
    assert made(off.check).status is HEALTHY
    off.catalog = Catalog(())
    assert made(off.check).status is HEALTHY
    assert off.times() == 0


def test_without_any_program_the_service_is_no_good_but_switching_all_off_is_a_choice() -> None:
    entry = World().entry
    for entries, status in (
        ((), UNHEALTHY),
        ((World(path=None).entry,), UNHEALTHY),
        ((msgspec.structs.replace(entry, enabled=False),), HEALTHY),
        ((entry,), HEALTHY),
    ):
        assert made(AnyToolCheck(lambda found=entries: Catalog(found))).status is status  # type: ignore[misc]  # B023 asks for the default


def test_an_open_breaker_degrades_and_no_more() -> None:
    for state in State:
        result = made(BreakerCheck("PingTool", lambda at=state: at))  # type: ignore[misc]  # as above
        assert (result.status is HEALTHY) == (state is State.CLOSED)
        assert roll_up([result]) is not UNHEALTHY


class Service:
    """Everything that the checks of a service look at."""

    def __init__(self) -> None:
        self.world = World()
        self.failing: str | None = None
        self.problems: list[str] = []
        self.layers = [Layer("limits", True, "/usr/bin/prlimit")]
        self.broken: list[Broken] = []
        self.plugins: list[Provenance] = []

    def results(self) -> dict[str, CheckResult]:
        checks = service_checks(
            run_tool=self.world.run_tool,
            runner=self.world.runner,
            stamp=lambda path: 1,
            layers=self.layers,
            broken=self.broken,
            plugins=self.plugins,
            record_failing=lambda: self.failing,
            refused_settings=lambda: self.problems,
        )
        assert len({check.name for check in checks}) == len(checks)
        return {check.name: made(check) for check in checks}


def test_a_service_with_nothing_wrong_is_healthy() -> None:
    results = Service().results()
    assert set(results) == {
        "record",
        "settings",
        "sandbox.limits",
        "plugins",
        "tools",
        "program.ping",
        "breaker.PingTool",
    }
    assert roll_up(results.values()) is HEALTHY
    machine = machine_checks(FakeMachine(), degraded_percent=1, unhealthy_percent=1)
    names = {*results, *(check.name for check in machine), "loop.lag"}
    assert {name.partition(".")[0] for name in names} <= OWN_NAMES


def test_a_record_that_cannot_be_written_fails_the_service() -> None:
    service = Service()
    service.failing = "/var/lib/x: disk full"
    result = service.results()["record"]
    assert (result.status, result.priority) == (UNHEALTHY, Priority.HIGH)
    assert "/var" not in result.message


def test_a_refused_reload_broken_plug_ins_and_missing_layers_degrade() -> None:
    service = Service()
    service.problems = [f"/etc/n.toml: key {n} " + "x" * 500 for n in range(100)]
    service.layers = [Layer("limits", False, "/bin/x missing"), Layer("other", True, "by y")]
    service.broken = [Broken(source=f"plug-in {n}", reason="crashed in /opt") for n in range(100)]
    results = service.results()
    bad = {name for name, result in results.items() if result.status is DEGRADED}
    assert bad == {"settings", "sandbox.limits", "plugins"}
    assert all("/" not in results[name].message for name in bad)
    assert all(len(msgspec.json.encode(results[name].metadata)) < 4096 for name in bad)
    assert all(results[name].fix for name in bad)


def test_plug_ins_are_told_with_their_digests_within_bounds() -> None:
    service = Service()
    service.plugins = [
        Provenance(
            name=f"acme{n}", distribution="d" * 90, version="1", sha256="0" * 64, note="x" * 500
        )
        for n in range(100)
    ]
    result = service.results()["plugins"]
    assert result.status is HEALTHY
    assert "0" * 64 in result.metadata["loaded"]["acme0"]
    assert len(msgspec.json.encode(result.metadata)) < 4096


def test_a_program_that_may_not_be_run_is_told_to_those_who_may_read() -> None:
    service = Service()
    entry = msgspec.structs.replace(
        service.world.entry, path=None, unusable="/usr/bin/ping: set-uid"
    )
    service.world.run_tool.adopt(Catalog((entry,)))
    result = service.results()["program.ping"]
    assert (result.status, result.metadata) == (DEGRADED, {"detail": entry.unusable})
    assert "/usr" not in result.message


def test_two_tools_that_run_one_program_are_two_checks() -> None:
    class OtherTool(Tool):
        command_name = "ping"
        allowed_flags = ("-n",)

    service = Service()
    entry = service.world.entry
    other = msgspec.structs.replace(entry, tool=OtherTool())
    service.world.run_tool.adopt(Catalog((entry, other)))
    assert {"program.ping", "program.OtherTool"} <= set(service.results())
