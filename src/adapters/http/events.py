"""The endpoint `/events` as a plain ASGI application; it finds a Caller in the state of its scope."""

import asyncio
from contextlib import aclosing, suppress
from urllib.parse import parse_qsl

import msgspec

from ...domain.access import Caller
from ...domain.errors import ToolError
from .. import wire
from . import problems
from .asgi import ASGIApp, Receive, Scope, Send, header
from .connection import ABORT
from .error_body import error_body, error_headers
from .feed import Feed
from .frames import EventId, Kind, read_id
from .stream import Streams
from .subscriber import Ending, Subscriber

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),  # nginx would hold events back
]
_PARAMETERS = ("types", "last_event_id")
_KINDS = frozenset(Kind)
_MOST_QUERY = 1024


class _Asked(msgspec.Struct, frozen=True):
    kinds: frozenset[Kind]
    resume: EventId | None


def events_app(feed: Feed) -> ASGIApp:
    """The endpoint. Query: `types`, comma-separated kinds; `last_event_id`, where there is no header.

    422 for a query or an id that can't be read, 503 when there are too many subscribers.
    """
    streams = Streams(feed)

    async def events(scope: Scope, receive: Receive, send: Send) -> None:
        asked = _read(scope)
        if isinstance(asked, ToolError):
            await _answer(send, asked)
            return
        caller: Caller = scope["state"]["caller"]
        abort = (scope.get("extensions") or {}).get(ABORT, {}).get("abort", _leave_it)
        subscriber = feed.subscribe(caller, asked.kinds, abort)
        if isinstance(subscriber, ToolError):
            await _answer(send, subscriber)
            return
        watching = asyncio.ensure_future(_watch(receive, subscriber))
        try:
            await _send_all(send, streams, subscriber, asked.resume)
        finally:
            feed.leave(subscriber)
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    return events


async def _send_all(
    send: Send, streams: Streams, subscriber: Subscriber, resume: EventId | None
) -> None:
    await send({"type": "http.response.start", "status": wire.HTTP_OK, "headers": _HEADERS})
    async with aclosing(streams.pieces(subscriber, resume)) as pieces:
        async for piece in pieces:
            await subscriber.sent(
                send({"type": "http.response.body", "body": piece, "more_body": True})
            )
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _watch(receive: Receive, subscriber: Subscriber) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    subscriber.end(Ending.LEFT)


async def _answer(send: Send, error: ToolError) -> None:
    body = error_body(error)
    status = wire.http_status_of(error)
    headers = error_headers(error, body)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _read(scope: Scope) -> _Asked | ToolError:
    query = scope["query_string"].decode("latin-1")[: _MOST_QUERY + 1]
    if len(query) > _MOST_QUERY:
        return problems.parameter("types", query, f"a query of at most {_MOST_QUERY} characters")
    given: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in _PARAMETERS:
            return problems.unknown_parameter(name, _PARAMETERS)
        if name in given:
            return problems.parameter(name, value, "it once")
        given[name] = value
    kinds = _kinds(given.get("types", ""))
    if isinstance(kinds, ToolError):
        return kinds
    # The header is the newer one: an EventSource sends it on reconnecting, with the query it had.
    last = header(scope, b"last-event-id") or given.get("last_event_id", "")
    if not last:
        return _Asked(kinds, None)
    resume = read_id(last)
    if resume is None:
        return problems.parameter("last_event_id", last, "the id of an event that was sent here")
    return _Asked(kinds, resume)


def _kinds(text: str) -> frozenset[Kind] | ToolError:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in _KINDS]
    if unknown:
        return problems.parameter("types", unknown[0], f"some of {', '.join(Kind)}")
    return frozenset(map(Kind, names)) or _KINDS


def _leave_it() -> None:
    """The server has no way to cut a connection off; the next write will fail."""
