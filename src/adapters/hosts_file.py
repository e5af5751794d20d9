"""Tables of host names in the format of hosts(5)."""

import os
import stat
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address

from ..domain.terms import Resolved, Unresolved

MAX_BYTES = 16 * 1024 * 1024


class HostsResolver:
    """Answers from a text and nothing else; meets the port `Resolver`, and works without a loop."""

    def __init__(self, text: str) -> None:
        self._names = parse_hosts(text)

    def look_up(self, name: str) -> Resolved | Unresolved:
        """The addresses of `name` in the text."""
        addresses = self._names.get(_folded(name))
        return (
            Resolved(addresses) if addresses else Unresolved("the table of hosts does not have it")
        )

    async def resolve(self, name: str) -> Resolved | Unresolved:
        """See the port."""
        return self.look_up(name)


class SystemHosts:
    """/etc/hosts, read again when it has changed, as the C library does."""

    def __init__(self, path: str = "/etc/hosts") -> None:
        self._path = path
        self._version: tuple[int, int, int] | None = None
        self._names: Mapping[str, tuple[IPv4Address | IPv6Address, ...]] = {}

    def addresses(self, name: str) -> tuple[IPv4Address | IPv6Address, ...]:
        """The addresses of `name`; empty if the file does not have it or can't be read."""
        try:
            found = os.stat(self._path)
            version = (found.st_mtime_ns, found.st_size, found.st_ino)
            if version != self._version and stat.S_ISREG(found.st_mode):
                with open(self._path, "rb") as file:
                    self._names = parse_hosts(file.read(MAX_BYTES).decode("utf-8", "replace"))
                self._version = version
        except OSError:
            return ()
        return self._names.get(_folded(name), ())


def parse_hosts(text: str) -> dict[str, tuple[IPv4Address | IPv6Address, ...]]:
    """Every name of the text with its addresses in order; lines that can't be read are passed over."""
    names: dict[str, dict[IPv4Address | IPv6Address, None]] = {}
    for line in text.splitlines():
        literal, *aliases = line.partition("#")[0].split() or [""]
        if not aliases:
            continue
        try:
            address = ip_address(literal)
        except ValueError:
            continue
        for alias in aliases:
            names.setdefault(_folded(alias), {})[address] = None
    return {name: tuple(addresses) for name, addresses in names.items()}


def _folded(name: str) -> str:
    return name.lower().removesuffix(".")
