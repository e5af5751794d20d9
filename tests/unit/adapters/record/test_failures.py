"""Failures of the file, the folder and the loop, each at the place where it shows."""

import asyncio
import itertools
import os
from pathlib import Path

import apsw
import pytest

from netsonde.adapters.record import folder as files
from netsonde.adapters.record.audit import RecordAudit
from netsonde.adapters.record.chain import Link, seal
from netsonde.adapters.record.database import APPLICATION_ID, open_reader, open_writer
from netsonde.adapters.record.sqlite_record import SqliteRecord
from netsonde.application.ports import LogFailed
from netsonde.domain.execution import Event, Recorded
from tests.contract.recordings import Said, asked, life, opened


async def keep(record: SqliteRecord, *events: Event) -> None:
    for one in events:
        record.append(one)
    await record.settle()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    record = opened(tmp_path)
    asyncio.run(keep(record, *(one for n in range(200) for one in life(f"id{n}"))))
    record.close()
    return tmp_path


def ruin(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(os.urandom(8 * 4096))


def test_the_audit_of_a_damaged_file_says_that_it_is_damaged(folder: Path) -> None:
    ruin(folder / "record.db", 10 * 4096)
    problem = RecordAudit(str(folder)).verify().problem
    assert problem is not None and problem.code == "damaged"
    with pytest.raises(OSError, match=r"record\.db"):
        list(RecordAudit(str(folder)).events(0, 10_000))


def test_the_audit_of_what_is_no_database_at_all_is_an_error(folder: Path) -> None:
    ruin(folder / "record.db", 0)
    with pytest.raises(OSError, match="damaged"):
        RecordAudit(str(folder)).verify()


def test_a_head_sealed_with_the_key_but_not_that_of_the_records_is_found(folder: Path) -> None:
    key = files.read_key(str(folder))
    connection = apsw.Connection(str(folder / "record.db"))
    number, mac = connection.execute("SELECT anchor_number, anchor_mac FROM chain").get
    head = Link(800, bytes(32))
    connection.execute(
        "UPDATE chain SET head_mac = ?, seal = ?", (head.mac, seal(key, Link(number, mac), head))
    )
    connection.close()
    problem = RecordAudit(str(folder)).verify().problem
    assert problem is not None and (problem.code, problem.number) == ("altered", 800)


def test_columns_of_other_types_in_a_table_that_looks_right_are_found(folder: Path) -> None:
    loose, strict = "replace(sql, 'STRICT', '')", "sql || ' STRICT'"
    for change in (loose, strict):
        connection = apsw.Connection(str(folder / "record.db"))
        connection.pragma("writable_schema", True)
        connection.execute(
            f"UPDATE sqlite_schema SET sql = rtrim({change}) WHERE name IN ('events', 'chain')"
        )
        connection.close()
        if change is loose:
            connection = apsw.Connection(str(folder / "record.db"))
            connection.execute("UPDATE events SET mac = 'text' WHERE number = 3")
            connection.close()
    problem = RecordAudit(str(folder)).verify().problem
    assert problem is not None
    assert (problem.code, problem.number) in (("altered", 3), ("schema", None), ("damaged", None))


def test_reading_a_file_that_was_ruined_fails_in_words(folder: Path) -> None:
    async def scene() -> None:
        said = Said()
        # Only the one that is alone reads at its start, and would have it in its cache.
        async with opened(folder), opened(folder, said=said) as record:
            for offset in range(4096, (folder / "record.db").stat().st_size, 8 * 4096):
                ruin(folder / "record.db", offset)
            for look in (record.executions, lambda: record.since(0)):
                with pytest.raises(LogFailed):
                    await look()
            assert record.events("id0") == ()
            assert said.named("record.unread")[0]["execution_id"] == "id0"

    asyncio.run(scene())


def test_a_record_that_is_closed_can_not_be_read(folder: Path) -> None:
    async def scene() -> None:
        record = opened(folder)
        record.close()
        record.close()
        with pytest.raises(LogFailed):
            await record.executions()
        assert record.events("id0") == ()

    asyncio.run(scene())


def test_tables_that_are_not_ours_under_our_name_are_refused(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "record.db"))
    connection.execute(f"CREATE TABLE events (x); PRAGMA application_id = {APPLICATION_ID}")
    connection.close()
    (tmp_path / "audit.key").write_bytes(bytes(32))
    with pytest.raises(OSError, match="can't be used"):
        opened(tmp_path)


def test_a_seal_that_is_missing_is_no_seal(folder: Path) -> None:
    connection = apsw.Connection(str(folder / "record.db"))
    connection.execute("DELETE FROM chain")
    connection.close()
    with pytest.raises(OSError, match="seal"):
        opened(folder)


def test_a_path_that_can_not_be_opened_is_an_error(tmp_path: Path) -> None:
    path = str(tmp_path / "none" / "record.db")
    with pytest.raises(OSError, match="can't be opened"):
        open_writer(path, bytes(32), max_bytes=1 << 20, monotonic_s=lambda: 0.0)
    with pytest.raises(FileNotFoundError):
        open_reader(path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        open_reader(str(tmp_path / "folder"))


def test_a_check_that_takes_too_long_is_left_unfinished(folder: Path) -> None:
    ticks = itertools.count()
    connection = open_writer(
        str(folder / "record.db"),
        files.read_key(str(folder)),
        max_bytes=1 << 24,
        monotonic_s=lambda: next(ticks) * 10.0,
    )
    connection.close()
    assert next(ticks) >= 1


def test_one_process_waits_for_another_that_is_opening_the_record_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "OPENING_S", 0.1)
    other = files.UseLock(str(tmp_path))
    with other.opening(), pytest.raises(OSError, match="another netsonde"):
        opened(tmp_path)
    opened(tmp_path).close()
    other.close()


def test_closing_takes_no_longer_than_it_may(tmp_path: Path) -> None:
    said = Said()
    record = opened(tmp_path, said=said)
    hindrance = apsw.Connection(str(tmp_path / "record.db"))
    hindrance.set_busy_timeout(2000)
    hindrance.execute("BEGIN IMMEDIATE")
    record.append(asked("a"))
    record.close(0.1)
    assert len(said.named("record.stuck")) == 1
    hindrance.execute("ROLLBACK")
    hindrance.close()
    record.close()
    assert RecordAudit(str(tmp_path)).verify().records == 1


def test_loops_that_are_gone_are_not_told(tmp_path: Path) -> None:
    heard: list[Recorded] = []
    record = opened(tmp_path)

    async def listen() -> None:
        record.watch(heard.append)
        record.append(asked("a"))
        asyncio.ensure_future(record.settle()).cancel()

    asyncio.run(listen())
    asyncio.run(keep(record, asked("b")))
    assert record.last_number() == 2
    record.close()
