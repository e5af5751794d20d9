"""Listening sockets, with what accepted connections inherit from them."""

import errno
import ipaddress
import resource
import socket
from collections.abc import Iterable

_SEND_BUFFER_BYTES = 256 * 1024
_KEEPALIVE_IDLE_S = 15
_KEEPALIVE_INTERVAL_S = 5
_GONE_AFTER_S = 30
_SPARE_DESCRIPTORS = 512
_TRIES = 8
_EVERYWHERE = ("", "*", "::")


class CannotListen(Exception):
    """The server can't have the address it was told to listen on; the text says what to do."""


def listen(host: str, port: int) -> tuple[socket.socket, ...]:
    """Sockets that listen on every address of `host`, which is a name or an address.

    "::", "*" and "" mean every IPv6 and every IPv4 address. With `port` 0 the system chooses one,
    the same for all. The caller closes them. Raises CannotListen.
    """
    addresses = _addresses(host, port)
    for last in (False,) * (_TRIES - 1) + (True,):
        opened: list[socket.socket] = []
        try:
            for address in addresses:
                chosen = opened[0].getsockname()[1] if opened else port
                opened.append(_open(address, chosen))
            return tuple(opened)
        except OSError as error:
            for one in opened:
                one.close()
            # The port that the system chose for one family can be taken in the other.
            if not last and port == 0 and opened and error.errno == errno.EADDRINUSE:
                continue
            raise _explain(error, host, port) from error
    raise AssertionError("not reached")


def urls(sockets: Iterable[socket.socket]) -> tuple[str, ...]:
    """Where each of them is reached."""
    return tuple(_url(*one.getsockname()[:2]) for one in sockets)


def make_room(connections: int) -> int:
    """Raise the soft limit on open files as far as may be, if it has to be; gives the limit in force.

    The usual soft limit of 1024 is there for programs that call select(2), which this is not.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _SPARE_DESCRIPTORS
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    raised = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    return raised


def _addresses(host: str, port: int) -> list[str]:
    if host in _EVERYWHERE:
        return ["::", "0.0.0.0"] if _has_ipv6() else ["0.0.0.0"]  # noqa: S104  # it was asked for
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_ADDRCONFIG
        )
    except (OSError, UnicodeError):
        try:
            # Where there is no other interface than lo, AI_ADDRCONFIG hides what is asked for.
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise CannotListen(
                f"server.host: there is no address for {host!r}. Set it (MCP_SERVER_HOST, --host) "
                "to an address of this machine: 127.0.0.1 for this machine alone, 0.0.0.0 for all."
            ) from error
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def _open(address: str, port: int) -> socket.socket:
    ipv6 = ":" in address
    listener = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if ipv6:
            # Peers keep the address they have: no ::ffff:10.0.0.1.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # Accepted sockets inherit these (tcp(7), socket(7)).
        for level, name, value in (
            (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
            (socket.SOL_SOCKET, "SO_SNDBUF", _SEND_BUFFER_BYTES),
            (socket.IPPROTO_TCP, "TCP_KEEPIDLE", _KEEPALIVE_IDLE_S),
            (socket.IPPROTO_TCP, "TCP_KEEPINTVL", _KEEPALIVE_INTERVAL_S),
            (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", _GONE_AFTER_S * 1000),
        ):
            if (option := getattr(socket, name, None)) is not None:
                listener.setsockopt(level, option, value)
        listener.bind((address, port))
        listener.listen(socket.SOMAXCONN)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _explain(error: OSError, host: str, port: int) -> CannotListen:
    match error.errno:
        case errno.EADDRINUSE:
            return CannotListen(
                f"server.port: {port} on {host} is in use by another program. "
                "Stop that one, or set another port (MCP_SERVER_PORT, --port; 0 chooses one)."
            )
        case errno.EACCES | errno.EPERM:
            return CannotListen(
                f"server.port: {port} may not be used by this user. Set one of 1024 or above "
                "(MCP_SERVER_PORT, --port), or grant CAP_NET_BIND_SERVICE."
            )
        case errno.EADDRNOTAVAIL:
            return CannotListen(
                f"server.host: {host} is no address of this machine. "
                "Set one that is (MCP_SERVER_HOST, --host); `ip address` lists them."
            )
    return CannotListen(f"server.host, server.port: can't listen on {host}, {port}: {error}.")


def _url(address: str, port: int) -> str:
    host = (
        f"[{address}]"
        if isinstance(ipaddress.ip_address(address), ipaddress.IPv6Address)
        else address
    )
    return f"http://{host}:{port}"


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True
