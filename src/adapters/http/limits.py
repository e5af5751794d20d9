"""What one server grants its connections: times, sizes and numbers."""

import msgspec

from ...domain.target import Network


class ServingLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of the HTTP server; sizes in bytes, of one request unless it says otherwise.

    `header_timeout_s`: within it a request must have come whole, body included.
    `write_stall_s`: a peer that takes no byte of its answer for so long is cut off.
    `linger_s`: how long a refused peer may go on sending, so that it can read why.
    `max_per_peer`: connections of one address (IPv6: one /64); 0 for a quarter of all. It does not
    hold for loopback and `trusted_proxies`, behind which there are many clients.
    `max_request_bytes`: a bound on what is read at all; the body's real limit is the application's.
    """

    header_timeout_s: float = 10.0
    keep_alive_s: float = 30.0
    write_stall_s: float = 30.0
    linger_s: float = 1.0
    max_connections: int = 1000
    max_per_peer: int = 0
    trusted_proxies: tuple[Network, ...] = ()
    max_head_bytes: int = 32 * 1024
    max_line_bytes: int = 8 * 1024
    max_headers: int = 100
    max_request_bytes: int = 1024 * 1024
    max_pipelined: int = 16

    @property
    def of_one_peer(self) -> int:
        """The connections that one address may have."""
        return self.max_per_peer or max(1, self.max_connections // 4)
