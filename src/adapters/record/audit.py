"""The record examined: is the chain whole, and what does it say. Changes nothing, hinders no server."""

import os
from collections.abc import Iterator

import apsw
import msgspec

from ...domain.execution import Recorded
from .chain import Link, link, same, seal
from .codec import decode
from .database import has_our_schema, open_reader
from .folder import DATABASE, KEY, read_key
from .ledger import read_link, read_row

_COLUMNS = "number, execution, kind, asked_by, at_s, mac, body, texts"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong first. `number`: the record where it shows, None if it is no single one.

    `code` is one of `key`, `schema`, `seal`, `altered`, `missing`, `truncated`, `inserted`, `index`,
    `damaged`; for the noted head `head.missing`, `head.differs`, `head.pruned`.
    """

    code: str
    message: str
    number: int | None = None


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What a verification found; `records` are those that were read and fit. Times are Unix times."""

    records: int = 0
    first: int | None = None
    last: int | None = None
    from_s: float | None = None
    to_s: float | None = None
    head: str = ""
    problem: Finding | None = None


class _Broken(Exception):
    def __init__(self, code: str, message: str, number: int | None = None) -> None:
        super().__init__(message)
        self.finding = Finding(code=code, message=message, number=number)


class RecordAudit:
    """The record of one state folder. Raises FileNotFoundError if there is none, else OSError."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._path = os.path.join(folder, DATABASE)

    def verify(self, noted: tuple[int, str] | None = None) -> Verified:
        """Walk the whole chain, record by record, as it was when the walk began.

        `noted`: number and MAC (hexadecimal) of a head that was noted elsewhere; it must be in the
        chain. Without one, an older copy of the folder can't be told from the folder.
        """
        connection = open_reader(self._path)
        walk = _Walk(connection, noted)
        try:
            key = read_key(self._folder)
        except OSError as error:
            message = f"{os.path.join(self._folder, KEY)} can't be read: {error.strerror or error}"
            return Verified(problem=Finding(code="key", message=message))
        try:
            connection.execute("BEGIN")
            walk.go(key)
        except _Broken as broken:
            return walk.verified(broken.finding)
        except apsw.Error as error:
            return walk.verified(Finding(code="damaged", message=f"the file is damaged: {error}"))
        finally:
            connection.close()
        return walk.verified(None)

    def events(self, since: int | None, limit: int) -> Iterator[Recorded]:
        """Events of every kind above number `since`, oldest first; None: the newest ones."""
        connection = open_reader(self._path)
        try:
            connection.execute("BEGIN")
            if since is None:
                newest = connection.execute("SELECT max(number) FROM events").get
                since = max(0, (newest or 0) - limit)
            rows = connection.execute(
                "SELECT number, body FROM events WHERE number > ? ORDER BY number LIMIT ?",
                (since, limit),
            )
            for number, body in rows:
                if (event := decode(body)) is not None:
                    yield Recorded(number, event)
        except apsw.Error as error:
            raise OSError(f"{self._path} can't be read: {error}") from error
        finally:
            connection.close()


class _Walk:
    """Memory for one record at a time, however long the chain is."""

    def __init__(self, connection: apsw.Connection, noted: tuple[int, str] | None) -> None:
        self._connection = connection
        self._noted = noted
        self._anchor = self._at = Link(0, b"")
        self._from_s: float | None = None
        self._to_s: float | None = None

    def go(self, key: bytes) -> None:
        if not has_our_schema(self._connection):
            raise _Broken("schema", "somebody changed the tables or indexes of the record")
        head = self._ends(key)
        if self._noted is not None and self._noted[0] < self._anchor.number:
            raise _Broken(
                "head.pruned",
                f"record {self._noted[0]} is older than the record reaches; it can't be compared",
            )
        self._compare()
        for stored in self._connection.execute(f"SELECT {_COLUMNS} FROM events ORDER BY number"):  # noqa: S608  # constants
            self._take(key, stored, head)
            self._compare()
        if self._at.number < head.number:
            missing = _numbers(self._at.number + 1, head.number)
            raise _Broken("truncated", f"{missing} missing at the end", self._at.number + 1)
        if not same(head.mac, self._at.mac):
            raise _Broken("altered", f"record {head.number} is not the sealed one", head.number)
        if self._noted is not None and self._noted[0] > head.number:
            raise _Broken(
                "head.missing",
                f"the noted record {self._noted[0]} is missing, the chain ends with {head.number}: "
                "it was put back to an older state",
                head.number + 1,
            )
        for (said,) in self._connection.execute("PRAGMA integrity_check(1)"):
            if said != "ok":
                raise _Broken("index", f"the records are whole, but not what finds them: {said}")

    def verified(self, problem: Finding | None) -> Verified:
        read = self._at.number - self._anchor.number
        return Verified(
            records=read,
            first=self._anchor.number + 1 if read else None,
            last=self._at.number if read else None,
            from_s=self._from_s,
            to_s=self._to_s,
            head=str(self._at) if problem is None else "",
            problem=problem,
        )

    def _ends(self, key: bytes) -> Link:
        rows = self._connection.execute(
            "SELECT anchor_number, anchor_mac, head_number, head_mac, seal FROM chain"
        ).fetchall()
        try:
            ((*ends, found),) = rows
            anchor, head = read_link(*ends[:2]), read_link(*ends[2:])
            fits = same(seal(key, anchor, head), found)
        except Exception:  # whatever somebody has put there
            fits = False
        if not fits:
            raise _Broken("seal", "the seal is not by audit.key: it, or the key, was changed")
        self._anchor = self._at = anchor
        return head

    def _take(self, key: bytes, stored: tuple[object, ...], head: Link) -> None:
        expected = self._at.number + 1
        try:
            number, mac, row = read_row(stored)
            here = link(key, self._at, row)
        except Exception as error:  # whatever somebody has put there
            raise _Broken("altered", f"record {expected} is none: {error}", expected) from error
        if number > head.number or number < expected:
            raise _Broken("inserted", f"record {number} was put in by somebody else", number)
        if number > expected:
            missing = _numbers(expected, number - 1)
            raise _Broken("missing", f"{missing} missing", expected)
        if not same(here.mac, mac):
            message = f"record {number} was altered, or is not where it was"
            raise _Broken("altered", message, number)
        self._at = here
        self._from_s = row.at_s if self._from_s is None else self._from_s
        self._to_s = row.at_s

    def _compare(self) -> None:
        if self._noted is None or self._noted[0] != self._at.number:
            return
        if not same(self._at.mac, _bytes(self._noted[1])):
            raise _Broken(
                "head.differs",
                f"record {self._at.number} is not the noted one: the chain was written anew",
                self._at.number,
            )


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _numbers(first: int, last: int) -> str:
    return f"record {first} is" if first == last else f"records {first} to {last} are"
