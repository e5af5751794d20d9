"""Where a target's first inputs come from: what the tests have recorded, and samples of each format."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from netsonde.adapters.record import codec
from netsonde.bootstrap.settings_table import Form, Row, general_rows
from netsonde.domain.options import Option
from tests.contract.recordings import life
from tests.unit.adapters.process import test_held_packets as packets
from tests.unit.domain.asking import TOOLS
from tests.unit.domain.programs import PROGRAMS

_TESTS = Path(__file__).parents[1] / "tests"
_REPORTS = _TESTS / "unit/domain/reports"
_SEP = b"\xff"
_HOSTS = (_TESTS / "data/redteam-hosts").read_bytes()


def recordings(program: str) -> Iterator[bytes]:
    """What the program printed in the lab."""
    name = "report.xml" if program == "nmap" else "stdout"
    for path in sorted(_REPORTS.glob(f"{program}/*/{name}")):
        yield path.read_bytes()


def progress() -> Iterator[bytes]:
    """Output that tells how far a scan or a ping is."""
    for case in ("nmap/stats-every", "ping/loss"):
        yield (_REPORTS / case / "stdout").read_bytes()


def requests(program: str) -> Iterator[bytes]:
    """Requests to one tool: the red team's, and each option as its program spells it."""
    for case in _redteam():
        if case["tool"] == program:
            hosts = "".join(
                f"{address} {name}\n"
                for name, addresses in case.get("dns", {}).items()
                for address in addresses
            )
            yield _request(case["target"], case.get("extra_args", ""), hosts=hosts)
    for row in PROGRAMS[program].options:
        for value in (*row.good[:2], *row.bad[:2]):
            yield _request("10.0.0.1", f"{row.names[0]} {value}")
            yield _request("10.0.0.1", f"{row.names[-1]}={value}", setting=b"\x01\x00")
    for option in TOOLS[program].grammar.options:
        if option.key:
            yield _request("10.0.0.1", "", options={option.key: _sample(option)})
    for profile in TOOLS[program].profiles:
        yield _request("10.0.0.1", "", profile=profile)
    yield _request("foo.lab.internal", "", hosts=_HOSTS.decode())
    yield _request("a.lab.internal", "-6", setting=b"\x05", hosts="fe80::1%lo;id a.lab.internal\n")


def _request(
    target: str,
    args: str,
    *,
    setting: bytes = b"\x00",
    options: dict[str, Any] | None = None,
    profile: str = "",
    hosts: str = "",
) -> bytes:
    parts = (target, args, json.dumps(options) if options else "", profile, hosts)
    return setting + _SEP + _SEP.join(part.encode() for part in parts)


def _sample(option: Option) -> Any:
    return True if option.kind is None else 5


def batch_lines() -> Iterator[bytes]:
    """The red team's requests as `plan --batch` reads them."""
    yield from (_TESTS / "data/redteam.jsonl").read_bytes().splitlines()


def targets() -> Iterator[bytes]:
    """Targets of the red team."""
    for case in _redteam():
        yield case["target"].encode("utf-8", "surrogatepass")


def hosts() -> Iterator[bytes]:
    """Tables of names."""
    yield _HOSTS
    yield b"127.0.0.1\tlocalhost # us\n::1 localhost ip6-localhost\n\nfe80::1%eth0 router\r\n"


def settings(suffix: str) -> Iterator[bytes]:
    """A file with every setting, and one for each."""
    tree: dict[str, Any] = {}
    for row in general_rows():
        value = _value(row)
        at = tree
        for part in row.path[:-1]:
            at = at.setdefault(part, {})
        at[row.path[-1]] = value
        yield _encoded({".".join(row.path): value}, suffix)
        yield _encoded({row.path[0]: {row.path[-1]: value}}, suffix)
    tree["tools"] = {"PingTool": {"enabled": True, "timeout_sec": 5.0}}
    yield _encoded(tree, suffix)
    if suffix == ".yaml":
        yield b"a: &a {max_hosts: 5}\nsecurity: {<<: *a, allowed_networks: [10.0.0.0/8]}\n"
        yield b"--- !!map\nserver: {port: 0x1F90, host: !!str 1}\n...\n"


def variables() -> Iterator[bytes]:
    """One variable each."""
    for row in general_rows():
        yield f"{row.variable}={_text(_value(row))}".encode()
    yield b"MCP_TOOLS_PINGTOOL_ENABLED=off\0MCP_SECURITY_MAX_HOST=5\0XDG_STATE_HOME=/srv"


def tokens() -> Iterator[bytes]:
    """A file of tokens, good and bad."""
    good = '[[token]]\nname = "ops"\nsha256 = "%s"\nscopes = ["read", "execute"]\n' % ("a" * 64)
    yield good.encode()
    yield (good + 'tools = ["PingTool"]\nnetworks = ["10.1.0.0/16", "fd00::1"]\n').encode()
    yield (good + good.replace("a" * 64, "0f" * 32).replace("ops", "dev")).encode()
    yield b'token = [{name = "x", sha256 = 1, scopes = []}]\nx = 1979-05-27T07:32:00Z\n'


def json_files() -> Iterator[bytes]:
    """The files of MCP clients, and switches."""
    yield b'{\n    "mcpServers": {"a": {"command": "x", "args": ["-y"], "env": {}}}\n}\n'
    yield b'{"disabled": ["NmapTool"]}'
    yield b'\xef\xbb\xbf{"a": [1.5e3, -0, "\\ud800", null, true]}'


