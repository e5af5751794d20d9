"""Access over HTTP: bearer tokens of RFC 6750, and the resource metadata of RFC 9728."""

import re

import msgspec

from ...application.gate import Gate
from ...domain.access import Caller, Scope
from ...domain.errors import ErrorType, ToolError
from .answers import Answer, refusal
from .asgi import header_values
from .endpoints import MCP, RESOURCE_METADATA, Endpoint
from .visit import Visit

_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/=-]{1,4096})", re.IGNORECASE)


class ResourceMetadata(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How to get at `/mcp` (RFC 9728). Tokens come from the operator, so no server issues them."""

    resource: str
    resource_name: str
    bearer_methods_supported: tuple[str, ...]
    scopes_supported: tuple[str, ...]


class Guard:
    """Finds out who calls, and asks the gate whether that may be."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def admit(self, visit: Visit, endpoint: Endpoint) -> Caller | Answer:
        """The caller, or the answer that it gets. At an open endpoint a stranger has no rights."""
        token = _token(visit)
        address = visit.peer.address
        if endpoint.scope is None and token is None and self._gate.guarded:
            return Caller(name=address, scopes=frozenset())
        caller = self._gate.admit(token, address=address, action=endpoint.action)
        if isinstance(caller, ToolError):
            if endpoint.scope is None:
                return Caller(name=address, scopes=frozenset())
            return refusal(caller, headers=_challenge(visit, endpoint, caller, token is not None))
        visit.caller = caller.name
        if endpoint.scope is None:
            return caller
        error = self._gate.authorize(
            caller, endpoint.scope, address=address, action=endpoint.action
        )
        if error is None:
            return caller
        return refusal(error, headers=_challenge(visit, endpoint, error, True))


def resource_metadata(own_address: str) -> ResourceMetadata:
    """The document, for the address by which it was asked for."""
    return ResourceMetadata(
        resource=own_address + MCP,
        resource_name="netsonde",
        bearer_methods_supported=("header",),
        scopes_supported=(Scope.EXECUTE.value,),
    )


def _token(visit: Visit) -> str | None:
    """Only ever from the header: a query string ends up in logs and histories.

    A header that holds no token, or two, is a wrong token: the empty one, which nobody has.
    """
    values = header_values(visit.scope, b"authorization")
    if not values:
        return None
    found = _BEARER.fullmatch(values[0].strip()) if len(values) == 1 else None
    return "" if found is None else found[1]


def _challenge(
    visit: Visit, endpoint: Endpoint, error: ToolError, sent: bool
) -> dict[str, str] | None:
    """WWW-Authenticate, with what an OAuth client looks for (RFC 6750, section 3)."""
    if error.error_type is ErrorType.RATE_LIMITED:
        return None
    parts = ['realm="netsonde"']
    if error.error_type is not ErrorType.UNAUTHORIZED:
        parts += ['error="insufficient_scope"', f'scope="{endpoint.scope}"']
    elif sent:
        parts.append('error="invalid_token"')
    if endpoint.path == MCP:
        parts.append(f'resource_metadata="{visit.own_address}{RESOURCE_METADATA}"')
    return {"WWW-Authenticate": "Bearer " + ", ".join(parts)}
