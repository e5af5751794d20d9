"""What is sent on an event stream: server-sent events (WHATWG HTML, section 9.2), and their ids."""

import re
from enum import StrEnum

import msgspec

from ...application.executions import Summary

HEARTBEAT = b":\n\n"
_ID = re.compile(r"(\d{1,18})(?:-([0-9a-z]{1,40}))?", re.ASCII)


class Kind(StrEnum):
    """The kinds of event that a subscriber can ask for."""

    HEALTH = "health"
    METRICS = "metrics"
    EXECUTION = "execution"


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """An event, encoded once for all subscribers.

    `number`: of the last event of the record when this was made. `asked_by`: whose execution it is
    about, None if it is about none.
    """

    number: int
    kind: Kind
    body: bytes
    asked_by: str | None = None


class ExecutionEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The data of an event `execution`: what happened, and how the execution stands after it."""

    number: int
    execution_id: str
    event: str
    at: str
    execution: Summary


class Dropped(msgspec.Struct, frozen=True, kw_only=True):
    """The data of an event `dropped`: why a stream was ended, this one or the one before it.

    `missed`: how many events the record had got beyond it; those that are for it follow.
    """

    reason: str
    missed: int = 0


class Reset(msgspec.Struct, frozen=True, kw_only=True):
    """The data of an event `reset`: events before this point were not and will not be sent."""

    reason: str
    last_event_id: str
    recovery: str


class Stopping(msgspec.Struct, frozen=True, kw_only=True):
    """The data of an event `stopping`, the last one."""

    reason: str
    retry_after_sec: float


class EventId(msgspec.Struct, frozen=True):
    """The id of an event: a number of the record, and the stream that it was sent on."""

    number: int
    stream: str = ""


def encode(event: str, data: object) -> bytes:
    """An event, without its id."""
    return b"event: " + event.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"


def with_id(number: int, stream: str, body: bytes) -> bytes:
    """The event as it is sent."""
    return b"id: %d-%s\n%s" % (number, stream.encode(), body)


def read_id(text: str) -> EventId | None:
    """The id of an event; None if it is none of ours."""
    found = _ID.fullmatch(text)
    return None if found is None else EventId(int(found[1]), found[2] or "")
