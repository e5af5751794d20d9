"""Checks of what works here."""

import asyncio

import msgspec

from netsonde.adapters.memory import FakeRunner
from netsonde.application import checks
from netsonde.application.catalog import Broken, Catalog, Entry
from netsonde.application.listing import list_tool
from netsonde.application.ports import Capture, Ended, HowEnded
from netsonde.application.provenance import Provenance
from netsonde.domain.breaker import State
from netsonde.domain.health import CheckResult, HealthStatus, roll_up
from netsonde.domain.layer import Layer, LayerMode, switched_off
from netsonde.domain.privileges import Privileges
from netsonde.domain.terms import Terms
from netsonde.domain.tools import MtrTool, PingTool

PING = Entry(tool=PingTool(), terms=Terms(program="/bin/ping"), path="/bin/ping")
MISSING = Entry(tool=MtrTool(), terms=Terms(program="mtr"), path=None)


def said(text: bytes, returncode: int = 0) -> Ended:
    stdout = Capture(data=text, total_bytes=len(text))
    return Ended(how=HowEnded.EXITED, returncode=returncode, stdout=stdout)


def programs(ended: Ended, *entries: Entry) -> list[CheckResult]:
    runner = FakeRunner(lambda plan: ended)
    return asyncio.run(checks.check_programs(Catalog(entries), runner))


def test_a_program_that_runs_tells_its_version() -> None:
    (result,) = programs(said(b"ping from iputils 20221126\nmore\n"), PING)
    assert result.status is HealthStatus.HEALTHY
    assert result.metadata == {"path": "/bin/ping", "version": "ping from iputils 20221126"}


def test_it_is_asked_in_its_own_way() -> None:
    runner = FakeRunner(lambda plan: said(b""))
    asyncio.run(checks.check_program(PING, runner))
    assert runner.plans[0].argv == ("/bin/ping", "-V")


def test_a_missing_program_degrades_and_tells_how_to_install_it() -> None:
    results = programs(said(b"x"), PING, MISSING)
    missing = results[1]
    assert missing.status is HealthStatus.DEGRADED
    assert missing.fix == MtrTool.install_hint
    assert roll_up(results) is HealthStatus.DEGRADED


def test_a_program_that_does_not_run_is_unhealthy() -> None:
    for ended in (
        said(b"Segmentation fault", 139),
        Ended(how=HowEnded.NOT_STARTED, returncode=None, reason="no such thing"),
        Ended(how=HowEnded.TIMED_OUT, returncode=-15),
    ):
        (result,) = programs(ended, PING)
        assert result.status is HealthStatus.UNHEALTHY
        assert result.fix


def test_without_any_program_nothing_works() -> None:
    assert roll_up(programs(said(b""), MISSING)) is HealthStatus.UNHEALTHY
    assert roll_up(programs(said(b""))) is HealthStatus.UNHEALTHY


def test_settings_that_are_wrong_are_unhealthy_each() -> None:
    results = checks.check_settings(["a: wrong", "b: wrong"])
    assert [result.status for result in results] == [HealthStatus.UNHEALTHY] * 2
    assert roll_up(checks.check_settings([])) is HealthStatus.HEALTHY


def test_lacking_privileges_degrade_and_have_a_fix() -> None:
    none = checks.check_privileges(Privileges(raw_sockets=False, icmp_sockets=False))
    assert [result.status for result in none] == [HealthStatus.DEGRADED] * 2
    assert all(result.fix for result in none)
    enough = checks.check_privileges(Privileges(raw_sockets=True, icmp_sockets=False))
    assert roll_up(enough) is HealthStatus.HEALTHY


def test_layers_and_plug_ins_are_told() -> None:
    missed = Layer("c", False, "no x", LayerMode.REQUIRE, "Install x.")
    results = checks.check_layers(
        [Layer("a", True, "by x"), Layer("b", False, "no x"), missed, switched_off("d")]
    )
    assert [result.status for result in results] == [
        HealthStatus.HEALTHY,
        HealthStatus.DEGRADED,
        HealthStatus.UNHEALTHY,
        HealthStatus.HEALTHY,
    ]
    assert (results[2].fix, roll_up(results)) == ("Install x.", HealthStatus.UNHEALTHY)
    (broken,) = checks.check_broken([Broken(source="plug-in x", reason="crashed")])
    assert broken.status is HealthStatus.DEGRADED
    assert "plug-in x: crashed" in broken.message


def test_a_listing_tells_a_tools_terms() -> None:
    listing = list_tool(msgspec.structs.replace(MISSING, enabled=False), State.OPEN)
    assert (listing.name, listing.command, listing.enabled, listing.available) == (
        "MtrTool",
        "mtr",
        False,
        False,
    )
    assert listing.breaker is State.OPEN
    assert listing.limits["timeout_s"] == listing.default_timeout_sec
    msgspec.json.encode(listing)


def test_a_program_that_may_not_be_run_tells_why_and_an_altered_one_is_an_alarm() -> None:
    set_uid = msgspec.structs.replace(PING, path=None, unusable="/bin/ping: set-uid")
    pinned = msgspec.structs.replace(PING.terms, program_sha256="0" * 64)
    altered = msgspec.structs.replace(PING, path=None, unusable="/bin/ping: altered", terms=pinned)
    found = [programs(said(b""), entry)[0] for entry in (set_uid, altered)]
    assert [one.status for one in found] == [HealthStatus.DEGRADED, HealthStatus.UNHEALTHY]
    assert all("/bin/ping" in one.message and one.fix for one in found)


def test_a_program_altered_since_the_start_is_not_even_asked_for_its_version() -> None:
    pinned = msgspec.structs.replace(PING.terms, program_sha256="0" * 64)
    entry = msgspec.structs.replace(PING, terms=pinned)
    runner = FakeRunner(lambda plan: said(b"1.0"), digests={"/bin/ping": "1" * 64})
    found = asyncio.run(checks.check_program(entry, runner))
    assert (found.status, runner.plans) == (HealthStatus.UNHEALTHY, [])


def test_a_plug_in_is_told_with_its_distribution_version_and_digest() -> None:
    one = Provenance(name="acme", distribution="acme-netsonde", version="1.2", sha256="0" * 64)
    (result,) = checks.check_plugins([one])
    assert (result.name, result.status) == ("plugins.acme", HealthStatus.HEALTHY)
    assert result.metadata["sha256"] == "0" * 64
    assert "acme-netsonde 1.2" in result.message
