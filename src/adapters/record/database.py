"""Connections to the record's database: how it is opened, made, and found damaged."""

import os
from collections.abc import Callable

import apsw

from .chain import Link, seal

APPLICATION_ID = 0x6E736E64  # "nsnd"
SCHEMA_VERSION = 1
BUSY_MS = 2000
CHECK_S = 2.0
_SIDE = 8  # of these parts of the space, one is for a batch and two for the write-ahead log

_SCHEMA = """
CREATE TABLE events (
  number INTEGER PRIMARY KEY,
  execution TEXT NOT NULL,
  kind INTEGER NOT NULL,
  asked_by TEXT,
  at_s REAL NOT NULL,
  mac BLOB NOT NULL,
  body BLOB NOT NULL,
  texts BLOB
) STRICT;
CREATE INDEX by_execution ON events (execution, kind, number) WHERE execution <> '';
CREATE INDEX by_asking ON events (number) WHERE asked_by IS NOT NULL;
CREATE INDEX by_asker ON events (asked_by, number) WHERE asked_by IS NOT NULL;
CREATE TABLE chain (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  anchor_number INTEGER NOT NULL,
  anchor_mac BLOB NOT NULL,
  head_number INTEGER NOT NULL,
  head_mac BLOB NOT NULL,
  seal BLOB NOT NULL
) STRICT;
"""


class Damaged(Exception):
    """The file is no sound database."""


class NotOurs(OSError):
    """The file is sound, but not one that this version may write to."""


def open_writer(
    path: str, key: bytes, *, max_bytes: int, monotonic_s: Callable[[], float]
) -> apsw.Connection:
    """The connection that writes; makes the tables if there are none.

    Raises Damaged, or OSError with what to do about it.
    """
    try:
        connection = apsw.Connection(
            path, flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_NOFOLLOW
        )
    except apsw.Error as error:
        raise OSError(f"{path} can't be opened: {error}") from error
    try:
        connection.set_busy_timeout(BUSY_MS)
        _harden(connection)
        _look_at_version(connection, path)
        if not connection.pragma("page_count"):
            connection.pragma("auto_vacuum", "incremental")  # only possible before there are tables
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "full")
        connection.pragma("journal_size_limit", max_bytes // _SIDE)
        page_bytes = connection.pragma("page_size")
        connection.wal_autocheckpoint(max(32, min(max_bytes // _SIDE // 2, 4 << 20) // page_bytes))
        if not connection.pragma("user_version"):
            _make(connection, key)
        _check(connection, monotonic_s)
    except (apsw.CorruptError, apsw.NotADBError) as error:
        connection.close()
        raise Damaged(str(error)) from error
    except apsw.Error as error:
        connection.close()
        raise OSError(f"{path} can't be used: {error}") from error
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: str) -> apsw.Connection:
    """A connection that only reads; raises OSError. Works on a copy in a read-only folder too."""
    if not os.path.exists(path):
        raise FileNotFoundError(f"there is no record: {path} does not exist")
    try:
        connection = _connect_reading(path)
    except apsw.CantOpenError:
        if os.path.exists(f"{path}-wal"):
            raise OSError(f"{path} can't be opened: its -wal or -shm file can't be used") from None
        connection = apsw.Connection(
            f"file:{_quoted(path)}?immutable=1",
            flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI,
        )
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise OSError(f"{path} is damaged: {error}") from error
    except apsw.Error as error:
        raise OSError(f"{path} can't be opened: {error}") from error
    return connection


def has_our_schema(connection: apsw.Connection) -> bool:
    """Whether tables and indexes are as we make them, with nothing added."""
    ours = apsw.Connection(":memory:")
    try:
        ours.execute(_SCHEMA)
        return _schema(ours) == _schema(connection)
    finally:
        ours.close()


def _schema(connection: apsw.Connection) -> list[tuple[object, ...]]:
    return connection.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%' "
        "ORDER BY name"
    ).fetchall()


def _connect_reading(path: str) -> apsw.Connection:
    connection = apsw.Connection(
        os.path.realpath(path), flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_NOFOLLOW
    )
    try:
        connection.set_busy_timeout(BUSY_MS)
        _harden(connection)
        _look_at_version(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _harden(connection: apsw.Connection) -> None:
    """Nothing that somebody put into the file runs here: no triggers, views or functions of it."""
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_VIEW, 0)
    connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    connection.pragma("cell_size_check", True)


def _look_at_version(connection: apsw.Connection, path: str) -> None:
    application, version = connection.pragma("application_id"), connection.pragma("user_version")
    if not connection.execute("SELECT count(*) FROM sqlite_schema").get:
        return  # new, or a start that was killed before it made the tables
    if application != APPLICATION_ID:
        raise NotOurs(f"{path} is a database of another program; move it away")
    if version > SCHEMA_VERSION:
        raise NotOurs(
            f"{path} was written by a newer netsonde (schema {version}, this one knows "
            f"{SCHEMA_VERSION}); use that version, or another state.dir"
        )


def _make(connection: apsw.Connection, key: bytes) -> None:
    start = Link(0, os.urandom(32))
    with connection:
        connection.execute(_SCHEMA)
        connection.execute(
            "INSERT INTO chain VALUES (1, 0, ?1, 0, ?1, ?2)", (start.mac, seal(key, start, start))
        )
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _check(connection: apsw.Connection, monotonic_s: Callable[[], float]) -> None:
    """SQLite's own quick check, for at most CHECK_S: a start must not take as long as a large disk."""
    until_s = monotonic_s() + CHECK_S
    connection.set_progress_handler(lambda: monotonic_s() > until_s, 10_000)
    try:
        for (said,) in connection.execute("PRAGMA quick_check(1)"):
            if said != "ok":
                raise Damaged(str(said))
    except apsw.InterruptError:
        return
    finally:
        connection.set_progress_handler(None)


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
