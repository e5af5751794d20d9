"""What programs may see of the file system: the least with which the five and their plug-ins work."""

import os
from collections.abc import Iterable
from typing import Final

import msgspec

# Read and run. On a merged /usr (every current distribution) the others are links into it.
SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")

# Read. Nothing of it is secret; everything else of /etc stays out of sight, shadow and all.
ETC: Final = (
    *("/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf"),
    *("/etc/services", "/etc/protocols"),  # names of ports and protocols
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/ld.so.preload"),
    "/etc/alternatives",  # /usr/bin/traceroute leads through it on Debian
    *("/etc/ssl/openssl.cnf", "/etc/ssl/certs", "/etc/crypto-policies"),  # nmap's TLS probes
    "/etc/localtime",
)

DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")


class FileView(msgspec.Struct, frozen=True, kw_only=True):
    """Paths as they are on the host: read only, besides a private directory for each run.

    `links` are the directories of `SYSTEM` that are links, with what they point to. `readable` is
    what the operator adds: where plug-ins' programs live that aren't under /usr.
    """

    directories: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    readable: tuple[str, ...] = ()


def look_at_system(readable: Iterable[str] = ()) -> FileView:
    """The view of this host; looked up once, at start."""
    return FileView(
        directories=tuple(
            path for path in SYSTEM if os.path.isdir(path) and not os.path.islink(path)
        ),
        links=tuple((path, os.readlink(path)) for path in SYSTEM if os.path.islink(path)),
        readable=tuple(os.path.abspath(path) for path in readable),
    )


def is_within(path: str, directories: Iterable[str]) -> bool:
    """Whether the file is in one of the directories, itself or by its links."""
    return any(path == one or path.startswith(f"{one.rstrip('/')}/") for one in directories)
