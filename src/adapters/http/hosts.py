"""The header Host: which names this server answers to, against DNS rebinding."""

import re
from collections.abc import Iterable
from ipaddress import ip_address

from ...domain.errors import ToolError
from . import problems
from .asgi import Scope, header_values

# RFC 9110 section 7.2, without the letters that only a registered name of another kind would have.
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z._-]{1,253})(?::([0-9]{1,5}))?")
_MOST_SHOWN = 200


class Hosts:
    """Knows the names of this server: loopback's, every plain address, and those that were allowed.

    An address is safe, whatever it is: to be sent to us by a page, a name must have been resolved.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = frozenset(_fold(name) for name in allowed)

    def object_to(self, scope: Scope) -> ToolError | None:
        """An error unless the request is meant for this server."""
        values = header_values(scope, b"host")
        if not values and scope.get("http_version") == "1.0":
            return None  # no browser sends that; some load balancers' probes do
        if len(values) != 1:
            return problems.host("There must be one Host header")
        found = _HOST.fullmatch(values[0])
        if found is None:
            return problems.host("The header Host can't be read")
        name = _fold(found[1])
        if _is_address(name) or name == "localhost" or name.endswith(".localhost"):
            return None
        return None if name in self._allowed else problems.wrong_host(values[0][:_MOST_SHOWN])


def authority(scope: Scope) -> str:
    """The Host header of a request that was not objected to, in lower case; "" if there was none."""
    return next(iter(header_values(scope, b"host")), "").lower()


def _fold(name: str) -> str:
    return name.lower().removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ip_address(name[1:-1] if name.startswith("[") else name)
    except ValueError:
        return False
    return True
