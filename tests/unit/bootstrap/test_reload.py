"""Settings read again: all or nothing, and what needs a restart is told."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from netsonde.adapters.event_log import RecentEvents
from netsonde.adapters.memory import KeptSwitches
from netsonde.application.gate import Credential, Gate
from netsonde.application.rates import Rates
from netsonde.application.switchboard import Switchboard
from netsonde.bootstrap.catalog import settle
from netsonde.bootstrap.container import Container, rate
from netsonde.bootstrap.reload import Live, Reload
from netsonde.bootstrap.settings import Settings
from netsonde.bootstrap.settings_load import Loaded, load
from netsonde.domain.access import Caller
from netsonde.domain.audit import Reloaded
from netsonde.domain.execution import Event

START = """
[security]
auth_token = "0123456789abcdef-first"
denied_networks = ["10.9.0.0/16"]
[server]
transport = "http"
"""


def credentials(settings: Settings) -> Sequence[Credential]:
    if not settings.security.auth_token:
        return ()
    digest = settings.security.auth_token.encode().ljust(32)[:32]
    return (Credential(digest=digest, caller=Caller(name="admin")),)


class Told(RecentEvents):
    """Keeps what belongs to no execution too."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Event] = []

    def append(self, event: Event) -> None:
        self.told.append(event)


class Service:
    """What a running service has, with a settings file to change."""

    def __init__(self, path: Path, *, open_to_others: bool = True) -> None:
        self.path = path
        path.write_text(START)
        self.container = Container(given=self.again())
        self.loaded = settle(self.again(), self.container.found())
        clock, log = self.container.clock(), Told()
        self.rates = self.container.rates()
        self.run_tool = self.container.run_tool()
        self.announced = 0
        self.board = Switchboard(self.run_tool, KeptSwitches(), clock=clock, log=log)
        self.board.announce_by(self.announce)
        self.gate = Gate(
            credentials(self.loaded.settings), guesses=Rates(None, clock), clock=clock, log=log
        )
        self.log = log
        self.reload = Reload(
            self.loaded,
            self.again,
            Live(
                found=self.container.found(),
                programs=self.container.programs(),
                clock=clock,
                log=log,
                switchboard=self.board,
                rates=self.rates,
                gate=self.gate,
                read_credentials=credentials,
                rate_of=rate,
                open_to_others=open_to_others,
            ),
        )

    def again(self) -> Loaded:
        return load({"HOME": "/nonexistent"}, config=str(self.path))

    async def announce(self) -> None:
        self.announced += 1

    def write(self, text: str) -> None:
        self.path.write_text(text)
        asyncio.run(self.reload())

    @property
    def recorded(self) -> Reloaded:
        """What the last reload put on record."""
        what = self.log.told[-1].what
        assert isinstance(what, Reloaded)
        return what


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(tmp_path / "netsonde.toml")


def test_what_was_changed_is_in_force_and_on_record(service: Service) -> None:
    service.write(
        START.replace("10.9.0.0/16", "10.8.0.0/16")
        + "[rate_limit]\nrate = 3\n[tools.PingTool]\nconcurrency = 7\n"
    )
    entry = service.run_tool.catalog.find("ping")
    assert entry is not None
    assert [str(net) for net in entry.terms.policy.denied_networks] == ["10.8.0.0/16"]
    assert entry.concurrency == 7
    assert service.rates.rate is not None
    assert service.rates.rate.tokens == 3
    assert service.recorded.changed == (
        "rate_limit.rate",
        "security.denied_networks",
        "tools.PingTool.concurrency",
    )
    assert service.reload.problems == ()
    assert service.announced == 1


def test_with_any_problem_nothing_is_changed(service: Service) -> None:
    before = service.run_tool.catalog
    service.write(START + '[tools.PingTol]\nenabled = false\n[rate_limit]\nrate = "x"\n')
    assert service.run_tool.catalog is before
    assert service.gate.guarded
    assert service.recorded.changed == ()
    assert service.recorded.problems == service.reload.problems != ()
    service.write(START)
    assert service.reload.problems == ()


def test_what_needs_a_restart_is_told_and_not_lost(service: Service) -> None:
    service.write(START + "port = 9\n[health]\ninterval = 3\n")
    assert service.reload.waiting == ("health.interval", "server.port")
    assert service.recorded.waiting == ("health.interval", "server.port")
    assert service.reload.problems == ()


def test_a_token_that_is_changed_is_told_without_its_value(service: Service) -> None:
    service.write(START.replace("first", "second"))
    assert service.recorded.changed == ("security.auth_token",)
    assert "second" not in repr(service.log.told)


def test_the_last_token_is_not_taken_away_from_a_service_open_to_others(
    service: Service, tmp_path: Path
) -> None:
    without = '[server]\ntransport = "http"\n'
    service.write(without)
    assert service.gate.guarded
    assert service.reload.problems != ()
    on_loopback = Service(tmp_path / "other.toml", open_to_others=False)
    on_loopback.write(without)
    assert not on_loopback.gate.guarded


def test_a_tool_that_was_switched_off_stays_off(service: Service) -> None:
    asyncio.run(service.board.switch("PingTool", on=False))
    service.write(START + "[rate_limit]\nrate = 3\n")
    entry = service.run_tool.catalog.find("PingTool")
    assert entry is not None
    assert not entry.enabled


def test_nothing_changed_is_nothing_announced(service: Service) -> None:
    service.write(START)
    assert service.announced == 0
    assert service.recorded.changed == ()
