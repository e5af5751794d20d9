"""Who calls, and what that caller may: scopes for the service, tools and networks for its policy."""

from collections.abc import Iterable
from enum import StrEnum
from ipaddress import IPv6Address, ip_address

import msgspec

from .policy import Policy
from .refusal import Refused
from .target import Network

_IPV6_CLIENT_BITS = 64  # what one client is usually given (RFC 6177)


class Scope(StrEnum):
    """A right to a part of the service. `ADMIN` includes the others, which stand side by side."""

    READ = "read"
    EXECUTE = "execute"
    ADMIN = "admin"


EVERY_SCOPE = frozenset(Scope)


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """A known caller. `name` is the token's, else the address; None: no narrowing."""

    name: str
    scopes: frozenset[Scope] = EVERY_SCOPE
    tools: frozenset[str] | None = None
    networks: tuple[Network, ...] | None = None

    @property
    def narrowed(self) -> bool:
        """Whether this caller may less than the operator's policy allows."""
        return self.tools is not None or self.networks is not None

    def may(self, scope: Scope) -> bool:
        """Whether the caller has the right."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def may_see(self, asked_by: str) -> bool:
        """Whether the caller may see and cancel what `asked_by` asked; a narrowed one only its own."""
        return not self.narrowed or asked_by == self.name

    def object_to_tool(self, tool: str) -> Refused | None:
        """An objection to a tool that the caller's token does not name."""
        if self.tools is None or tool in self.tools:
            return None
        return Refused(
            rule="access.tool",
            offending=tool,
            reason=f"the token {self.name} is not good for {tool}",
            recovery=f"It is good for {_listed(self.tools)}; the operator changes that in the tokens file.",
        )

    def narrow(self, policy: Policy) -> Policy:
        """The operator's policy, and within it the caller's networks only."""
        if self.networks is None:
            return policy
        return msgspec.structs.replace(policy, within=self.networks)


LOCAL = Caller(name="local")
"""The person or program that started this process."""


def object_to_scope(caller: Caller, scope: Scope, action: str) -> Refused | None:
    """An objection to an action for which the caller lacks the right."""
    if caller.may(scope):
        return None
    return Refused(
        rule="access.scope",
        offending=scope.value,
        reason=f"{action} takes the scope {scope}, which the token {caller.name} does not have",
        recovery=f"It has {_listed(caller.scopes) or 'none'}; ask the operator for a token with {scope}.",
    )


def client_of(address: str) -> str:
    """Who an address stands for: an IPv6 client has a whole network to come from."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    host_bits = 128 - _IPV6_CLIENT_BITS
    return f"{IPv6Address(int(parsed) >> host_bits << host_bits)}/{_IPV6_CLIENT_BITS}"


def is_loopback(address: str) -> bool:
    """Whether it is this machine's own; a peer without an address (a local socket) is."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return not address
    return (getattr(parsed, "ipv4_mapped", None) or parsed).is_loopback


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(map(str, words)))
