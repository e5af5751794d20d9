"""Whatever somebody without the key does to the record, the audit finds it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from netsonde.adapters.memory import FakeClock
from netsonde.adapters.record.audit import RecordAudit
from netsonde.application.ports import LogFailed
from netsonde.domain.audit import Denied
from netsonde.domain.execution import Event
from tests.contract.recordings import Said, asked, event, life, opened

DENIED = event("", Denied(caller="eve", address="::1", action="GET /", rule="access.token"))


def keep(folder: Path, *events: Event) -> tuple[int, str]:
    record = opened(folder)
    for one in events:
        record.append(one)
    asyncio.run(record.settle())
    head = record.head()
    record.close()
    return head


def tamper(folder: Path, *statements: str) -> None:
    connection = apsw.Connection(str(folder / "record.db"))
    for statement in statements:
        connection.execute(statement)
    connection.close()


def code(folder: Path, noted: tuple[int, str] | None = None) -> tuple[str, int | None]:
    problem = RecordAudit(str(folder)).verify(noted).problem
    return (problem.code, problem.number) if problem is not None else ("", None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    keep(tmp_path, *life("a", "ann", stdout="o" * 9000), DENIED, *life("b", "bob"), asked("c"))
    assert code(tmp_path) == ("", None)
    return tmp_path


_SWAP = """
CREATE TEMP TABLE t AS SELECT * FROM events WHERE number IN (5, 6);
DELETE FROM events WHERE number IN (5, 6);
INSERT INTO events SELECT 11 - number, execution, kind, asked_by, at_s, mac, body, texts FROM t;
"""


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE events SET body = CAST(replace(body, 'eve', 'bob') AS BLOB) WHERE number = 5", ("altered", 5)),
        ("UPDATE events SET texts = NULL WHERE number = 4", ("altered", 4)),
        ("UPDATE events SET texts = CAST(texts || x'01' AS BLOB) WHERE number = 4", ("altered", 4)),
        ("UPDATE events SET asked_by = 'bob' WHERE number = 1", ("altered", 1)),
        ("UPDATE events SET asked_by = NULL WHERE number = 6", ("altered", 6)),
        ("UPDATE events SET execution = 'b' WHERE number = 5", ("altered", 5)),
        ("UPDATE events SET kind = 1 WHERE number = 3", ("altered", 3)),
        ("UPDATE events SET at_s = at_s - 1 WHERE number = 2", ("altered", 2)),
        ("UPDATE events SET mac = zeroblob(32) WHERE number = 9", ("altered", 9)),
        ("UPDATE events SET mac = (SELECT mac FROM events WHERE number = 2) WHERE number = 3", ("altered", 3)),
        ("DELETE FROM events WHERE number = 1", ("missing", 1)),
        ("DELETE FROM events WHERE number = 5", ("missing", 5)),
        ("DELETE FROM events WHERE number BETWEEN 2 AND 8", ("missing", 2)),
        ("DELETE FROM events WHERE number = 10", ("truncated", 10)),
        ("DELETE FROM events", ("truncated", 1)),
        ("INSERT INTO events SELECT 11, execution, kind, asked_by, at_s, mac, body, texts FROM events WHERE number = 10", ("inserted", 11)),
        ("INSERT INTO events SELECT 0, execution, kind, asked_by, at_s, mac, body, texts FROM events WHERE number = 5", ("inserted", 0)),
        (_SWAP, ("altered", 5)),
        ("UPDATE events SET number = number + 100 WHERE number >= 5", ("inserted", 105)),
        ("UPDATE chain SET head_number = 9, head_mac = (SELECT mac FROM events WHERE number = 9)", ("seal", None)),
        ("UPDATE chain SET anchor_number = 5, anchor_mac = (SELECT mac FROM events WHERE number = 5)", ("seal", None)),
        ("DELETE FROM chain", ("seal", None)),
        ("DROP TABLE chain", ("schema", None)),
        ("DROP TABLE events", ("schema", None)),
    ],
)  # fmt: skip
def test_every_change_is_found_at_the_first_bad_number(
    folder: Path, statement: str, found: tuple[str, int | None]
) -> None:
    tamper(folder, statement)
    assert code(folder) == found


def test_columns_of_other_types_are_no_records(folder: Path) -> None:
    tamper(
        folder,
        "CREATE TABLE copy AS SELECT * FROM events",
        "DROP TABLE events",
        "CREATE VIEW events AS SELECT number, execution, kind, asked_by, at_s, mac, "
        "CAST(body AS TEXT) AS body, texts FROM copy",
    )
    assert code(folder) == ("schema", None)


def test_an_index_that_hides_a_record_is_found(folder: Path) -> None:
    hide = "replace(sql, 'asked_by IS NOT NULL', 'asked_by > ''ann''')"
    show = "replace(sql, 'asked_by > ''ann''', 'asked_by IS NOT NULL')"
    for change in (hide, show):
        tamper(
            folder,
            "PRAGMA writable_schema = ON; "
            f"UPDATE sqlite_schema SET sql = {change} WHERE name = 'by_asking'",
        )
        if change is hide:
            assert code(folder) == ("schema", None)
            tamper(folder, "REINDEX")
    assert code(folder) == ("index", None)


def test_a_table_that_is_put_in_is_found(folder: Path) -> None:
    tamper(folder, "CREATE TABLE theirs (x)")
    assert code(folder) == ("schema", None)


def test_every_single_byte_of_a_body_counts(tmp_path: Path) -> None:
    keep(tmp_path, DENIED)
    connection = apsw.Connection(str(tmp_path / "record.db"))
    body: bytes = connection.execute("SELECT body FROM events").get
    for place in range(len(body)):
        other = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        connection.execute("UPDATE events SET body = ?", (other,))
        assert code(tmp_path) == ("altered", 1)
    connection.execute("UPDATE events SET body = ?", (body,))
    connection.close()
    assert code(tmp_path) == ("", None)


def test_records_do_not_fit_into_another_chain_of_the_same_key(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    keep(one, DENIED)
    other.mkdir(mode=0o700)
    (other / "audit.key").write_bytes((one / "audit.key").read_bytes())
    keep(other, DENIED)
    tamper(
        other,
        f"ATTACH '{one / 'record.db'}' AS one",
        "UPDATE events SET mac = (SELECT mac FROM one.events)",
    )
    assert code(other) == ("altered", 1)


def test_another_key_fits_nothing(folder: Path) -> None:
    (folder / "audit.key").write_bytes(bytes(32))
    assert code(folder) == ("seal", None)
    (folder / "audit.key").write_bytes(b"short")
    assert code(folder) == ("key", None)
    (folder / "audit.key").unlink()
    assert code(folder) == ("key", None)


def test_a_noted_head_shows_that_the_folder_was_put_back(tmp_path: Path) -> None:
    old = keep(tmp_path, *life("a"))
    copy = (tmp_path / "record.db").read_bytes()
    new = keep(tmp_path, *life("b"))
    assert code(tmp_path, old) == code(tmp_path, new) == ("", None)
    (tmp_path / "record.db").write_bytes(copy)
    assert code(tmp_path) == ("", None)  # the limit of what a folder can tell of itself
    assert code(tmp_path, old) == ("", None)
    assert code(tmp_path, new) == ("head.missing", 5)
    keep(tmp_path, *life("c"))
    assert code(tmp_path, new) == ("head.differs", 8)
    assert code(tmp_path, (3, "no hexadecimal")) == ("head.differs", 3)


def test_a_head_older_than_retention_cannot_be_compared(tmp_path: Path) -> None:
    clock = FakeClock(wall_s=1000.0)
    note = keep_at(tmp_path, clock, "a")
    clock.advance(10_000)
    pruned = keep_at(tmp_path, clock, "b")
    assert RecordAudit(str(tmp_path)).verify().first == 5
    assert code(tmp_path, note) == ("", None)  # the anchor itself still can
    assert code(tmp_path, (3, note[1])) == ("head.pruned", None)
    assert code(tmp_path, pruned) == ("", None)


def keep_at(folder: Path, clock: FakeClock, name: str) -> tuple[int, str]:
    record = opened(folder, clock=clock, max_age_s=5000)
    for one in life(name, at_s=clock.wall_s()):
        record.append(one)
    asyncio.run(record.settle())
    head = record.head()
    record.close()
    return head


def unseal(folder: Path) -> None:
    tamper(folder, "UPDATE chain SET head_number = 9")


def test_a_record_whose_seal_is_broken_is_not_written_to_any_more(folder: Path) -> None:
    async def scene() -> None:
        said = Said()
        async with opened(folder, said=said) as record:
            await record.settle()
            tamper(folder, "UPDATE chain SET seal = zeroblob(32)")
            record.append(asked("d"))
            with pytest.raises(LogFailed):
                await record.settle()
            assert record.failing is not None
            assert len(said.named("record.failing")) == 1

    asyncio.run(scene())
    with pytest.raises(OSError, match="audit verify"):
        opened(folder)


def test_tampering_is_not_hidden_by_what_is_written_after_it(folder: Path) -> None:
    tamper(folder, "DELETE FROM events WHERE number >= 8")
    keep(folder, *life("d"))
    assert code(folder) == ("missing", 8)


@pytest.mark.parametrize(
    "make_old",
    [
        "UPDATE events SET at_s = 0 WHERE number <= 5",
        "UPDATE events SET at_s = 0 WHERE number <= 5; DELETE FROM events WHERE number = 2",
    ],
)
def test_records_made_to_look_old_are_not_removed_by_retention(folder: Path, make_old: str) -> None:
    tamper(folder, make_old)
    said = Said()
    record = opened(folder, said=said)
    record.append(asked("d"))
    with pytest.raises(LogFailed):
        asyncio.run(record.settle())
    record.close()
    assert code(folder)[0] in ("altered", "missing")
    assert said.named("record.lost") == [{"count": 1}]


def test_a_file_put_back_under_a_running_server_stops_it(tmp_path: Path) -> None:
    async def scene(undo: Callable[[], None]) -> None:
        async with opened(tmp_path) as record:
            for one in life("a"):
                record.append(one)
            await record.settle()
            undo()
            record.append(asked("b"))
            with pytest.raises(LogFailed):
                await record.settle()

    asyncio.run(scene((tmp_path / "record.db").unlink))
