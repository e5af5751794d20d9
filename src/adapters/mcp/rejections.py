"""Answers to HTTP requests that the protocol never sees: a JSON-RPC error and a ToolError in one."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http import HTTPStatus
from typing import Any

import msgspec

from ...domain.errors import ErrorType, ToolError
from .. import wire
from .conversation import BUSY
from .sdk import INVALID_REQUEST

Message = MutableMapping[str, Any]
Headers = Iterable[tuple[bytes, bytes]]
Send = Callable[[Message], Awaitable[None]]


async def reject(error: ToolError, send: Send, headers: Headers = ()) -> None:
    """Answer a request that goes no further; `headers` are added."""
    status = wire.http_status_of(error)
    # Clients of the protocol look for code and message, all others for the contract's members.
    both = {
        "code": BUSY if status in wire.WAITS else INVALID_REQUEST,
        **msgspec.to_builtins(error),
    }
    body = msgspec.json.encode({"jsonrpc": "2.0", "id": None, "error": both})
    own = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
    ]
    if (wait_s := error.metadata.get("retry_after_sec")) is not None:
        own.append((b"retry-after", b"%d" % -(-wait_s // 1)))
    await send({"type": "http.response.start", "status": status, "headers": [*own, *headers]})
    await send({"type": "http.response.body", "body": body})


def _error(kind: ErrorType, rule: str, message: str, recovery: str, **more: int) -> ToolError:
    metadata = {"rule": rule, **more}
    return ToolError(
        error_type=kind, message=message, recovery_suggestion=recovery, metadata=metadata
    )


def too_large(most_bytes: int) -> ToolError:
    """The body has more than `most_bytes`."""
    return _error(
        ErrorType.VALIDATION_ERROR,
        "request.size",
        f"The body has more than {most_bytes} bytes.",
        "Send less; extra_args and options are much shorter than that.",
        limit_bytes=most_bytes,
    )


def too_many_calls(most: int) -> ToolError:
    """`most` requests are in progress."""
    return _error(
        ErrorType.RESOURCE_EXHAUSTED,
        "mcp.calls",
        f"{most} MCP requests are in progress, as many as may be.",
        "Wait as long as metadata.retry_after_sec says; make calls one by one.",
        retry_after_sec=1,
    )


_TOO_MANY_SESSIONS = _error(
    ErrorType.RESOURCE_EXHAUSTED,
    "mcp.sessions",
    "Too many MCP sessions are open, all of them in use.",
    "Close one (DELETE), or call again after metadata.retry_after_sec.",
    retry_after_sec=10,
)
_MEDIA_TYPE = _error(
    ErrorType.VALIDATION_ERROR,
    "request.media_type",
    "The body is not said to be JSON.",
    "Send the header Content-Type: application/json.",
)
_METHOD = _error(
    ErrorType.VALIDATION_ERROR,
    "request.method",
    "This revision of the protocol does not know the method.",
    "Send JSON-RPC by POST.",
)
_ACCEPT = _error(
    ErrorType.VALIDATION_ERROR,
    "request.accept",
    "The header Accept leaves out what is answered with: JSON, or an event stream.",
    "Send the header Accept: application/json, text/event-stream.",
)
_OF_SDK = {
    HTTPStatus.BAD_REQUEST: _MEDIA_TYPE,
    HTTPStatus.METHOD_NOT_ALLOWED: _METHOD,
    HTTPStatus.NOT_ACCEPTABLE: _ACCEPT,
    HTTPStatus.SERVICE_UNAVAILABLE: _TOO_MANY_SESSIONS,
}


def in_place_of(status: int, content_type: bytes) -> ToolError | None:
    """What is said in place of an answer of the SDK's; None: that one says enough itself.

    Some of its errors are text, or nothing at all. The one about sessions doesn't say until when.
    """
    if status < HTTPStatus.BAD_REQUEST:
        return None
    if content_type.startswith(b"application/json") and status not in wire.WAITS:
        return None
    return _OF_SDK.get(HTTPStatus(status))
