"""Kinds of value that speak of networks: ports, protocols, addresses."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import ClassVar

from .kinds import Bad, Kind
from .target import Address


class Ports(Kind, frozen=True, kw_only=True):
    """A comma list of ports and ranges. With `full`, nmap's -p grammar: T:, U:, S: parts, open
    ranges, `-` for all, names of well-known services; without, plain ports (-PS and the like)."""

    full: bool = True
    max_ports: int = 65535
    json_type: ClassVar[tuple[str, ...]] = ("string", "integer")
    _SERVICES: ClassVar[frozenset[str]] = frozenset(
        [
            "dns",
            "domain",
            "ftp",
            "ftp-data",
            "http",
            "http-proxy",
            "https",
            "imap",
            "imaps",
            "kerberos",
            "ldap",
            "ldaps",
            "microsoft-ds",
            "ms-wbt-server",
            "mysql",
            "netbios-ns",
            "netbios-ssn",
            "nfs",
            "ntp",
            "pop3",
            "pop3s",
            "postgresql",
            "rdp",
            "rpcbind",
            "rtsp",
            "sip",
            "smtp",
            "smtps",
            "snmp",
            "ssh",
            "submission",
            "syslog",
            "telnet",
            "tftp",
            "vnc",
        ]
    ) - {"dns", "rdp"}

    def read(self, text: str) -> str | Bad:
        count = 0
        for item in text.split(","):
            body = item
            if self.full and re.match(r"[TUSP]:", item):
                body = item[2:]
            size = self._size(body)
            if isinstance(size, Bad):
                return size
            count += size
        if count > self.max_ports and self.max_ports < 65535:
            return Bad(f"{count} ports are too many here; at most {self.max_ports}")
        return text

    def _size(self, item: str) -> int | Bad:
        match = re.fullmatch(r"([0-9]{0,5})(-?)([0-9]{0,5})", item)
        if match is None:
            if self.full and item in self._SERVICES:
                return 1
            return Bad(f"{item!r} is no port; write {self.describe()}")
        first, dash, last = match.groups()
        if not dash:
            low = high = int(first) if first else -1
        elif not self.full and not (first and last):
            return Bad(f"{item!r} is an open range; write {self.describe()}")
        else:
            low, high = int(first or 1), int(last or 65535)
        if not 0 <= low <= 65535 or not 0 <= high <= 65535:
            return Bad(f"{item!r} is no port; ports go from 0 to 65535")
        if low > high:
            return Bad(f"{item!r} runs backwards", f"{high}-{low}")
        return high - low + 1

    def describe(self) -> str:
        if self.full:
            return "ports such as 22,80,8000-8100, U:53,T:1-1024 or - for all"
        return f"ports such as 22,80,443 (at most {self.max_ports})"


class Protocols(Kind, frozen=True, kw_only=True):
    """A comma list of IP protocol numbers."""

    def read(self, text: str) -> str | Bad:
        for item in text.split(","):
            if not re.fullmatch(r"[0-9]{1,3}", item) or int(item) > 255:
                return Bad(f"{item!r} is no IP protocol number; write {self.describe()}")
        return text

    def describe(self) -> str:
        return "numbers from 0 to 255, such as 1,6,17"


class Addresses(Kind, frozen=True, kw_only=True):
    """A comma list of address literals, each of which policy must allow."""

    most: int = 16

    def read(self, text: str) -> str | Bad:
        items = text.split(",")
        if len(items) > self.most:
            return Bad(f"at most {self.most} addresses")
        for item in items:
            if _literal(item) is None:
                return Bad(f"{item!r} is no address; names are not looked up here")
        return text

    def addresses(self, canonical: str) -> tuple[Address, ...]:
        return tuple(a for a in map(_literal, canonical.split(",")) if a is not None)

    def describe(self) -> str:
        return "addresses inside the policy, such as 10.0.0.53"


def _literal(text: str) -> Address | None:
    try:
        return IPv4Address(text)
    except AddressValueError:
        pass
    try:
        address = IPv6Address(text)
    except AddressValueError:
        return None
    return address if address.scope_id is None and address.ipv4_mapped is None else None
