"""The lab as data: who is where, with which routes and filters, and which servers run there."""

from dataclasses import dataclass
from typing import Final

CLIENT: Final = "client"

MAP: Final = """\
 client 10.77.0.2, fd77::2                     internet: 8.8.8.8, 1.1.1.1, 203.0.113.5 and
    |                                          every other address that is not in this picture
 r1 10.77.0.1 ---------------------------------+   (answers pings, refuses connections)
    |        \\
    |         dns 10.77.3.53, 10.0.0.53        zone lab.internal, UDP and TCP
    |
 r2 10.77.1.2
    |
    +-- web 10.77.2.10, 10.0.0.1, fd77:2::10   22, 80, 443 open; 9999 filtered; others closed
    |                                          10.0.0.1 answers DNS too
    +-- lossy 10.77.2.20                       of any ten ICMP and UDP packets to it, three are lost
    +-- (10.77.2.66)                           dark: nobody there, r2 says host unreachable
    +-- (10.77.2.67)                           silent: r2 drops what goes there
"""


@dataclass(frozen=True, slots=True)
class Port:
    """One end of a segment. Two ends make a wire; of more, the first has a bridge as device."""

    segment: str
    host: str
    device: str
    addresses: tuple[str, ...]


PORTS: Final = (
    Port("access", "r1", "access", ("10.77.0.1/24", "fd77::1/64")),
    Port("access", CLIENT, "eth0", ("10.77.0.2/24", "fd77::2/64")),
    Port("core", "r1", "core", ("10.77.1.1/30", "fd77:1::1/64")),
    Port("core", "r2", "core", ("10.77.1.2/30", "fd77:1::2/64")),
    Port("lan", "r2", "lan", ("10.77.2.1/24", "fd77:2::1/64")),
    Port("lan", "web", "eth0", ("10.77.2.10/24", "fd77:2::10/64")),
    Port("lan", "lossy", "eth0", ("10.77.2.20/24",)),
    Port("names", "r1", "names", ("10.77.3.1/24",)),
    Port("names", "dns", "eth0", ("10.77.3.53/24",)),
    Port("uplink", "r1", "uplink", ("10.77.4.1/30", "fd77:4::1/64")),
    Port("uplink", "internet", "eth0", ("10.77.4.2/30", "fd77:4::2/64")),
)

EXTRA_ADDRESSES: Final = {
    "web": ("10.0.0.1/32",),
    "dns": ("10.0.0.53/32",),
    "internet": ("8.8.8.8/32", "8.8.4.4/32", "1.1.1.1/32", "203.0.113.5/32"),
}

ROUTES: Final = {
    CLIENT: ("default via 10.77.0.1", "default via fd77::1"),
    "r1": (
        "10.77.2.0/24 via 10.77.1.2",
        "10.0.0.1 via 10.77.1.2",
        "10.0.0.53 via 10.77.3.53",
        "default via 10.77.4.2",
        "fd77:2::/64 via fd77:1::2",
        "default via fd77:4::2",
    ),
    "r2": ("10.0.0.1 via 10.77.2.10", "default via 10.77.1.1", "default via fd77:1::1"),
    "web": ("default via 10.77.2.1", "default via fd77:2::1"),
    "lossy": ("default via 10.77.2.1",),
    "dns": ("default via 10.77.3.1",),
    # Every address is its own, but for the lab's: the longest prefix of the table "local" wins.
    "internet": (
        "10.77.0.0/16 via 10.77.4.1 dev eth0 onlink table local",
        "fd77::/16 via fd77:4::1 dev eth0 onlink table local",
        "local 0.0.0.0/0 dev lo table local",
        "local ::/0 dev lo table local",
    ),
}

ROUTERS: Final = frozenset(("r1", "r2"))

FILTERS: Final = {
    # The kernel's own chatter, which would stand in captures: nobody here uses multicast routing.
    CLIENT: """
        table ip6 quiet {
            chain out {
                type filter hook output priority 0
                icmpv6 type mld2-listener-report drop
            }
        }""",
    # A pattern instead of chance, and spread out, so that "ping -c 10" loses three on every run.
    "r2": """
        table ip lab {
            chain forward {
                type filter hook forward priority 0
                ip daddr 10.77.2.67 drop
                ip daddr 10.77.2.20 meta l4proto { icmp, udp } numgen inc mod 10 { 2, 5, 8 } drop
            }
        }""",
    "web": """
        table inet lab {
            chain input {
                type filter hook input priority 0
                meta l4proto { tcp, udp } th dport 9999 drop
            }
        }""",
}


@dataclass(frozen=True, slots=True)
class Server:
    """A module of this package, run on a host; it prints one line when it is ready."""

    host: str
    module: str
    arguments: tuple[str, ...] = ()


SERVERS: Final = (
    Server("web", "web"),
    Server("web", "dns", ("10.0.0.1",)),
    Server("dns", "dns", ("10.77.3.53", "10.0.0.53")),
)


def on_host(host: str) -> tuple[str, ...]:
    """The words before a command line that make it run on a host."""
    return () if host == CLIENT else ("nsenter", f"--net=/run/netns/{host}", "--")


def names() -> tuple[str, ...]:
    """The hosts that need a namespace: all but the client, whose namespace is the caller's own."""
    return tuple(dict.fromkeys(port.host for port in PORTS if port.host != CLIENT))
