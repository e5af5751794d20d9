"""One request on its way in: what of it is looked at again and again."""

from .asgi import Scope, header
from .endpoints import Endpoint, Matched
from .hosts import authority
from .peers import Peer

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
_CARRIED = (b"traceparent", b"tracestate")
_NOWHERE = "-"


class Visit:
    """A request, the peer it came from, and the endpoint it is for; `caller` once that is known."""

    def __init__(self, scope: Scope, peer: Peer, matched: Matched | None) -> None:
        self.scope = scope
        self.peer = peer
        self.matched = matched
        self.method: str = scope["method"]
        self.caller = ""
        self.endpoint: Endpoint | None = None
        if matched is not None and self.method in matched.methods:
            own = "GET" if self.method == "HEAD" else self.method
            self.endpoint = matched.endpoints.get(own)

    @property
    def route(self) -> str:
        """The path as the table has it, "-" for one that is not there: never what a client wrote."""
        return _NOWHERE if self.matched is None else self.matched.path

    @property
    def told_method(self) -> str:
        """The method, from a closed set."""
        return self.method if self.method in _METHODS else "OTHER"

    @property
    def action(self) -> str:
        """Method and route."""
        return f"{self.told_method} {self.route}"

    @property
    def origin(self) -> str | None:
        """The header Origin."""
        return header(self.scope, b"origin")

    @property
    def own_address(self) -> str:
        """Where the client finds us, as it says itself: once Host was checked, it holds no quote."""
        host = authority(self.scope) or "localhost"
        return f"{'https' if self.peer.secure else 'http'}://{host}"

    @property
    def accept(self) -> str | None:
        """The header Accept."""
        return header(self.scope, b"accept")

    @property
    def carrier(self) -> dict[str, str]:
        """The headers of the W3C trace context that were sent."""
        found = ((name, header(self.scope, name)) for name in _CARRIED)
        return {name.decode(): value for name, value in found if value is not None}
