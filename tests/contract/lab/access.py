"""What a test sees of the lab: its addresses, and what its DNS servers were asked."""

import json
from dataclasses import dataclass
from pathlib import Path

from tests.contract.lab.mounts import STATE

QUERY_LOG = STATE / "queries.jsonl"
CA_FILE = STATE / "ca.pem"


@dataclass(frozen=True, slots=True)
class Query:
    """One question to a DNS server of the lab. The name is lower-case, without the last dot."""

    name: str
    type: str
    source: str
    transport: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """A standing lab; see hosts.MAP for the picture."""

    client: str = "10.77.0.2"
    client6: str = "fd77::2"
    r1: str = "10.77.0.1"
    r1_6: str = "fd77::1"
    r2: str = "10.77.1.2"
    web: str = "10.77.2.10"
    web6: str = "fd77:2::10"
    target: str = "10.0.0.1"
    lossy: str = "10.77.2.20"
    dark: str = "10.77.2.66"
    silent: str = "10.77.2.67"
    dns: str = "10.77.3.53"
    dns_too: str = "10.0.0.53"
    public: str = "8.8.8.8"
    metadata: str = "169.254.169.254"
    network: str = "10.77.0.0/16"
    zone: str = "lab.internal"
    open_ports: tuple[int, ...] = (22, 80, 443)
    closed_port: int = 81
    filtered_port: int = 9999
    ca_file: Path = CA_FILE

    def queries(self, since: int = 0) -> tuple[Query, ...]:
        """All questions but the first `since`. One is written down before it is answered."""
        if not QUERY_LOG.exists():
            return ()
        lines = QUERY_LOG.read_text().splitlines()[since:]
        return tuple(Query(**json.loads(line)) for line in lines)
