"""What is done to the database by the one thread that writes: append, make room, look for news."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import apsw
import msgspec

from ...domain.execution import Recorded
from .chain import Link, Row, link, same, seal
from .codec import decode

MAX_BATCH_BYTES = 16 * 1024 * 1024
_PARTS = 8
_PRUNED_AT_ONCE = 2000
_VACUUMED_AT_ONCE = 1024  # pages
_INSERT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_COLUMNS = "number, execution, kind, asked_by, at_s, mac, body, texts"


class Altered(Exception):
    """Somebody else changed the record: to go on would hide it."""


class Appended(msgspec.Struct, frozen=True):
    """The head before and after; between `before` and what we knew, other processes have written."""

    before: Link
    after: Link


class Ledger:
    """Every method is one or more whole transactions, and raises apsw.Error, OSError or Altered.

    `max_bytes` is what all files of the database may take: an eighth is for one batch, an eighth
    for what is not yet vacuumed, and a quarter for the write-ahead log.
    """

    def __init__(
        self, connection: apsw.Connection, path: str, key: bytes, *, max_bytes: int
    ) -> None:
        self._connection = connection
        self._path = path
        self._key = key
        self._page_bytes: int = connection.pragma("page_size")
        self._unit = max_bytes // _PARTS
        self._file = _identity(path)
        self._known = Link(-1, b"")  # what this process has seen of the head

    @property
    def batch_bytes(self) -> int:
        """The most that should be appended at once."""
        return min(self._unit, MAX_BATCH_BYTES)

    @property
    def largest_texts(self) -> int:
        """The most that the packed texts of one event may take."""
        return self._unit

    def head(self) -> Link:
        """The newest record of any process."""
        self._same_file()
        return self._ends()[1]

    def newest_s(self) -> float | None:
        """Unix time of the newest record, as its writer had it; None if there is none."""
        newest: float | None = self._connection.execute(
            "SELECT at_s FROM events ORDER BY number DESC LIMIT 1"
        ).get
        return newest

    def append(self, rows: Sequence[Row]) -> Appended:
        """Add rows behind the head, whoever put it there."""
        with self._transaction():
            anchor, before = self._ends()
            after = before
            stored = []
            for row in rows:
                after = link(self._key, after, row)
                stored.append(
                    (
                        after.number,
                        row.execution,
                        row.kind,
                        row.asked_by,
                        row.at_s,
                        after.mac,
                        row.body,
                        row.texts,
                    )
                )
            self._connection.executemany(_INSERT, stored)
            self._seal(anchor, after)
        self._known = after
        return Appended(before, after)

    def recorded(self, after: int, to: int) -> Iterator[Recorded]:
        """The events with numbers above `after` up to `to`, without texts."""
        rows = self._connection.execute(
            "SELECT number, body FROM events WHERE number > ? AND number <= ? ORDER BY number",
            (after, to),
        )
        for number, body in rows:
            if (event := decode(body)) is not None:
                yield Recorded(number, event)

    def over(self) -> bool:
        """Whether it is too large for another batch to fit."""
        pages, free = self._pages()
        return (pages - free) * self._page_bytes > 5 * self._unit

    def prune(self, before_s: float) -> int:
        """Remove some of the oldest records: those older than `before_s`, or too many; gives how many.

        What is removed is verified first: else somebody could have records removed by making them
        look old.
        """
        oldest_s = self._connection.execute("SELECT at_s FROM events ORDER BY number LIMIT 1").get
        if oldest_s is None or (oldest_s >= before_s and not self.over()):
            return 0
        with self._transaction():
            anchor, head = self._ends()
            excess = self._excess()
            last = anchor
            for number, mac, row in self._oldest():
                if row.at_s >= before_s and excess <= 0:
                    break
                last = link(self._key, last, row)
                if number != last.number or not same(last.mac, mac):
                    raise Altered(f"record {last.number} was altered or removed")
                excess -= len(row.body) + len(row.texts or b"")
            removed = last.number - anchor.number
            if removed:
                self._connection.execute("DELETE FROM events WHERE number <= ?", (last.number,))
                self._seal(last, head)
        return removed

    def vacuum(self) -> bool:
        """Give some free pages back to the file system, if there are many; False if there are not."""
        _, free = self._pages()
        if free * self._page_bytes <= self._unit:
            return False
        # It is a query that frees one page at each step.
        for _ in self._connection.execute(f"PRAGMA incremental_vacuum({_VACUUMED_AT_ONCE})"):
            pass
        return True

    def close(self) -> None:
        """Put everything into the main file if no reader hinders it, and let go."""
        try:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.Error:
            pass  # it stays in the write-ahead log, which the next start reads
        finally:
            self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._same_file()
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _same_file(self) -> None:
        """SQLite goes on writing to a file that was removed, and nobody would ever read it."""
        try:
            same_file = _identity(self._path) == self._file
        except FileNotFoundError:
            same_file = False
        if not same_file:
            raise Altered(f"{self._path} was removed or replaced; start netsonde anew")

    def _ends(self) -> tuple[Link, Link]:
        row = self._connection.execute(
            "SELECT anchor_number, anchor_mac, head_number, head_mac, seal FROM chain"
        ).get
        if row is None:
            raise Altered(f"{self._path} has lost its seal")
        anchor, head = read_link(row[0], row[1]), read_link(row[2], row[3])
        if not same(seal(self._key, anchor, head), row[4]):
            raise Altered(
                f"the seal of {self._path} is not by audit.key: one of the two was changed; see "
                "`netsonde audit verify`, and move both away to begin a new record"
            )
        if head.number < self._known.number or (
            head.number == self._known.number and head.mac != self._known.mac
        ):
            raise Altered(f"{self._path} was put back to an older state than {self._known.number}")
        self._known = head
        return anchor, head

    def _seal(self, anchor: Link, head: Link) -> None:
        self._connection.execute(
            "UPDATE chain SET anchor_number = ?, anchor_mac = ?, head_number = ?, head_mac = ?, "
            "seal = ?",
            (anchor.number, anchor.mac, head.number, head.mac, seal(self._key, anchor, head)),
        )

    def _pages(self) -> tuple[int, int]:
        return self._connection.pragma("page_count"), self._connection.pragma("freelist_count")

    def _excess(self) -> int:
        """How many bytes must go at least; a little more than it takes, so that it lasts."""
        if not self.over():
            return 0
        pages, free = self._pages()
        return (pages - free) * self._page_bytes - 9 * self._unit // 2

    def _oldest(self) -> Iterator[tuple[int, bytes, Row]]:
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM events ORDER BY number LIMIT {_PRUNED_AT_ONCE}"  # noqa: S608  # constants
        )
        for stored in rows:
            yield read_row(stored)


def read_row(stored: Sequence[object]) -> tuple[int, bytes, Row]:
    """Number, MAC and row of the stored columns; raises Altered if they are of other types."""
    match stored:
        case (
            int(number),
            str(execution),
            int(kind),
            str() | None as asked_by,
            float(at_s),
            bytes(mac),
            bytes(body),
            bytes() | None as texts,
        ):
            row = Row(
                execution=execution,
                kind=kind,
                asked_by=asked_by,
                at_s=at_s,
                body=body,
                texts=texts,
            )
            return number, mac, row
    raise Altered("a record has columns that netsonde never writes")


def read_link(number: object, mac: object) -> Link:
    """One end of the chain; raises Altered if it is of other types."""
    if isinstance(number, int) and isinstance(mac, bytes):
        return Link(number, mac)
    raise Altered("the seal has columns that netsonde never writes")


def _identity(path: str) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino
