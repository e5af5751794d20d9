"""The packet filter that holds executions to their destinations: rules for nft(8), sets that change.

Every execution runs under a group number of its own, which the kernel notes on each socket that it
opens and which it can't change. So a packet tells whose it is, whoever sent it in the execution, and
raw and packet sockets are no exception. Packets of other groups pass by.

IP packets are judged where they are made (hook output), whatever device they will take. Whole frames,
which packet sockets hand to a device directly, are judged at the devices (hook egress, Linux 5.16).
"""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from types import MappingProxyType
from typing import Final

import msgspec

from ....domain.target import Address, Network
from .guard import Destinations
from .held_packets import SNAPLEN
from .netfilter import Family, elements


class Admitted(msgspec.Struct, frozen=True, kw_only=True):
    """What an execution may reach, and this host's routers at its start, whom it may ask for."""

    destinations: Destinations
    routers: frozenset[Address]


# Before the translation of destinations (-100): what the execution asked for is what is judged.
_PRIORITY: Final = -160
# At most so much is told of one execution, so that a flood of its packets can't drown another's.
_TOLD: Final = "limit rate 20/second burst 5 packets"

_SETS: Final = """
set allowed4 { typeof meta skgid . ip daddr; flags interval; }
set allowed6 { typeof meta skgid . ip6 daddr; flags interval; }
set asked4 { typeof meta skgid . ip daddr; flags interval; }
set asked6 { typeof meta skgid . ip6 daddr; flags interval; }
set told { typeof meta skgid; size 4096; flags dynamic, timeout; timeout 10s; }
"""
_HOLD: Final = """
chain hold {
  update @told { meta skgid %(told)s } log group %(log_group)d snaplen %(snaplen)d
  drop
}
"""
# Source routes name other hosts than the destination (RFC 791, RFC 5095). nft's `ip option` doesn't
# look at frames, nor at options of which any is malformed, which others may overlook: so known ones
# pass, with which ping -R and -T fill the header.
_JUDGE4: Final = """
chain options4 {
  @nh,0,8 0x4f @nh,160,24 0x010727 return
  @nh,0,8 0x4f @nh,160,16 0x4428 return
  @nh,0,8 0x4e @nh,160,16 0x4424 return
  goto hold
}
chain judge4 {
  ip hdrlength != 5 jump options4
  meta skgid . ip daddr @allowed4 accept
  meta l4proto { tcp, udp } th dport { 53, 853 } meta skgid . ip daddr @asked4 accept
  goto hold
}
"""
# An empty route that nobody reads on after is none: nmap -6 -O probes with it. What comes after a
# fragment's header may be in another fragment, out of sight.
_JUDGE6: Final = """
chain reached6 {
  meta skgid . ip6 daddr @allowed6 accept
  meta l4proto { tcp, udp } th dport { 53, 853 } meta skgid . ip6 daddr @asked6 accept
  %(more)s
  goto hold
}
chain judge6 {
  rt type 0 rt seg-left 0 rt nexthdr 0 goto reached6
  rt type 0-255 goto hold
  frag nexthdr { 0, 43, 44, 51, 60, 135, 139, 140 } goto hold
  goto reached6
}
"""
_OUTPUT: Final = """
chain output {
  type filter hook output priority %(priority)d; policy accept;
  meta skgid %(first)d-%(last)d meta nfproto ipv4 goto judge4
  meta skgid %(first)d-%(last)d meta nfproto ipv6 goto judge6
}
"""
# What a frame is said to be (meta protocol) and what it is (its bytes) can differ: packet(7). So can
# where the kernel takes the packet to begin (devices with longer headers, as those of tagged networks
# are) and where it does: therefore the address is looked up there, too, behind Ethernet's 14 bytes.
_FRAMES: Final = """
set neighbours4 { typeof meta skgid . arp daddr ip; flags interval; }
set neighbours6 { typeof meta skgid . ip6 daddr; flags interval; }
set frames4 { typeof meta skgid . @ll,240,32; flags interval; }
set frames6 { typeof meta skgid . @ll,304,128; flags interval; }
chain with_header {
  meta protocol ip @ll,96,16 0x0800 @ll,112,4 4 meta skgid . @ll,240,32 @frames4 goto judge4
  meta protocol ip6 @ll,96,16 0x86dd @ll,112,4 6 meta skgid . @ll,304,128 @frames6 goto judge6
  meta protocol arp @ll,96,16 0x0806 arp htype 1 arp ptype 0x0800 arp operation request meta skgid . arp daddr ip @neighbours4 accept
  goto hold
}
chain without_header {
  meta protocol ip @nh,0,4 4 goto judge4
  meta protocol ip6 @nh,0,4 6 goto judge6
  goto hold
}
"""
_SOLICITATION: Final = "icmpv6 type nd-neighbor-solicit meta skgid . ip6 daddr @neighbours6 accept"


