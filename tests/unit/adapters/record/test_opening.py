"""The record's folder: who may read it, what is refused, what becomes of a damaged file."""

import asyncio
import os
import stat
from pathlib import Path

import apsw
import pytest

from netsonde.adapters.record.audit import RecordAudit
from netsonde.adapters.record.database import SCHEMA_VERSION
from tests.contract.recordings import Said, life, opened


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


def keep(folder: Path, name: str = "a", said: Said | None = None) -> None:
    record = opened(folder, said=said)
    for one in life(name):
        record.append(one)
    asyncio.run(record.settle())
    record.close()


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        record = opened(tmp_path / "new" / "state")
        record.append(life("a")[0])
        asyncio.run(record.settle())
        found = modes(tmp_path / "new" / "state")
        record.close()
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "new" / "state").stat().st_mode) == 0o700
    assert {"record.db", "record.db-wal", "record.db-shm", "audit.key"} <= found.keys()
    assert set(found.values()) == {0o600}


def test_a_file_that_others_can_read_is_made_private_again(tmp_path: Path) -> None:
    keep(tmp_path)
    (tmp_path / "record.db").chmod(0o644)
    keep(tmp_path, "b")
    assert modes(tmp_path)["record.db"] == 0o600


def test_nothing_but_the_database_is_left_after_an_orderly_end(tmp_path: Path) -> None:
    keep(tmp_path)
    assert sorted(modes(tmp_path)) == [
        "audit.key",
        "record.db",
        "record.lock",
        "record.lock.opening",
    ]


def test_the_database_says_what_it_is_and_is_as_safe_as_it_can_be(tmp_path: Path) -> None:
    keep(tmp_path)
    connection = apsw.Connection(str(tmp_path / "record.db"))
    assert connection.pragma("journal_mode") == "wal"
    assert connection.pragma("auto_vacuum") == 2
    assert connection.pragma("user_version") == SCHEMA_VERSION
    assert connection.pragma("application_id") == int.from_bytes(b"nsnd")
    connection.close()


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    keep(tmp_path)
    connection = apsw.Connection(str(tmp_path / "record.db"))
    connection.pragma("user_version", SCHEMA_VERSION + 1)
    connection.close()
    before = (tmp_path / "record.db").read_bytes()
    with pytest.raises(OSError, match="newer netsonde"):
        opened(tmp_path)
    with pytest.raises(OSError, match="newer netsonde"):
        RecordAudit(str(tmp_path)).verify()
    assert (tmp_path / "record.db").read_bytes() == before


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "record.db"))
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    (tmp_path / "audit.key").write_bytes(bytes(32))
    before = (tmp_path / "record.db").read_bytes()
    with pytest.raises(OSError, match="another program"):
        opened(tmp_path)
    assert (tmp_path / "record.db").read_bytes() == before


def test_a_start_that_was_killed_before_it_made_the_tables_is_no_hindrance(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "record.db"))
    connection.pragma("auto_vacuum", 2)
    connection.pragma("journal_mode", "wal")
    connection.close()
    (tmp_path / "audit.key").write_bytes(bytes(32))
    keep(tmp_path)
    assert RecordAudit(str(tmp_path)).verify().records == 4


def test_a_damaged_file_is_set_aside_whole_and_a_new_record_begun(tmp_path: Path) -> None:
    keep(tmp_path)
    path = tmp_path / "record.db"
    damaged = path.read_bytes()[:4096] + os.urandom(8192)
    for _ in range(2):
        path.write_bytes(damaged)
        said = Said()
        keep(tmp_path, "b", said=said)
        (told,) = said.named("record.damaged")
        assert Path(told["kept_as"]).read_bytes() == damaged
    assert len(list(tmp_path.glob("record.db.damaged-*"))) == 2
    assert RecordAudit(str(tmp_path)).verify().records == 4


def test_what_is_no_database_at_all_is_set_aside_too(tmp_path: Path) -> None:
    (tmp_path / "audit.key").write_bytes(bytes(32))
    (tmp_path / "record.db").write_bytes(b"no database " * 1000)
    said = Said()
    keep(tmp_path, said=said)
    assert len(said.named("record.damaged")) == 1


def test_a_damaged_file_that_another_server_uses_is_left_where_it_is(tmp_path: Path) -> None:
    first = opened(tmp_path)
    connection = apsw.Connection(str(tmp_path / "record.db"))
    connection.execute("SELECT 1 FROM events").fetchall()  # it does not know of the WAL before
    assert connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE) == (0, 0)
    connection.close()
    with (tmp_path / "record.db").open("r+b") as file:
        file.write(os.urandom(16384))
    with pytest.raises(OSError, match="another netsonde uses it"):
        opened(tmp_path)
    assert not list(tmp_path.glob("*damaged*"))
    first.close()


def test_a_missing_key_is_not_made_anew_for_an_old_record(tmp_path: Path) -> None:
    keep(tmp_path)
    (tmp_path / "audit.key").unlink()
    with pytest.raises(OSError, match="restore the key"):
        opened(tmp_path)
    assert not (tmp_path / "audit.key").exists()


def test_half_a_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "audit.key").write_bytes(b"half")
    with pytest.raises(OSError, match="no key"):
        opened(tmp_path)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="file"):
        opened(tmp_path / "file")
    with pytest.raises(OSError, match="file"):
        opened(tmp_path / "file" / "state")


@pytest.mark.parametrize("name", ["record.db", "record.lock"])
def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path, name: str) -> None:
    state, elsewhere = tmp_path / "state", tmp_path / "elsewhere"
    elsewhere.write_bytes(b"precious")
    state.mkdir()
    (state / name).symlink_to(elsewhere)
    with pytest.raises(OSError, match=name):
        opened(state)
    assert elsewhere.read_bytes() == b"precious"


def test_there_is_nothing_to_audit_before_there_is_a_record(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        RecordAudit(str(tmp_path)).verify()
    with pytest.raises(FileNotFoundError):
        list(RecordAudit(str(tmp_path)).events(None, 10))
    assert not list(tmp_path.iterdir())