def mcp_lines() -> Iterator[bytes]:
    """Messages of JSON-RPC as clients send them."""
    arguments = {"target": "10.0.0.1", "extra_args": "-c 1"}
    call = {"name": "PingTool", "arguments": arguments, "_meta": {"progressToken": 1}}
    for message in (
        {"id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18"}},
        {"id": "a", "method": "tools/call", "params": call},
        {"method": "notifications/cancelled", "params": {"requestId": 1, "reason": "x"}},
        {"id": 1, "result": {}},
        {"id": 1, "error": {"code": -32600, "message": "x", "data": None}},
        {"id": None, "error": {"code": 1, "message": ""}},
    ):
        yield json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"
    yield b'{"jsonrpc": "2.0", "id": 18446744073709551616, "method": "ping"}\r\n\n[]'


def headers() -> Iterator[bytes]:
    """Requests as browsers, proxies, probes and MCP clients make them."""
    for lines in (
        "Host: netsonde.example:8080\nAuthorization: Bearer 0123456789abcdef",
        "Host: [::1]:8080\nOrigin: http://[::1]:8080\nAccept: text/plain;q=0.5, */*;q=0.1",
        "Host: localhost\nOrigin: https://ops.example\nLast-Event-ID: 12-a1",
        "Host: 10.0.0.1\nX-Forwarded-For: 1.2.3.4, [fd00::1]:80, 10.0.0.9:1\n"
        "X-Forwarded-Proto: http,https",
        "Host: a\nOrigin: null\nAccept: application/json, text/event-stream\nLast-Event-ID: 9",
        "Host: 127.0.0.1\nTraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n"
        "Tracestate: congo=t61rcWkgMzE,rojo=00f067aa0ba902b7",
    ):
        yield lines.encode()


def bodies() -> Iterator[bytes]:
    """Content-Type, Content-Length, JSON."""
    yield b'application/json\n22\n{"target": "10.0.0.1"}'
    yield b'application/problem+json; charset="utf-8"\n\n{"options": {"count": [1, {"a": null}]}}'
    yield b'text/plain\n5\n{"a": 1, "a": 2}'


def carriers() -> Iterator[bytes]:
    """Trace contexts of W3C."""
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    yield f"{parent}\na=1,b@c=2".encode()
    yield f"{parent}\n\nk=v;p=1, k2=%20v".encode()
    yield b"\n\na=b"


def rows() -> Iterator[bytes]:
    """Every kind of event of an execution, as the record keeps it."""
    for event in life("a", stdout="x\n" * 40, result={"hops": [{"ttl": 1}]}):
        encoded = codec.encode(event)
        packed = b"" if encoded.texts is None else b"\n" + codec.pack(encoded.texts)
        yield encoded.body + packed


def _redteam() -> Iterator[dict[str, Any]]:
    for line in (_TESTS / "data/redteam.jsonl").read_bytes().splitlines():
        yield msgspec.json.decode(line)


def _value(row: Row) -> Any:
    if row.default is not None and row.form is not Form.LIST:
        return row.default
    by_form = {Form.BOOLEAN: True, Form.WHOLE: 1, Form.NUMBER: 1.5, Form.LIST: ["10.0.0.0/8"]}
    return by_form.get(row.form, {} if row.form is Form.MAP else "x")


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(value)
    return value if isinstance(value, str) else json.dumps(value)


def _encoded(tree: dict[str, Any], suffix: str) -> bytes:
    match suffix:
        case ".json":
            return json.dumps(tree).encode()
        case ".yaml":
            return msgspec.yaml.encode(tree)
    return "".join(_toml(tree)).encode()


def _toml(tree: dict[str, Any]) -> Iterator[str]:
    """As much of TOML as settings need."""
    for key, value in tree.items():
        if isinstance(value, dict):
            inner = ", ".join(f"{json.dumps(k)} = {_inline(v)}" for k, v in value.items())
            yield f"{key} = {{{inner}}}\n"
        else:
            yield f"{key} = {_inline(value)}\n"


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_inline(v)}" for k, v in value.items()) + "}"
    return json.dumps(value)


def held_packets() -> Iterator[bytes]:
    """Reports of packets that were held back."""
    for protocol, packet in (
        (packets.IP, packets.TO_WEB),
        (packets.IP, packets.ETHERNET + b"\x08\x00" + packets.TO_WEB),
        (packets.IPV6, packets.TO_WEB6),
        (packets.ARP, packets.ASKS),
    ):
        yield packets.held(7, protocol, packet)
        yield protocol.to_bytes(2, "big") + packet


def socket_addresses() -> Iterator[bytes]:
    """struct sockaddr_in and sockaddr_in6."""
    for packed in (bytes(4), b"\x0a\0\0\x01"):
        yield struct.pack("=H", 2) + struct.pack("!H4s8x", 80, packed)
    for packed in (bytes(16), b"\xfe\x80" + bytes(13) + b"\1", bytes(10) + b"\xff\xff\x0a\0\0\1"):
        yield struct.pack("=H", 10) + struct.pack("!HI16sI", 80, 0, packed, 2)


def socket_messages() -> Iterator[bytes]:
    """A TTL and a hop limit as control messages; a request for routes."""
    for level, kind in ((0, 2), (41, 52), (0, 7)):
        yield struct.pack("=Qiii4x", 20, level, kind, 64)
    yield struct.pack("=IHHIIB3x", 20, 26, 0x301, 1, 0, 2)
