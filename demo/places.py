"""Where the tour goes: in the lab to real hosts behind two routers, on loopback to this machine."""

import msgspec


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Targets of the tour, and what must be seen there."""

    host: str
    neighbour: str
    name: str
    hops: int
    ports: str
    open_ports: frozenset[int]
    network: str
    too_large: str
    slow: dict[str, object]


LAB = Place(
    host="10.77.2.10",
    neighbour="10.77.2.20",
    name="web.lab.internal",
    hops=3,
    ports="80,443,8080,9999",
    open_ports=frozenset({80, 443}),
    network="10.77.2.0/28",
    too_large="10.77.0.0/16",
    slow={"target": "10.77.2.0/24", "extra_args": "-Pn -p 1-65535 --max-rate 200"},
)
LOOPBACK = Place(
    host="127.0.0.1",
    neighbour="127.0.0.2",
    name="127.0.0.1",
    hops=1,
    ports="1-1024",
    open_ports=frozenset(),
    network="127.0.0.0/30",
    too_large="127.0.0.0/8",
    slow={"target": "127.0.0.0/24", "extra_args": "-Pn -p 1-65535 --max-rate 50"},
)
