"""The port `EventLog`, for the log in memory, alone and with the lines it logs, and for the record."""

import asyncio
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from netsonde.adapters.event_log import RecentEvents
from netsonde.adapters.log_events import LoggedEvents
from netsonde.adapters.record.audit import RecordAudit
from netsonde.application.ports import EventLog, LogFailed
from netsonde.domain.audit import Switched
from netsonde.domain.execution import Event, Progressed, Requested, Started
from tests.contract.recordings import event, finished, life, opened


@pytest.fixture(params=["recent", "logged", "record"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EventLog]:
    if request.param == "record":
        record = opened(tmp_path / "state")
        yield record
        record.close()
        return
    recent = RecentEvents()
    yield recent if request.param == "recent" else LoggedEvents(recent, logging.getLogger("test"))


ASKED = Requested(tool="PingTool", target="10.0.0.1")


def test_an_event_is_there_at_once_and_in_order(log: EventLog) -> None:
    first, second = event("a", ASKED), event("a", Started())
    log.append(first)
    assert log.events("a") == (first,)
    log.append(second)
    assert log.events("a") == (first, second)


def test_executions_are_kept_apart(log: EventLog) -> None:
    log.append(event("a", ASKED))
    log.append(event("b", Started()))
    assert [type(e.what) for e in log.events("b")] == [Started]


def test_an_unknown_execution_has_no_events(log: EventLog) -> None:
    assert log.events("nobody") == ()


def test_of_progress_the_last_word_is_kept(log: EventLog) -> None:
    for percent in range(1000):
        log.append(event("a", Progressed(float(percent))))
    assert [e.what for e in log.events("a")] == [Progressed(999.0)]


def test_events_of_the_service_belong_to_no_execution(log: EventLog) -> None:
    log.append(event("", Switched(tool="PingTool", enabled=False, caller="ops")))
    assert log.events("") == ()


def test_events_are_the_same_before_and_after_they_are_settled(log: EventLog) -> None:
    events = life("a", stdout="x" * 100_000, stderr="é", result={"received": 1, "a": [None]})
    for one in events:
        log.append(one)
    assert log.events("a") == events
    asyncio.run(log.settle())
    assert log.events("a") == events


def test_many_can_settle_at_once(log: EventLog) -> None:
    async def scene() -> None:
        async def one(name: str) -> None:
            for happened in life(name):
                log.append(happened)
            await log.settle()
            assert log.events(name) == life(name)

        await asyncio.gather(*(one(f"id{number}") for number in range(100)))

    asyncio.run(scene())


def test_one_who_gives_up_settling_does_not_disturb_the_others(log: EventLog) -> None:
    async def scene() -> None:
        log.append(event("a", ASKED))
        impatient = asyncio.ensure_future(log.settle())
        await asyncio.sleep(0)
        impatient.cancel()
        await log.settle()
        await asyncio.wait((impatient,))

    asyncio.run(scene())


class _Foreign:
    def __repr__(self) -> str:
        raise ValueError("a plug-in's object")


@pytest.mark.parametrize(
    "odd",
    [
        event("a", Requested(tool="\udcff", target="\ud800", extra_args="\x00\x1b[2J")),
        finished("a", stdout="\udcff", result={"\udcff": "\udcff"}),
        finished("a", result={"x": _Foreign(), 3: {1, 2}, "big": 1 << 80}),
        Event(
            execution_id="\udcff", at_s=1.0, what=Requested(tool="x", target="y", caller="\ud800")
        ),
    ],
)
def test_whatever_is_appended_is_taken_and_settled(log: EventLog, odd: Event) -> None:
    log.append(odd)
    asyncio.run(log.settle())
    assert log.events(odd.execution_id) or odd.execution_id == "\udcff"


def test_an_answer_nested_without_end_is_taken_and_settled(log: EventLog) -> None:
    nested: dict[str, object] = {}
    for _ in range(20_000):
        nested = {"x": nested}
    log.append(finished("a", result=nested))
    asyncio.run(log.settle())
    assert log.events("a")


def test_what_was_settled_is_read_after_a_restart(tmp_path: Path) -> None:
    events = life("a", stdout="x" * 100_000, result={"received": 1})
    first = opened(tmp_path)
    for one in events:
        first.append(one)
    asyncio.run(first.settle())
    first.close()
    second = opened(tmp_path)
    assert second.events("a") == events
    second.close()


def test_settling_fails_in_time_while_nothing_can_be_written_and_works_when_it_can(
    tmp_path: Path,
) -> None:
    async def scene() -> None:
        async with opened(tmp_path) as record:
            hindrance = apsw.Connection(str(tmp_path / "record.db"))
            hindrance.set_busy_timeout(2000)
            hindrance.execute("BEGIN IMMEDIATE")
            for one in life("a"):
                record.append(one)
            since_s = time.monotonic()
            with pytest.raises(LogFailed):
                await record.settle()
            assert time.monotonic() - since_s < 4
            assert record.failing
            assert record.events("a") == life("a")
            hindrance.execute("COMMIT")
            hindrance.close()
            async with asyncio.timeout(10):
                while True:
                    try:
                        await record.settle()
                        break
                    except LogFailed:
                        continue
            assert not record.failing
            assert record.events("a") == life("a")

    asyncio.run(scene())
    assert RecordAudit(str(tmp_path)).verify().records == 4


def test_a_log_that_is_closed_says_so(tmp_path: Path) -> None:
    record = opened(tmp_path)
    record.close()
    record.append(event("a", ASKED))
    with pytest.raises(LogFailed):
        asyncio.run(record.settle())


def test_the_oldest_execution_is_forgotten_first() -> None:
    log = RecentEvents(max_executions=2)
    for name in "abc":
        log.append(event(name, ASKED))
    assert [bool(log.events(name)) for name in "abc"] == [False, True, True]


def test_large_answers_push_old_ones_out() -> None:
    log = RecentEvents(max_bytes=4000)
    for name in "abc":
        log.append(finished(name, stdout="x" * 1200))
    assert [bool(log.events(name)) for name in "abc"] == [False, True, True]


def test_an_answer_larger_than_the_whole_bound_is_kept_while_it_is_the_newest() -> None:
    log = RecentEvents(max_bytes=10)
    log.append(finished("a", stdout="x" * 100))
    assert log.events("a")
    log.append(finished("b"))
    assert not log.events("a")


def test_all_that_is_kept_counts_against_the_bound_not_only_answers() -> None:
    log = RecentEvents(max_bytes=4000)
    for name in "abc":
        log.append(event(name, Requested(tool="PingTool", target="x" * 1500)))
    assert [bool(log.events(name)) for name in "abc"] == [False, True, True]
    for _ in range(1000):
        log.append(event("", Switched(tool="PingTool", enabled=False, caller="ops")))
    assert [bool(log.events(name)) for name in "bc"] == [True, True]
