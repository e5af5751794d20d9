"""What the server may really do on this host, as far as it changes how programs are called."""

import msgspec


class Privileges(msgspec.Struct, frozen=True, kw_only=True):
    """Looked up once at start. Without raw sockets nmap connects instead of sending SYN packets.

    `raw_sockets`: CAP_NET_RAW that survives into the programs. `icmp_sockets`: unprivileged ICMP
    sockets are open to our group (net.ipv4.ping_group_range).
    """

    raw_sockets: bool
    icmp_sockets: bool = True
    uid: int = 0

    @property
    def needs_raw_for_icmp(self) -> bool:
        """Whether an echo request takes a raw socket, and there are any."""
        return self.raw_sockets and not self.icmp_sockets
