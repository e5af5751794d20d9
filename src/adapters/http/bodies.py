"""Bodies of requests: read whole within a limit before anything else looks at them, and JSON in them."""

import asyncio
import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import msgspec

from ...domain.errors import ToolError
from . import problems
from .asgi import Message, Receive, Scope, header

_DEEPEST = 32
_MOST_SAID = 120
_LINGER_S = 1.0
_LINGER_BYTES = 4 * 1024 * 1024


class TooLarge(Exception):
    """A body over the limit, or that says it will be."""


class Gone(Exception):
    """The client went away before its request had come."""


async def read_body(scope: Scope, receive: Receive, limit_bytes: int) -> bytes:
    """The whole body. Raises TooLarge as soon as that is known, Gone."""
    declared = header(scope, b"content-length")
    if declared is not None and declared.isdecimal() and int(declared[:20]) > limit_bytes:
        raise TooLarge
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        body += message.get("body", b"")
        if len(body) > limit_bytes:
            raise TooLarge
        if not message.get("more_body", False):
            return bytes(body)


def replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives `body` first, and then what the connection says."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return first.pop() if first else await receive()

    return receive_again


async def linger(scope: Scope, receive: Receive) -> None:
    """Throw away some of the rest of a body: a client that still writes would never read the answer.

    The kernel resets a connection that is closed with data unread (RFC 9112, section 9.6). A client
    that waits for leave to write must not be given it in the middle of the answer.
    """
    if header(scope, b"expect") is not None:
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_S):
            left = _LINGER_BYTES
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return


def read_object(body: bytes, content_type: str | None) -> dict[str, Any] | ToolError:
    """The JSON object in a body. What two readers could take in two ways is refused.

    No Content-Type is taken for JSON: the check of the Origin keeps foreign pages out.
    """
    if content_type is not None and not _is_json(content_type):
        return problems.media_type(content_type)
    if not body:
        return problems.malformed("the body is empty")
    try:
        value = msgspec.json.decode(body)
        json.loads(body, object_pairs_hook=_once)
    except (msgspec.DecodeError, ValueError) as error:
        return problems.malformed(_reason(error))
    except RecursionError:
        return problems.malformed("it is nested too deeply")
    if _is_deeper(value, _DEEPEST):
        return problems.malformed(f"it is nested deeper than {_DEEPEST} levels")
    return value if isinstance(value, dict) else problems.not_an_object()


def _is_json(content_type: str) -> bool:
    essence, _, parameters = content_type.lower().partition(";")
    essence = essence.strip()
    if essence != "application/json" and not (
        essence.startswith("application/") and essence.endswith("+json")
    ):
        return False
    charset = parameters.replace(" ", "").partition("charset=")[2].partition(";")[0].strip('"')
    return charset in ("", "utf-8", "utf8")


def _once(pairs: list[tuple[str, Any]]) -> None:
    """Of two members with one name some readers take the first, others the last (RFC 8259)."""
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError("an object has two members of one name")


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    return str(error).rstrip(".")[:_MOST_SAID].lower()


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether arrays and objects stand in one another that often; without recursion."""
    layer: Iterable[Any] = [value]
    for _ in range(levels):
        layer = [
            inner
            for outer in layer
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not layer:
            return False
    return any(isinstance(outer, dict | list) for outer in layer)
