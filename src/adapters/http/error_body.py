"""The body of every error that HTTP callers get, and the headers that belong to it."""

import math

import msgspec

from ...domain.errors import ToolError


class ErrorBody(msgspec.Struct, frozen=True):
    """An answer that is nothing but an error."""

    error: ToolError


def error_body(error: ToolError) -> bytes:
    """The JSON text."""
    return msgspec.json.encode(ErrorBody(error))


def error_headers(error: ToolError, body: bytes) -> list[tuple[bytes, bytes]]:
    """Type and length of the body; `retry-after` in whole seconds if the error says how long."""
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if (wait_s := error.metadata.get("retry_after_sec")) is not None:
        headers.append((b"retry-after", str(max(1, math.ceil(wait_s))).encode()))
    return headers
