"""What the operator allows: which addresses, networks and names may be examined, and how hard.

Deny by default: `None` (nothing to object) is only ever the last line of a judgement.
"""

from ipaddress import IPv4Network, IPv6Network, ip_network

import msgspec

from .target import Address, Hostname, Network

RFC1918 = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
)

# Ranges with a meaning of their own. A wide allowed network such as 0.0.0.0/0 does not open them:
# the operator must name a network inside the range. First match wins.
_SPECIAL: tuple[tuple[str, str, Network], ...] = (
    ("target.reserved", "'this network'", IPv4Network("0.0.0.0/8")),
    ("target.loopback", "the server itself", IPv4Network("127.0.0.0/8")),
    ("target.link_local", "link-local, cloud metadata included", IPv4Network("169.254.0.0/16")),
    ("target.multicast", "multicast", IPv4Network("224.0.0.0/4")),
    ("target.reserved", "reserved or broadcast", IPv4Network("240.0.0.0/4")),
    ("target.reserved", "unspecified", IPv6Network("::/128")),
    ("target.loopback", "the server itself", IPv6Network("::1/128")),
    ("target.spelling", "IPv4 inside IPv6", IPv6Network("::/96")),
    ("target.spelling", "IPv4 inside IPv6", IPv6Network("::ffff:0:0/96")),
    ("target.spelling", "IPv4 inside IPv6 (NAT64)", IPv6Network("64:ff9b::/96")),
    ("target.spelling", "IPv4 inside IPv6 (6to4)", IPv6Network("2002::/16")),
    ("target.link_local", "link-local", IPv6Network("fe80::/10")),
    ("target.multicast", "multicast", IPv6Network("ff00::/8")),
)


class Objection(msgspec.Struct, frozen=True, kw_only=True):
    """Why something may not be examined; `nearest` is a target that may."""

    rule: str
    reason: str
    nearest: str | None = None


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's decisions. `denied_networks` win over everything.

    `within`, if not None, narrows them for one caller: only what is inside these networks too.
    """

    allowed_networks: tuple[Network, ...] = RFC1918
    denied_networks: tuple[Network, ...] = ()
    allowed_suffixes: tuple[str, ...] = (".lab.internal",)
    max_hosts: int = 1024
    allow_intrusive: bool = False
    max_args_len: int = 2048
    within: tuple[Network, ...] | None = None

    def object_to_address(self, address: Address) -> Objection | None:
        """Judge one address."""
        for denied in self.denied_networks:
            if address in denied:
                return Objection(
                    rule="target.denied", reason=f"{address} is in {denied}, which is denied"
                )
        special = _special_range(address)
        for allowed in self.allowed_networks:
            if address in allowed and (special is None or _inside(allowed, special[2])):
                return self._object_for_caller(ip_network(address))
        if special is not None:
            rule, what, _ = special
            return Objection(rule=rule, reason=f"{address} is {what}, which is not allowed")
        where = "a private" if address.is_private else "a public"
        rule = "target.not_allowed" if address.is_private else "target.public"
        return Objection(
            rule=rule, reason=f"{address} is {where} address outside the allowed networks"
        )

    def object_to_network(self, network: Network, around: Address) -> Objection | None:
        """Judge a network: every address in it, and their number. `around` is the address asked for."""
        for edge in (network.network_address, network.broadcast_address):
            if (objection := self.object_to_address(edge)) is not None:
                return objection
        special = _special_range(network.network_address)
        if not any(
            _inside(network, allowed) and (special is None or _inside(allowed, special[2]))
            for allowed in self.allowed_networks
        ):
            return Objection(
                rule="target.not_allowed", reason=f"{network} is not inside one allowed network"
            )
        if (objection := self._object_for_caller(network)) is not None:
            return objection
        for _, what, whole in _SPECIAL:
            if _inside(whole, network) and whole != network:
                return Objection(rule="target.reserved", reason=f"{network} contains {what}")
        for denied in self.denied_networks:
            if _inside(denied, network):
                return Objection(
                    rule="target.denied",
                    reason=f"{network} contains {denied}, which is denied",
                    nearest=_without(network, denied),
                )
        if network.num_addresses > self.max_hosts:
            return Objection(
                rule="target.too_large",
                reason=f"{network} has {network.num_addresses} addresses, more than {self.max_hosts}",
                nearest=self._shrink(network, around),
            )
        return None

    def object_to_name(self, hostname: Hostname) -> Objection | None:
        """Judge a name by its suffix. Its addresses are judged apart, once it is resolved."""
        for suffix in self.allowed_suffixes:
            bare = suffix.removeprefix(".")
            if hostname.name.endswith("." + bare) or (hostname.name == bare == suffix):
                return None
        return Objection(
            rule="target.suffix", reason=f"{hostname.name} is not under an allowed suffix"
        )

    def _object_for_caller(self, network: Network) -> Objection | None:
        if self.within is None or any(_inside(network, mine) for mine in self.within):
            return None
        mine = ", ".join(map(str, self.within)) or "no network"
        what = network if network.num_addresses > 1 else network.network_address
        return Objection(
            rule="access.network", reason=f"{what} is outside {mine}, all that the token may"
        )

    def _shrink(self, network: Network, around: Address) -> str:
        bits = max(self.max_hosts, 1).bit_length() - 1
        first = type(around)(int(around) >> bits << bits)
        return f"{first}/{network.max_prefixlen - bits}"

    def describe(self) -> str:
        """The allowed targets, for a person."""
        networks = ", ".join(map(str, self.allowed_networks)) or "no network"
        if self.within is not None:
            networks += f"; of these for this token {', '.join(map(str, self.within)) or 'none'}"
        names = ", ".join(self.allowed_suffixes) or "no suffix"
        return f"{networks}, and names under {names}"


def _special_range(address: Address) -> tuple[str, str, Network] | None:
    return next((row for row in _SPECIAL if address in row[2]), None)


def _inside(inner: Network, outer: Network) -> bool:
    if isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(inner, IPv6Network) and isinstance(outer, IPv6Network):
        return inner.subnet_of(outer)
    return False


def _without(network: Network, denied: Network) -> str | None:
    """The largest part of `network` without `denied`, the lowest of several; None if none is left."""
    if isinstance(network, IPv4Network) and isinstance(denied, IPv4Network):
        parts: list[Network] = [*network.address_exclude(denied)]
    elif isinstance(network, IPv6Network) and isinstance(denied, IPv6Network):
        parts = [*network.address_exclude(denied)]
    else:
        return None
    if not parts:
        return None
    best = min(parts, key=lambda part: (part.prefixlen, int(part.network_address)))
    return str(best)
