"""The header Origin: which web pages may call, and what CORS tells their browsers."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from ...domain.errors import ToolError
from . import problems

_PORTS = {"http": "80", "https": "443"}
_ALLOWED_HEADERS = (
    "Accept, Authorization, Content-Type, Last-Event-ID, Mcp-Method, Mcp-Name, "
    "Mcp-Protocol-Version, Mcp-Session-Id, Traceparent, Tracestate"
)
_EXPOSED_HEADERS = (
    "Allow, Mcp-Session-Id, RateLimit, RateLimit-Limit, RateLimit-Policy, RateLimit-Remaining, "
    "RateLimit-Reset, Retry-After, WWW-Authenticate"
)
_PREFLIGHT_S = 600


class Origins:
    """Knows the origins that may call; they are compared as a whole, never by a part or a pattern."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = frozenset(origin.lower().rstrip("/") for origin in allowed)

    def shares_with(self, origin: str | None) -> bool:
        """Whether pages of that origin may read the answers."""
        return origin is not None and origin.lower() in self._allowed

    def object_to(self, origin: str, authority: str, *, secure: bool) -> ToolError | None:
        """An error for a page of a foreign origin; `authority` is what it sent as Host."""
        if self.shares_with(origin) or _is_own(origin, authority, secure=secure):
            return None
        return problems.wrong_origin(origin)

    def headers(self, origin: str | None) -> list[tuple[str, str]]:
        """The headers of every answer. No credentials: tokens are in a header that pages set."""
        if not self._allowed:
            return []
        vary = [("Vary", "Origin")]
        if origin is None or not self.shares_with(origin):
            return vary
        return [
            *vary,
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Expose-Headers", _EXPOSED_HEADERS),
        ]

    def preflight_headers(self, methods: Iterable[str]) -> list[tuple[str, str]]:
        """The headers of an answer to a preflight, beside those of every answer."""
        return [
            ("Access-Control-Allow-Methods", ", ".join(methods)),
            ("Access-Control-Allow-Headers", _ALLOWED_HEADERS),
            ("Access-Control-Max-Age", str(_PREFLIGHT_S)),
            ("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers"),
        ]


def _is_own(origin: str, authority: str, *, secure: bool) -> bool:
    """Whether it is this server's own. An https page may have come by a proxy that nobody named."""
    try:
        parts = urlsplit(origin.lower())
    except ValueError:
        return False
    default = _PORTS.get(parts.scheme)
    if default is None or origin.lower() != f"{parts.scheme}://{parts.netloc}":
        return False
    if secure and parts.scheme == "http":
        return False
    return _with_port(parts.netloc, default) == _with_port(authority, default)


def _with_port(authority: str, default: str) -> str:
    name, colon, port = authority.rpartition(":")
    return authority if colon and port.isdigit() and name else f"{authority}:{default}"
