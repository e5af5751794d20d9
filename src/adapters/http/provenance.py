"""Whether a request was meant for this server, and by a page that may: its Host and its Origin."""

from ...domain.errors import ToolError
from .asgi import Scope, header
from .hosts import Hosts, authority
from .origins import Origins
from .peers import Peers
from .problems import wrong_origin
from .service import WebSettings


class Provenance:
    """The judge of both headers. Raises ValueError for a proxy that is no network."""

    def __init__(self, web: WebSettings) -> None:
        self.origins = Origins(web.cors_origins)
        self.peers = Peers(web.trusted_proxies)
        self._hosts = Hosts(web.allowed_hosts)

    def object_to(self, scope: Scope) -> ToolError | None:
        """An error for a request that a page may have been tricked into, or that is lost."""
        error = self._hosts.object_to(scope)
        if error is not None:
            return error
        if (origin := header(scope, b"origin")) is None:
            # An image or a link of another site comes without an Origin; browsers say this much.
            foreign = header(scope, b"sec-fetch-site") == "cross-site"
            return wrong_origin("cross-site") if foreign else None
        return self.origins.object_to(origin, authority(scope), secure=self.peers.of(scope).secure)
