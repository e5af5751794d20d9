"""The thread that writes the record dies: another takes over, and nothing is lost or written twice."""

import asyncio
import logging
import random
import threading
from pathlib import Path

import pytest

from netsonde.adapters.clock import SystemClock
from netsonde.adapters.record.audit import RecordAudit
from netsonde.adapters.record.sqlite_record import SqliteRecord
from netsonde.application.ports import LogFailed
from netsonde.domain.execution import Event
from tests.contract.recordings import Said, life, opened

WITHIN_S = 20.0
WRITER = "netsonde-record"


class DeadlyClock(SystemClock):
    """Raises `reason`, once for each of `deaths`, in the thread that writes."""

    def __init__(self, reason: type[BaseException] = SystemExit) -> None:
        self.deaths = 0
        self.died = threading.Event()
        self._reason = reason

    def monotonic_s(self) -> float:
        """See the port, mostly."""
        if self.deaths and threading.current_thread().name == WRITER:
            self.deaths -= 1
            self.died.set()
            raise self._reason("the end of a thread")
        return super().monotonic_s()


class Deadly(Said):
    """A log of which one line ends the thread that says it."""

    def __init__(self, name: str, reason: type[BaseException]) -> None:
        super().__init__()
        self._name = name
        self._reason = reason

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it, or die of it."""
        super().emit(record)
        if record.getMessage() == self._name:
            raise self._reason("the log is gone")


async def keep(record: SqliteRecord, *events: Event) -> None:
    """Put them on record in the end, however often that is refused."""
    for one in events:
        record.append(one)
    async with asyncio.timeout(WITHIN_S):
        while True:
            try:
                return await record.settle()
            except LogFailed:
                continue


def lives(folder: Path) -> dict[str, int]:
    """How many events there are of each execution."""
    found: dict[str, int] = {}
    verified = RecordAudit(str(folder)).verify()
    assert verified.problem is None
    for recorded in RecordAudit(str(folder)).events(None, 100_000):
        one = recorded.event.execution_id
        found[one] = found.get(one, 0) + 1
    return found


@pytest.mark.parametrize("reason", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_a_writer_that_died_is_begun_anew(tmp_path: Path, reason: type[BaseException]) -> None:
    clock, said = DeadlyClock(reason), Said()

    async def scene() -> None:
        async with opened(tmp_path, clock=clock, said=said) as record:
            await keep(record, *life("before"))
            clock.deaths = 1
            await keep(record, *life("after"))
            assert clock.died.is_set()
            assert record.failing is None

    asyncio.run(scene())
    assert lives(tmp_path) == {"before": 4, "after": 4}
    names = [name for name, _ in said.lines if name != "audit.head"]
    assert names == ["record.failing", "record.recovered"]
    assert WRITER not in [thread.name for thread in threading.enumerate()]


def test_who_waits_for_a_writer_that_dies_is_told_so_at_once(tmp_path: Path) -> None:
    clock = DeadlyClock()

    async def scene() -> None:
        async with opened(tmp_path, clock=clock) as record:
            clock.deaths = 1
            for one in life("a"):
                record.append(one)
            with pytest.raises(LogFailed, match="the end of a thread"):
                async with asyncio.timeout(2):
                    await record.settle()
            await keep(record)

    asyncio.run(scene())
    assert lives(tmp_path) == {"a": 4}


def test_writers_that_die_again_and_again_lose_nothing_and_write_nothing_twice(
    tmp_path: Path,
) -> None:
    clock, chance = DeadlyClock(), random.Random(20_261_201)  # moments of death
    kept: list[str] = []

    async def work(record: SqliteRecord, name: str) -> None:
        for number in range(20):
            if chance.random() < 0.05:
                clock.deaths += 1
            await keep(record, *life(f"{name}{number}"))
            kept.append(f"{name}{number}")

    async def scene() -> None:
        async with opened(tmp_path, clock=clock) as record:
            await asyncio.gather(*(work(record, name) for name in "abcdefgh"))

    asyncio.run(scene())
    assert clock.died.is_set()
    assert lives(tmp_path) == dict.fromkeys(kept, 4)
    assert len(kept) == 160


@pytest.mark.parametrize("reason", [RuntimeError, SystemExit])
@pytest.mark.parametrize("name", ["record.failing", "record.recovered", "audit.head"])
def test_a_log_that_fails_takes_no_record_along_and_doubles_none(
    tmp_path: Path, name: str, reason: type[BaseException]
) -> None:
    clock, said = DeadlyClock(OSError), Deadly(name, reason)

    async def scene() -> None:
        async with opened(tmp_path, clock=clock, said=said) as record:
            await keep(record, *life("first"))
            clock.deaths = 1
            await keep(record, *life("second"))
            assert clock.died.is_set()

    asyncio.run(scene())
    assert said.named(name)
    assert lives(tmp_path) == {"first": 4, "second": 4}


def test_a_writer_that_dies_while_the_record_is_closed_has_written_everything(
    tmp_path: Path,
) -> None:
    clock = DeadlyClock()

    async def scene() -> None:
        record = opened(tmp_path, clock=clock)
        await keep(record)
        clock.deaths = 2
        for one in life("a"):
            record.append(one)
        await asyncio.to_thread(record.close)

    asyncio.run(scene())
    assert lives(tmp_path) == {"a": 4}
