"""Building the lab that hosts.py describes, in the namespace we are in, and removing it."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import groupby
from pathlib import Path
from typing import Final

from tests.contract.lab import enter, hosts
from tests.contract.lab.access import Lab
from tests.contract.lab.mounts import mounted
from tests.contract.lab.servers import serving

# Limits on ICMP errors would make hops vanish from fast traces; a dead neighbour is given up after
# 0.3 s instead of 3 s; accept_ra=0 also stops router solicitations. Keys that are missing belong to
# other kernels and are skipped.
_SETTINGS: Final = (
    ("ipv4/icmp_ratelimit", "0"),
    ("ipv4/icmp_msgs_per_sec", "1000000"),
    ("ipv4/icmp_msgs_burst", "1000000"),
    ("ipv6/icmp/ratelimit", "0"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/*/rp_filter", "0"),
    ("ipv6/conf/*/accept_ra", "0"),
    ("ipv4/neigh/*/retrans_time_ms", "100"),
    # As systemd sets it on Debian: unprivileged ping works.
    ("ipv4/ping_group_range", "0 0"),
)
_ROUTER_SETTINGS: Final = (("ipv4/ip_forward", "1"), ("ipv6/conf/all/forwarding", "1"))


class LabError(Exception):
    """The lab could not be built."""


def standing() -> bool:
    """Whether a lab has been built in this world, by us or by a parent process."""
    return enter.inside() and enter.marked()


@contextmanager
def built() -> Iterator[Lab]:
    """Build the lab around the calling process, which becomes its client host, until the end.

    Where one stands already (`python -m tests.contract.lab -- pytest`), it is used and left alone.
    """
    if not enter.inside():
        raise LabError("not in a sealed world: enter one first (tests.contract.lab.enter)")
    if standing():
        yield Lab()
        return
    with ExitStack() as stack:
        stack.enter_context(mounted())
        enter.mark()
        stack.callback(_remove)
        _ip("".join(f"netns add {name}\n" for name in hosts.names()))
        # Servers listen on wildcard or non-local addresses, so they start while the wires are laid.
        waiting = stack.enter_context(serving())
        _ip("".join(f"{line}\n" for line in _wires()))
        _configure((hosts.CLIENT, *hosts.names()))
        waiting()
        yield Lab()


def _wires() -> Iterator[str]:
    for segment, members in groupby(hosts.PORTS, key=lambda port: port.segment):
        first, *others = members
        if len(others) == 1:
            yield f"link add {_end(first)} type veth peer {_end(others[0])}"
            continue
        yield f"link add name {first.device} {_in(first.host)} type bridge mcast_snooping 0"
        for other in others:
            plug = f"{segment}-{other.host}"
            yield f"link add {_end(other)} type veth peer name {plug} {_in(first.host)}"


def _end(port: hosts.Port) -> str:
    return f"name {port.device} {_in(port.host)}"


def _in(host: str) -> str:
    return f"netns {os.getpid() if host == hosts.CLIENT else host}"


def _configure(names: tuple[str, ...]) -> None:
    scripts = {name: _script(name) for name in names}
    running = [
        (
            name,
            subprocess.Popen([*hosts.on_host(name), "sh", "-ec", script], stdin=subprocess.DEVNULL),
        )
        for name, script in scripts.items()
    ]
    failed = [name for name, process in running if process.wait() != 0]
    if failed:
        raise LabError(f"could not configure {', '.join(failed)}; the reason is above, on stderr")


def _script(host: str) -> str:
    settings = (*_SETTINGS, *(_ROUTER_SETTINGS if host in hosts.ROUTERS else ()))
    lines = [
        f'for key in /proc/sys/net/{key}; do [ ! -e "$key" ] || echo {value} > "$key"; done'
        for key, value in settings
    ]
    lines += ["ip -batch - <<'END'", *_addressing(host), "END"]
    if host in hosts.FILTERS:
        lines += ["nft -f - <<'END'", hosts.FILTERS[host], "END"]
    return "\n".join(lines)


def _addressing(host: str) -> Iterator[str]:
    yield "link set lo up"
    for address in hosts.EXTRA_ADDRESSES.get(host, ()):
        yield f"address add {address} dev lo"
    for index, port in enumerate(hosts.PORTS):
        if port.host == host:
            # No link-local address by itself: it would come late and announce itself.
            yield f"link set {port.device} addrgenmode none up"
            if _has_ipv6():
                yield f"address add fe80::{index + 1:x}/64 dev {port.device} nodad"
            for address in filter(_usable, port.addresses):
                yield f"address add {address} dev {port.device}{' nodad' if ':' in address else ''}"
            for other in hosts.PORTS:
                if other.segment == port.segment and _is_bridge(port) and other.host != host:
                    plug = f"{port.segment}-{other.host}"
                    yield f"link set {plug} addrgenmode none master {port.device} up"
    for route in filter(_usable, hosts.ROUTES.get(host, ())):
        yield f"route add {route}"


def _is_bridge(port: hosts.Port) -> bool:
    members = [other for other in hosts.PORTS if other.segment == port.segment]
    return len(members) > 2 and members[0] == port


def _usable(text: str) -> bool:
    return ":" not in text or _has_ipv6()


def _has_ipv6() -> bool:
    return Path("/proc/sys/net/ipv6").exists()


def _remove() -> None:
    # "add" first: deleting must not fail where building came to an early end.
    subprocess.run(["nft", "add table ip6 quiet; delete table ip6 quiet"], check=True)
    present = [name for name in hosts.names() if Path("/run/netns", name).exists()]
    # The client's end of a wire goes with the other end, but only some time after the namespace.
    wires = ["eth0"] if "eth0" in {name for _, name in socket.if_nameindex()} else []
    _ip("".join(f"link delete {name}\n" for name in wires))
    _ip("".join(f"netns delete {name}\n" for name in present))


def _ip(batch: str) -> None:
    done = subprocess.run(["ip", "-batch", "-"], input=batch, text=True, check=False)
    if done.returncode != 0:
        raise LabError("ip(8) refused to build the lab; the reason is above, on stderr")
