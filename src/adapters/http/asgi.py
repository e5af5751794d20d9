"""ASGI as this package uses it: its types, and the headers of a scope."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


def header_values(scope: Scope, name: bytes) -> list[str]:
    """Every value of a header, in the order sent; names are in lower case, as ASGI has them."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def header(scope: Scope, name: bytes) -> str | None:
    """The values of a header as the one list they stand for (RFC 9110, section 5.3); None: not sent."""
    values = header_values(scope, name)
    return ", ".join(values) if values else None
