"""Reads what a caller wants examined: text becomes an address, a network or a name, or a reason why not.

Only one spelling of each address is read. Everything else that some program would take for an
address (octal, hex, short, decimal, mapped, octet ranges, full-width digits) is `Malformed`, with
the canonical spelling as `nearest` where there is exactly one meaning.
"""

import re
from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    NetmaskValueError,
)

import msgspec

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Hostname(msgspec.Struct, frozen=True):
    """A DNS name: lower case, no final dot."""

    name: str

    def __str__(self) -> str:
        return self.name


class Malformed(msgspec.Struct, frozen=True):
    """Why a text is no target. `rule` is one of `target.characters|spelling|malformed`."""

    rule: str
    reason: str
    nearest: str | None = None


Target = Address | Network | Hostname

MAX_LENGTH = 253  # RFC 1035, section 2.3.4, less the root label
_PRINTABLE = re.compile(r"[!-~]+\Z")
_FORBIDDEN = frozenset(";&|`$><\\\"'")
# RFC 952 and 1123 letters, digits, hyphen; a leading underscore is for service labels (RFC 8552).
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_HOSTNAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\Z")
_NUMERIC_LABEL = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)\Z")


def parse(text: str) -> Target | Malformed:
    """Read `text` as IPv4, IPv6, CIDR or hostname. A CIDR's host bits are cleared, as nmap does."""
    if not _PRINTABLE.match(text) or _FORBIDDEN.intersection(text):
        return Malformed(
            "target.characters",
            "a target is one address, network or name, in plain printable ASCII, not empty",
        )
    if len(text) > MAX_LENGTH:
        return Malformed("target.malformed", f"a name has at most {MAX_LENGTH} characters")
    address, slash, prefix = text.partition("/")
    if slash:
        return _network(address, prefix)
    if (literal := _address(text)) is not None:
        return literal
    return _hostname(text.lower())


def _address(text: str) -> Address | Malformed | None:
    try:
        return IPv4Address(text)
    except AddressValueError:
        pass
    if ":" not in text:
        return None
    try:
        address = IPv6Address(text)
    except AddressValueError:
        return Malformed(
            "target.malformed", "this is no IPv6 address, and ports do not belong here"
        )
    if address.scope_id is not None:
        return Malformed("target.malformed", "an address with a zone (%) can't be judged")
    mapped = address.ipv4_mapped
    if mapped is not None:
        return Malformed(
            "target.spelling", "IPv4 inside IPv6: write the IPv4 address itself", str(mapped)
        )
    return address


def _network(address: str, prefix: str) -> Target | Malformed:
    base = _address(address)
    if isinstance(base, Malformed):
        return Malformed(base.rule, base.reason)  # the one address near it is not what was meant
    if base is None:
        return Malformed(
            "target.malformed", "a prefix length goes with an address, not with a name or a range"
        )
    if not re.fullmatch(r"[0-9]{1,3}", prefix):
        return Malformed("target.malformed", "write the prefix length as a number, such as /24")
    kind = IPv4Network if isinstance(base, IPv4Address) else IPv6Network
    try:
        network = kind((int(base), int(prefix)), strict=False)
    except NetmaskValueError:
        return Malformed(
            "target.malformed", f"/{prefix} is no prefix length of this address family"
        )
    return network.network_address if network.num_addresses == 1 else network


def _hostname(text: str) -> Hostname | Malformed:
    name = text.removesuffix(".")
    if _looks_numeric(name):
        return _odd_spelling(name)
    if not _HOSTNAME.match(name) or any(len(label) > 63 for label in name.split(".")):
        return Malformed(
            "target.malformed",
            "this is no IPv4 or IPv6 address, no CIDR network and no DNS name",
        )
    return Hostname(name)


def reverse_of(hostname: Hostname) -> Address | None:
    """The address that `hostname` is the reverse look-up of (RFC 1035, 3.5; RFC 3596, 2.5), if of one."""
    labels = hostname.name.split(".")
    *labels, zone, arpa = labels if len(labels) > 2 else ("", "", "")
    labels.reverse()
    address: Address | Malformed | None = None
    if (zone, arpa) == ("in-addr", "arpa"):
        address = _address(".".join(labels))
    elif (zone, arpa, len(labels)) == ("ip6", "arpa", 32):
        digits = "".join(labels)
        address = _address(":".join(digits[i : i + 4] for i in range(0, 32, 4)))
    if address is None or isinstance(address, Malformed):
        return None
    return address if address.reverse_pointer == hostname.name else None


def _looks_numeric(text: str) -> bool:
    """Whether some resolver would read `text` as an address (inet_aton(3)), or nmap as a range."""
    last = text.rpartition(".")[2]
    return bool(_NUMERIC_LABEL.match(last)) or bool(re.fullmatch(r"[0-9.,*-]+", text))


def _odd_spelling(text: str) -> Malformed:
    reason = "write an IPv4 address as four decimal numbers without leading zeros"
    if re.fullmatch(r"[0-9.,*-]+", text) and re.search(r"[,*-]", text):
        return Malformed("target.spelling", "ranges and lists are not taken: name a CIDR network")
    return Malformed("target.spelling", reason, _inet_aton(text))


def _inet_aton(text: str) -> str | None:
    """The one address that inet_aton(3) and nmap agree on for `text`; None where they differ."""
    parts = text.split(".")
    if len(parts) > 4 or any(len(part) > 12 for part in parts):
        return None
    values = []
    for part in parts:
        if not _NUMERIC_LABEL.match(part) or part == "0x":
            return None
        if len(part) > 1 and part[0] == "0" and part[1] != "x":
            return None  # octal to libc, decimal to nmap
        values.append(int(part, 16 if part.startswith("0x") else 10))
    *leading, last = values
    if any(value > 255 for value in leading) or last >= 256 ** (5 - len(values)):
        return None
    total = last
    for position, value in enumerate(leading):
        total += value << (24 - 8 * position)
    return str(IPv4Address(total))
