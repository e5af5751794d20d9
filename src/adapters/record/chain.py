"""The chain: every record's MAC covers the one before it, and a seal covers the chain's two ends.

What it shows to whoever has the key: a record that was edited, removed (the newest ones too), put
in, or moved. What it can't show: a forgery by somebody who may read the key and write the file;
and an older copy of the whole folder put in its place. Against these, note the head (`NUMBER:MAC`,
logged as `audit.head`) where this host can't change it, and verify against the note.
"""

import hashlib
import hmac
import struct
from enum import IntEnum

import msgspec

MAC_BYTES = 32
_RECORD = b"netsonde record 1\0"
_SEAL = b"netsonde seal 1\0"


class Link(msgspec.Struct, frozen=True):
    """A place in the chain: the number of a record and its MAC. The first record has number 1."""

    number: int
    mac: bytes

    def __str__(self) -> str:
        return f"{self.number}:{self.mac.hex()}"


class Kind(IntEnum):
    """What a query must know of an event without reading it."""

    EVENT = 0
    PROGRESS = 1
    END = 2


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A record as it is stored, every column of it. `texts` is packed."""

    execution: str
    kind: int
    asked_by: str | None
    at_s: float
    body: bytes
    texts: bytes | None


def link(key: bytes, before: Link, row: Row) -> Link:
    """The place of `row` behind `before`."""
    number = before.number + 1
    message = hashlib.sha256(_RECORD)
    message.update(before.mac)
    message.update(struct.pack(">Qbd", number, row.kind, row.at_s))
    for column in (
        row.execution.encode(),
        None if row.asked_by is None else row.asked_by.encode(),
        row.body,
        row.texts,
    ):
        # Each with its length, so that nothing can be moved from one column to the next.
        message.update(struct.pack(">q", -1 if column is None else len(column)))
        message.update(column or b"")
    return Link(number, hmac.digest(key, message.digest(), "sha256"))


def seal(key: bytes, anchor: Link, head: Link) -> bytes:
    """The proof that the chain goes from behind `anchor` to `head`.

    The anchor is the last record that retention removed; of a new chain it is number 0 and random,
    so that no record fits into two chains.
    """
    message = struct.pack(">QQ", anchor.number, head.number) + anchor.mac + head.mac
    return hmac.digest(key, _SEAL + message, "sha256")


def same(one: bytes, other: object) -> bool:
    """Compare MACs; whatever is no MAC is not the same."""
    return isinstance(other, bytes) and hmac.compare_digest(one, other)