def tables(
    name: str,
    groups: range,
    log_group: int,
    admitted: Mapping[int, Admitted] = MappingProxyType({}),
) -> str:
    """Both tables, in place of any that have that name, with what groups may reach."""
    values = {"told": _TOLD, "log_group": log_group, "snaplen": SNAPLEN, "priority": _PRIORITY}
    values |= {"first": groups[0], "last": groups[-1]}
    own = _SETS + _HOLD % values + _JUDGE4
    return "\n".join(
        (
            *(
                f"table {kind} {name} {{}}\ndelete table {kind} {name}"
                for kind in ("inet", "netdev")
            ),
            f"table inet {name} {{{own}{_JUDGE6 % {'more': ''}}{_OUTPUT % values}}}",
            f"table netdev {name} {{{own}{_JUDGE6 % {'more': _SOLICITATION}}{_FRAMES}}}",
            *_elements_in_words(name, admitted),
        )
    )


def device(name: str, groups: range, *, index: int, device: str, has_header: bool) -> str:
    """Judge what goes out by a device; `has_header`: its frames have Ethernet's."""
    judge = "with_header" if has_header else "without_header"
    hook = f'type filter hook egress device "{device}" priority 0; policy accept;'
    return "\n".join(
        (
            f"add chain netdev {name} {chain(index)} {{ {hook} }}",
            f"flush chain netdev {name} {chain(index)}",
            f"add rule netdev {name} {chain(index)} meta skgid {groups[0]}-{groups[-1]} goto {judge}",
        )
    )


def chain(index: int) -> str:
    """The name of a device's chain, by the device's number, which is not used again."""
    return f"device{index}"


def admission(name: str, group: int, admitted: Admitted, *, there: bool = False) -> Iterator[bytes]:
    """What one execution may reach, put into the sets; with `there` taken out."""
    for family, set_name, networks in _entries(admitted):
        yield elements(family, name, set_name, group, networks, there=there)


def _elements_in_words(name: str, admitted: Mapping[int, Admitted]) -> Iterator[str]:
    for group, terms in admitted.items():
        for family, set_name, networks in _entries(terms):
            # Where the address is bytes of a frame, nft has it for a number.
            word = _as_numbers if set_name.startswith("frames") else str
            listed = ", ".join(f"{group} . {word(network)}" for network in networks)
            yield f"add element {family.name.lower()} {name} {set_name} {{ {listed} }}"


def _entries(admitted: Admitted) -> Iterator[tuple[Family, str, tuple[Network, ...]]]:
    """What goes into which set of which table; its neighbours may be asked for, too."""
    reached = admitted.destinations.networks
    asked = tuple(map(ip_network, admitted.destinations.resolvers))
    routers = map(ip_network, admitted.routers)
    neighbours = tuple(map(_asked_for, (*reached, *asked, *routers)))
    solicited = (network for network in neighbours if network.version == 6)
    for family in Family:
        yield from _joined(family, "allowed", reached)
        yield from _joined(family, "asked", asked)
    yield from _joined(Family.NETDEV, "neighbours", neighbours)
    yield from _joined(Family.NETDEV, "frames", (*reached, *asked, *solicited))


def _as_numbers(network: Network) -> str:
    return f"{int(network[0])}-{int(network[-1])}"


_SOLICITED_NODE: Final = IPv6Network("ff02::1:ff00:0/104")  # RFC 4291, section 2.7.1


def _asked_for(network: Network) -> Network:
    """Where neighbours in a network are asked for: by their address (ARP), by its last 24 bits (ND)."""
    if isinstance(network, IPv4Network):
        return network
    if network.prefixlen <= _SOLICITED_NODE.prefixlen:
        return _SOLICITED_NODE
    first = int(_SOLICITED_NODE.network_address) | int(network.network_address) & 0xFFFFFF
    return IPv6Network((first, network.prefixlen))


def _joined(
    family: Family, name: str, networks: Iterable[Network]
) -> Iterator[tuple[Family, str, tuple[Network, ...]]]:
    """By version, and joined: no element of a set of intervals may overlap with another."""
    of_four: list[IPv4Network] = []
    of_six: list[IPv6Network] = []
    for network in networks:
        if isinstance(network, IPv4Network):
            of_four.append(network)
        else:
            of_six.append(network)
    for version, joined in ((4, collapse_addresses(of_four)), (6, collapse_addresses(of_six))):
        if listed := tuple[Network, ...](joined):
            yield family, f"{name}{version}", listed
