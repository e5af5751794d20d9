"""Lines of the stdio transport: bytes into lines of bounded length, lines into JSON-RPC messages."""

from collections.abc import Iterator
from typing import Any

import msgspec

from .sdk import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    RequestId,
    ValidationError,
)

LONGEST_LINE_BYTES = 4 * 1024 * 1024


class TooLong(Exception):
    """A line over the limit; it was skipped, not kept."""


class Malformed(Exception):
    """A line that is no message; `answer` tells the client so, None where that could echo for ever."""

    def __init__(self, answer: JSONRPCError | None) -> None:
        super().__init__("not a JSON-RPC message")
        self.answer = answer


class LineSplitter:
    """Cuts a stream of bytes into lines, holding at most one line's limit."""

    def __init__(self, longest_bytes: int = LONGEST_LINE_BYTES) -> None:
        self._longest_bytes = longest_bytes
        self._line = bytearray()
        self._skipping = False

    def feed(self, piece: bytes) -> Iterator[bytes | TooLong]:
        """The lines that `piece` completes."""
        *ends, rest = piece.split(b"\n")
        for end in ends:
            self._add(end)
            yield self._take()
        self._add(rest)

    def rest(self) -> Iterator[bytes | TooLong]:
        """The last line, if the stream ended without a line feed."""
        if self._line or self._skipping:
            yield self._take()

    def _add(self, part: bytes) -> None:
        if len(self._line) + len(part) > self._longest_bytes:
            self._skipping = True
            self._line = bytearray()
        elif not self._skipping:
            self._line += part

    def _take(self) -> bytes | TooLong:
        line, skipped = bytes(self._line), self._skipping
        self._line, self._skipping = bytearray(), False
        return TooLong() if skipped else line


def read_message(line: bytes | TooLong) -> JSONRPCMessage:
    """The message on a line. Raises Malformed."""
    if isinstance(line, TooLong):
        raise _parse_error(f"a line has at most {LONGEST_LINE_BYTES} bytes")
    try:
        value = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _parse_error("not valid JSON in UTF-8") from None
    if not isinstance(value, dict):
        raise _invalid(None, "a message is one JSON object")
    request_id = value.get("id")
    known = isinstance(request_id, str | int) and not isinstance(request_id, bool)
    try:
        if "method" in value:
            if "id" not in value:
                return JSONRPCNotification.model_validate(value, by_name=False)
            if known:
                return JSONRPCRequest.model_validate(value, by_name=False)
        elif "result" in value:
            return JSONRPCResponse.model_validate(value, by_name=False)
        elif "error" in value:
            return JSONRPCError.model_validate(value, by_name=False)
    except ValidationError:
        pass
    if "method" not in value and ("result" in value or "error" in value):
        raise Malformed(None)
    raise _invalid(request_id if known else None, "not a JSON-RPC 2.0 request or notification")


def refusal(
    request_id: RequestId | None, code: int, message: str, data: Any = None
) -> JSONRPCError:
    """An answer with an error; `request_id` is None where it isn't known."""
    return JSONRPCError(
        jsonrpc="2.0",
        id=request_id,
        error=ErrorData(code=code, message=message, data=data)
        if data is not None
        else ErrorData(code=code, message=message),
    )


def _parse_error(why: str) -> Malformed:
    return Malformed(refusal(None, PARSE_ERROR, f"Parse error: {why}"))


def _invalid(request_id: RequestId | None, why: str) -> Malformed:
    return Malformed(refusal(request_id, INVALID_REQUEST, f"Invalid request: {why}"))
