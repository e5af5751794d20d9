"""The wall clock leaps ahead or back: nothing is lost by it, nobody is let in or kept out by it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from netsonde.adapters.event_log import RecentEvents
from netsonde.adapters.memory import FakeClock, FakeResolver, FakeRunner
from netsonde.adapters.record.audit import RecordAudit
from netsonde.adapters.record.reckoning import BELIEVED_AFTER_S
from netsonde.adapters.record.sqlite_record import SqliteRecord
from netsonde.application.catalog import Catalog, Entry
from netsonde.application.denials import WINDOW_S, Denials
from netsonde.application.ports import Ended, EventLog, HowEnded
from netsonde.application.rates import Rates
from netsonde.application.run_tool import RunTool
from netsonde.domain.audit import Denied
from netsonde.domain.breaker import Settings
from netsonde.domain.bucket import Rate
from netsonde.domain.execution import Event, Finished, Progressed, Recorded, Status, fold
from netsonde.domain.plan import Plan
from netsonde.domain.privileges import Privileges
from netsonde.domain.terms import Terms
from netsonde.domain.tools import PingTool
from tests.contract.recordings import Said, asked, event, finished, life, opened

YEAR_S = 365 * 86_400.0
DAY_S = 86_400.0
LEAPS = pytest.mark.parametrize("leap_s", [10 * YEAR_S, -10 * YEAR_S], ids=["ahead", "back"])
TARGET = {"target": "10.0.0.1"}


async def keep(record: SqliteRecord, *events: Event) -> None:
    for one in events:
        record.append(one)
    await record.settle()


def kept(record: SqliteRecord, *names: str) -> list[bool]:
    return [len(record.events(name)) == 4 for name in names]


async def in_a_minute(record: SqliteRecord, clock: FakeClock, name: str) -> None:
    """Let the writer look what is too old, as it does once a minute."""
    clock.advance(61)
    await keep(record, *life(name, at_s=clock.wall_s()))
    await keep(record, *life(f"{name}, again", at_s=clock.wall_s()))


@LEAPS
def test_a_clock_that_leaps_costs_no_record(tmp_path: Path, leap_s: float) -> None:
    clock, said = FakeClock(), Said()

    async def scene() -> None:
        async with opened(tmp_path, clock=clock, said=said, max_age_s=30 * DAY_S) as record:
            await keep(record, *life("before", at_s=clock.wall_s()))
            clock.leap(leap_s)
            await in_a_minute(record, clock, "meanwhile")
            clock.leap(-leap_s)
            await in_a_minute(record, clock, "after")
            assert kept(record, "before", "meanwhile", "after") == [True] * 3
            listed = [one.execution.execution_id for one in await record.executions()]
            assert listed == ["after, again", "after", "meanwhile, again", "meanwhile", "before"]

    asyncio.run(scene())
    assert RecordAudit(str(tmp_path)).verify().problem is None
    assert len(said.named("record.clock_leapt")) == 1  # and that a clock put right leaps, too


def test_a_server_that_starts_with_a_clock_set_wrong_costs_no_record(tmp_path: Path) -> None:
    clock = FakeClock()

    async def scene() -> None:
        async with opened(tmp_path, clock=clock, max_age_s=30 * DAY_S) as record:
            await keep(record, *life("before", at_s=clock.wall_s()))
        clock.leap(YEAR_S)
        async with opened(tmp_path, clock=clock, max_age_s=30 * DAY_S) as record:
            await in_a_minute(record, clock, "meanwhile")
            assert kept(record, "before", "meanwhile") == [True, True]

    asyncio.run(scene())


def test_a_clock_that_stays_ahead_for_a_day_is_right_and_age_counts_again(tmp_path: Path) -> None:
    clock = FakeClock()

    async def scene() -> None:
        async with opened(tmp_path, clock=clock, max_age_s=30 * DAY_S) as record:
            await keep(record, *life("before", at_s=clock.wall_s()))
            clock.leap(YEAR_S)
            await in_a_minute(record, clock, "leapt")
            assert kept(record, "before", "leapt") == [True, True]
            clock.advance(BELIEVED_AFTER_S)
            await in_a_minute(record, clock, "later")
            assert kept(record, "before", "leapt", "later") == [False, True, True]

    asyncio.run(scene())


@LEAPS
def test_readers_of_events_get_each_once_and_in_order(tmp_path: Path, leap_s: float) -> None:
    clock = FakeClock()

    async def scene() -> None:
        heard: list[Recorded] = []
        async with opened(tmp_path, clock=clock) as record:
            record.watch(heard.append)
            await keep(record, *life("before", at_s=clock.wall_s()))
            clock.leap(leap_s)
            await keep(record, *life("after", at_s=clock.wall_s()))
            async with asyncio.timeout(10):
                while len(heard) < 8:  # noqa: ASYNC110  # they come in callbacks
                    await asyncio.sleep(0)
            assert [one.number for one in heard] == list(range(1, 9))
            assert [one.number for one in await record.since(4)] == [5, 6, 7, 8]

    asyncio.run(scene())


@LEAPS
def test_progress_is_told_on_after_a_leap(tmp_path: Path, leap_s: float) -> None:
    clock = FakeClock()

    async def scene() -> None:
        async with opened(tmp_path, clock=clock) as record:
            percents = []
            await keep(record, *life("a", at_s=clock.wall_s())[:3])
            for percent in (10.0, 20.0, 30.0):
                await keep(record, event("a", Progressed(percent), at_s=clock.wall_s()))
                clock.advance(2)
            clock.leap(leap_s)
            for percent in (40.0, 50.0, 60.0):
                await keep(record, event("a", Progressed(percent), at_s=clock.wall_s()))
                clock.advance(2)
            for one in await record.since(0):
                if isinstance(one.event.what, Progressed):
                    percents.append(one.event.what.percent)
            assert percents == [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]
            await keep(record, finished("a", at_s=clock.wall_s()))

    asyncio.run(scene())


@LEAPS
def test_what_a_killed_server_left_open_is_ended_in_any_time(tmp_path: Path, leap_s: float) -> None:
    clock = FakeClock(wall_s=2_000_000_000.0)

    async def scene() -> None:
        async with opened(tmp_path, clock=clock) as record:
            await keep(record, asked("a", at_s=clock.wall_s()))
        clock.leap(leap_s)
        async with opened(tmp_path, clock=clock) as record:
            assert fold(record.events("a")).status is Status.CANCELLED

    asyncio.run(scene())


def run_tool(
    clock: FakeClock,
    log: EventLog,
    *,
    fails: bool = False,
    during: Callable[[], None] = lambda: None,
) -> RunTool:
    """One tool; `fails`: its program always crashes. Two calls a minute; `during` each, this happens."""
    tool = PingTool()
    entry = Entry(
        tool=tool,
        terms=Terms(program="/usr/bin/ping", profiles=tool.profiles),
        path="/usr/bin/ping",
        enabled=True,
        concurrency=1,
        breaker=Settings(failure_threshold=2, recovery_s=60),
    )

    def script(plan: Plan) -> Ended:
        during()
        return Ended(how=HowEnded.EXITED, returncode=-11 if fails else 0)

    return RunTool(
        catalog=Catalog((entry,)),
        runner=FakeRunner(script),
        resolver=FakeResolver(),
        clock=clock,
        log=log,
        new_id=iter(map("e{}".format, range(1000))).__next__,
        privileges=Privileges(raw_sockets=True),
        rates=Rates(Rate(tokens=100 if fails else 2, per_s=60), clock),
    )


def errors(tool: RunTool, count: int) -> list[str]:
    """What so many calls come to: "" or the type of the error."""

    async def scene() -> list[str]:
        outputs = [await tool.execute("PingTool", TARGET) for _ in range(count)]
        return [output.error.error_type.value if output.error else "" for output in outputs]

    return asyncio.run(scene())


@LEAPS
def test_a_rate_limit_neither_opens_nor_locks(leap_s: float) -> None:
    clock = FakeClock()
    tool = run_tool(clock, RecentEvents())
    assert errors(tool, 3) == ["", "", "rate_limited"]
    clock.leap(leap_s)
    assert errors(tool, 1) == ["rate_limited"]
    clock.advance(60)
    assert errors(tool, 3) == ["", "", "rate_limited"]


@LEAPS
def test_a_circuit_breaker_neither_opens_nor_locks(leap_s: float) -> None:
    clock = FakeClock()
    tool = run_tool(clock, RecentEvents(), fails=True)
    assert errors(tool, 3) == ["execution_error", "execution_error", "circuit_breaker_open"]
    clock.leap(leap_s)
    assert errors(tool, 1) == ["circuit_breaker_open"]
    clock.advance(61)
    assert errors(tool, 2) == ["execution_error", "circuit_breaker_open"]


@LEAPS
def test_denials_are_counted_by_the_minute_that_passed(leap_s: float) -> None:
    clock, log = FakeClock(), RecentEvents()
    denials = Denials(log, clock)
    denied = Denied(caller="", address="10.0.0.9", action="read", rule="access.token")

    async def scene() -> None:
        for _ in range(3):
            denials.append(event("", denied))
        clock.leap(leap_s)
        denials.tell()
        assert len(denials) == 1
        clock.advance(WINDOW_S)
        denials.tell()
        assert len(denials) == 0

    asyncio.run(scene())


@LEAPS
def test_how_long_an_execution_took_is_what_passed(leap_s: float) -> None:
    clock, log = FakeClock(), RecentEvents()

    def during() -> None:
        clock.advance(3)
        clock.leap(leap_s)

    tool = run_tool(clock, log, during=during)
    output = asyncio.run(tool.execute("PingTool", TARGET))
    assert (output.status, output.duration_sec) == (Status.SUCCESS, 3.0)
    assert output.started_at < output.finished_at
    assert isinstance(log.events(output.execution_id)[-1].what, Finished)
