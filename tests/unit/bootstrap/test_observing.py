"""Those who see what happens: made whole or not at all, and closed in time."""

import asyncio
import time
from pathlib import Path

import pytest

from netsonde.adapters.event_log import RecentEvents
from netsonde.adapters.record.audit import RecordAudit
from netsonde.adapters.record.sqlite_record import SqliteRecord
from netsonde.application.ports import LogFailed
from netsonde.bootstrap.container import Container
from netsonde.bootstrap.observing import Observers
from netsonde.bootstrap.settings_load import load
from netsonde.bootstrap.settings_problems import ConfigError
from netsonde.domain import audit
from netsonde.domain.execution import Event, Happening, Recorded


@pytest.fixture(autouse=True)
def no_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)


def container(state: Path) -> Container:
    return Container(given=load({"MCP_STATE_DIR": str(state)}))


def whats(state: Path) -> list[Happening]:
    return [one.event.what for one in RecordAudit(str(state)).events(0, 100)]


def denied() -> Event:
    what = audit.Denied(caller="", address="10.0.0.9", action="GET /", rule="access.token")
    return Event(execution_id="", at_s=1.0, what=what)


def test_what_is_told_is_on_record_and_the_end_comes_last(tmp_path: Path) -> None:
    async def scene() -> None:
        observers = Observers(container(tmp_path), recorded=True)
        assert isinstance(observers.record, SqliteRecord)
        assert observers.failing is None
        observers.tell(audit.ServiceStarted(version="1", transport="http"))
        for _ in range(10):
            observers.log.append(denied())
        await observers.close("test", 3.0)

    asyncio.run(scene())
    started, first, rest, stopped = whats(tmp_path)
    assert isinstance(started, audit.ServiceStarted)
    assert isinstance(first, audit.Denied)
    assert isinstance(rest, audit.Denied)
    assert (first.count, rest.count) == (1, 9)
    assert stopped == audit.ServiceStopped(reason="test")


def test_without_a_record_it_is_kept_in_memory(tmp_path: Path) -> None:
    async def scene() -> None:
        observers = Observers(container(tmp_path), recorded=False)
        assert isinstance(observers.record, RecentEvents)
        assert observers.failing is None
        heard: list[Recorded] = []
        observers.record.watch(heard.append)
        observers.tell(audit.ServiceStarted(version="1", transport="stdio"))
        await observers.close("test", 1.0)
        assert len(heard) == 2

    asyncio.run(scene())
    assert list(tmp_path.iterdir()) == []


def test_what_is_made_afterwards_tells_them(tmp_path: Path) -> None:
    async def scene() -> None:
        given = container(tmp_path)
        observers = Observers(given, recorded=True)
        output = await given.run_tool().execute("PingTool", {"target": "8.8.8.8"})
        assert len(observers.record.events(output.execution_id)) == 2
        counted = observers.telemetry.metrics.counts()
        assert counted["PingTool"].executions == 1
        await observers.close("test", 3.0)

    asyncio.run(scene())


@pytest.mark.parametrize("folder", ["file/state", "file"])
def test_a_folder_that_can_not_be_used_is_a_problem_of_its_setting(
    tmp_path: Path, folder: str
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError) as raised:
        Observers(container(tmp_path / folder), recorded=True)
    (problem,) = raised.value.problems
    assert (problem.source, problem.key) == (str(tmp_path / folder), "state.dir")


class Unwilling(RecentEvents):
    """A log that can't keep anything, or takes for ever over it."""

    def __init__(self, *, hangs: bool) -> None:
        super().__init__()
        self._hangs = hangs

    async def settle(self) -> None:
        if self._hangs:
            await asyncio.Event().wait()
        raise LogFailed("no room")


@pytest.mark.parametrize("hangs", [False, True])
def test_a_record_that_can_not_be_written_is_told_to_the_log_and_holds_nothing_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, hangs: bool
) -> None:
    async def scene() -> float:
        observers = Observers(container(tmp_path), recorded=False)
        observers.record = Unwilling(hangs=hangs)
        begun_s = time.monotonic()
        await observers.close("test", 0.3)
        return time.monotonic() - begun_s

    assert asyncio.run(scene()) < 2.0
    assert "record.unwritten" in [line.getMessage() for line in caplog.records]
