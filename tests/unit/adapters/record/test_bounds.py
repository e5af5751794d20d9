"""The record's bounds: in age, in bytes on disk, and of what waits while nothing can be written."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from netsonde.adapters.memory import FakeClock
from netsonde.adapters.record.audit import RecordAudit
from netsonde.adapters.record.line import Line
from netsonde.adapters.record.sqlite_record import SqliteRecord
from netsonde.application.ports import LogFailed
from netsonde.domain.audit import Switched
from netsonde.domain.execution import Event, Finished, Progressed
from tests.contract.recordings import Said, asked, event, finished, life, opened

MIB = 1024 * 1024
SWITCHED = event("", Switched(tool="PingTool", enabled=False, caller="ops"))


def on_disk(folder: Path) -> int:
    return sum(
        path.stat().st_size for path in folder.glob("record.db*") if path.suffix != ".db-shm"
    )


async def keep(record: SqliteRecord, *events: Event) -> None:
    for one in events:
        record.append(one)
    await record.settle()


def noise(size: int) -> str:
    """Text that does not compress much."""
    return os.urandom(size // 2).hex()


def test_the_files_never_take_more_than_they_may_and_the_oldest_goes(tmp_path: Path) -> None:
    async def scene() -> int:
        largest = 0
        async with opened(tmp_path, max_bytes=8 * MIB) as record:
            for number in range(150):
                await keep(record, *life(f"id{number}", stdout=noise(200_000)))
                largest = max(largest, on_disk(tmp_path))
            assert len(record.events("id149")) == 4
            assert record.events("id0") == ()
            listed = await record.executions(limit=1000)
            assert 20 < len(listed) < 100
            assert listed[0].execution.execution_id == "id149"
        return largest

    assert asyncio.run(scene()) <= 8 * MIB
    verified = RecordAudit(str(tmp_path)).verify()
    assert verified.problem is None
    assert verified.first is not None and verified.first > 100
    assert verified.last == 600


def test_many_small_events_are_bounded_too(tmp_path: Path) -> None:
    async def scene() -> None:
        async with opened(tmp_path, max_bytes=MIB) as record:
            for batch in range(60):
                await keep(record, *(SWITCHED for _ in range(200)))
                assert on_disk(tmp_path) <= MIB, batch

    asyncio.run(scene())
    assert RecordAudit(str(tmp_path)).verify().problem is None


def test_an_answer_too_large_for_the_record_is_kept_without_its_texts(tmp_path: Path) -> None:
    said = Said()

    async def scene() -> None:
        async with opened(tmp_path, said=said, max_bytes=8 * MIB) as record:
            await keep(record, *life("a", stdout=noise(4 * MIB), stderr="e"))
            what = record.events("a")[-1].what
            assert isinstance(what, Finished)
            assert what.output.stdout == "" and what.output.truncated_stdout
            assert what.output.truncated_stderr
            await keep(record, *life("b", stdout="x" * 20 * MIB))
            assert record.events("b") == life("b", stdout="x" * 20 * MIB)
            assert on_disk(tmp_path) <= 8 * MIB

    asyncio.run(scene())
    assert said.named("record.cut") == [{"execution_id": "a"}]


def test_what_is_older_than_the_record_may_reach_goes(tmp_path: Path) -> None:
    clock = FakeClock(wall_s=1_000_000.0)

    async def scene() -> None:
        async with opened(tmp_path, clock=clock, max_age_s=1000) as record:
            await keep(record, *life("a", at_s=clock.wall_s()))
            clock.advance(900)
            await keep(record, *life("b", at_s=clock.wall_s()))
            assert len(record.events("a")) == 4
            clock.advance(900)
            await keep(record, *life("c", at_s=clock.wall_s()))
            found = [one.execution.execution_id for one in await record.executions()]
            assert found == ["c", "b"]
            assert record.events("a") == ()
            assert [one.number for one in await record.since(0)] == list(range(5, 13))

    asyncio.run(scene())
    verified = RecordAudit(str(tmp_path)).verify()
    assert (verified.problem, verified.first, verified.last) == (None, 5, 12)


def test_a_record_of_which_everything_is_too_old_goes_on_with_the_next_number(
    tmp_path: Path,
) -> None:
    clock = FakeClock(wall_s=1_000_000.0)

    async def scene() -> None:
        async with opened(tmp_path, clock=clock, max_age_s=1000) as record:
            await keep(record, *life("a", at_s=clock.wall_s()))
        clock.advance(10_000)
        async with opened(tmp_path, clock=clock, max_age_s=1000) as record:
            await keep(record, SWITCHED)
            assert record.last_number() == 5
            assert await record.executions() == ()

    asyncio.run(scene())
    assert RecordAudit(str(tmp_path)).verify().problem is None


def test_a_record_with_less_room_than_before_shrinks(tmp_path: Path) -> None:
    async def fill() -> None:
        async with opened(tmp_path, max_bytes=64 * MIB) as record:
            for number in range(80):
                await keep(record, *life(f"id{number}", stdout=noise(200_000)))

    clock = FakeClock(wall_s=1_800_000_000.0)

    async def shrink() -> None:
        async with opened(tmp_path, clock=clock, max_bytes=8 * MIB) as record:
            for _ in range(40):
                clock.advance(61)
                await keep(record, SWITCHED)

    asyncio.run(fill())
    assert on_disk(tmp_path) > 8 * MIB
    asyncio.run(shrink())
    assert on_disk(tmp_path) <= 8 * MIB
    assert RecordAudit(str(tmp_path)).verify().problem is None


@pytest.fixture
def hindered(tmp_path: Path) -> Iterator[tuple[SqliteRecord, apsw.Connection, Said]]:
    said = Said()
    record = opened(tmp_path / "state", said=said, max_waiting_events=10, max_waiting_bytes=100_000)
    hindrance = apsw.Connection(str(tmp_path / "state" / "record.db"))
    hindrance.set_busy_timeout(5000)
    hindrance.execute("BEGIN IMMEDIATE")
    yield record, hindrance, said
    if hindrance.in_transaction:
        hindrance.execute("ROLLBACK")
    hindrance.close()
    record.close()


async def settle_in_the_end(record: SqliteRecord) -> None:
    async with asyncio.timeout(15):
        while True:
            try:
                return await record.settle()
            except LogFailed:
                await asyncio.sleep(0.01)


def test_a_full_line_takes_no_new_execution_but_ends_those_it_has(
    hindered: tuple[SqliteRecord, apsw.Connection, Said],
) -> None:
    record, hindrance, said = hindered

    async def scene() -> None:
        for happened in life("old")[:3]:
            record.append(happened)
        for number in range(20):
            for happened in life(f"id{number}"):
                record.append(happened)
        record.append(SWITCHED)
        record.append(finished("old"))
        record.append(asked("waits"))
        with pytest.raises(LogFailed):
            await record.settle()
        hindrance.execute("ROLLBACK")
        await settle_in_the_end(record)
        assert len(record.events("old")) == 4
        listed = [one.execution.execution_id for one in await record.executions()]
        assert listed == ["waits", "id1", "id0", "old"]

    asyncio.run(scene())
    record.close()
    assert sum(fields["count"] for fields in said.named("record.lost")) == 18 * 4 + 1


def test_an_execution_that_was_held_back_is_recorded_whole_once_there_is_room(
    hindered: tuple[SqliteRecord, apsw.Connection, Said],
) -> None:
    record, hindrance, _ = hindered

    async def scene() -> None:
        for number in range(10):
            record.append(asked(f"id{number}"))
        record.append(asked("late"))
        with pytest.raises(LogFailed):
            await record.settle()
        hindrance.execute("ROLLBACK")
        await settle_in_the_end(record)
        for happened in life("late")[1:]:
            record.append(happened)
        await record.settle()
        assert record.events("late") == life("late")

    asyncio.run(scene())


def test_what_waits_when_it_is_closed_and_cannot_be_written_is_told(
    hindered: tuple[SqliteRecord, apsw.Connection, Said],
) -> None:
    record, _, said = hindered
    for happened in life("a"):
        record.append(happened)
    record.close()
    assert said.named("record.lost") == [{"count": 4}]


def test_texts_are_thrown_away_when_far_too_many_wait() -> None:
    line = Line(max_bytes=10_000)
    for name in "abcd":
        line.put(asked(name))
    for name in "abcd":
        line.put(finished(name, stdout="x" * 9_000))
    texts = [entry.texts is not None for entry in line.batch(100, 1 << 30)][4:]
    assert texts == [True, True, False, False]


def test_progress_is_recorded_once_a_second_and_shown_at_once() -> None:
    line = Line()
    line.put(asked("a"))
    for tenth in range(100):
        line.put(event("a", Progressed(float(tenth)), at_s=100 + tenth / 10))
        assert line.events("a")[-1].what == Progressed(float(tenth))
    assert len(line.batch(1000, 1 << 30)) == 1 + 10
