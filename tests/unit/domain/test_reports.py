"""Reports are read from recorded real output (`reports/<program>/<case>/`), cut and damaged too.

A case is a folder: `argv.txt` (a word a line), `stdout`, `returncode` (negative: killed by that
signal), `report.xml` for nmap, `expected.json` (null: nothing can be read). `reports/record.py`
makes them again; a new case needs no code.
"""

import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsonde.domain.reports import dig, fields, mtr, nmap, ping, traceroute

RECORDINGS = Path(__file__).parent / "reports"
CASES = sorted(path.parent for path in RECORDINGS.glob("*/*/argv.txt"))
PROGRAMS: dict[str, ModuleType] = {
    "dig": dig,
    "mtr": mtr,
    "nmap": nmap,
    "ping": ping,
    "traceroute": traceroute,
}
HOST_KEYS = {"address", "hostname", "state", "reason", "mac", "latency_ms", "ports", "os", "trace"}
PORT_KEYS = {"port", "protocol", "state", "reason", "service", "product", "version", "scripts"}

Reader = Callable[[bytes], dict[str, Any] | None]


def name_of(case: Path) -> str:
    return f"{case.parent.name}/{case.name}"


def source_of(case: Path) -> bytes:
    """What the parser of this program reads: its report if it writes one, else its stdout."""
    return (case / ("report.xml" if case.parent.name == "nmap" else "stdout")).read_bytes()


def reader_of(program: str, complete: bool = True) -> Reader:
    parse = PROGRAMS[program].parse
    if program == "nmap":
        return lambda data: parse(b"", data, complete)
    return lambda data: parse(data, b"", complete)


def rows_of(result: dict[str, Any]) -> Iterator[str]:
    """Each thing that was measured, apart from the rest, in a form that can be looked up."""
    for host in result.get("hosts", ()):
        yield f"host {host['address']}"
        for port in host["ports"]:
            yield f"port {host['address']} {json.dumps(port)}"
    for hop in result.get("hops", ()):
        if "probes" not in hop:
            yield f"hop {hop}"
        for place, probe in enumerate(hop.get("probes", ())):
            yield f"probe {hop['ttl']} {place} {probe['address']} {probe['rtt_ms']}"
    for key in ("replies", "errors", "answers", "authority", "additional"):
        for row in result.get(key, ()):
            yield f"{key} {row}"


def assert_plain(value: Any) -> None:
    """Nothing but JSON, of bounded text without control characters."""
    json.dumps(value, allow_nan=False).encode("ascii")
    if isinstance(value, dict):
        for member in value.values():
            assert_plain(member)
    elif isinstance(value, list):
        for member in value:
            assert_plain(member)
    elif isinstance(value, str):
        assert len(value) <= fields.MAX_TEXT
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", value)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_a_recording_is_read_as_expected(case: Path) -> None:
    report = case / "report.xml"
    seen = PROGRAMS[case.parent.name].parse(
        (case / "stdout").read_bytes(),
        report.read_bytes() if report.exists() else b"",
        int((case / "returncode").read_text()) >= 0,
    )
    assert seen == json.loads((case / "expected.json").read_text())


def test_every_recording_can_be_made_again() -> None:
    listed = re.findall(r"^(\w+/\S+) ", (RECORDINGS / "cases.txt").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(map(name_of, CASES))


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_a_report_cut_anywhere_is_marked_and_invents_nothing(case: Path) -> None:
    read, data = reader_of(case.parent.name), source_of(case)
    whole = read(data)
    known = set(rows_of(whole)) if whole else set()
    for end in range(0, len(data), 1 + len(data) // 1500):
        cut = read(data[:end])
        if cut is None:
            continue
        # dig's sections can each be switched off: a text that ends with a line may be all of it.
        may_be_whole = case.parent.name == "dig" and data[:end].endswith(b"\n")
        assert cut.get("partial") or cut == whole or may_be_whole
        assert whole is None or set(rows_of(cut)) <= known
        assert_plain(cut)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_the_report_of_a_killed_program_is_partial(case: Path) -> None:
    read = reader_of(case.parent.name, complete=False)
    seen = read(source_of(case))
    assert seen is None or seen["partial"] is True


@pytest.mark.parametrize("program", sorted(PROGRAMS))
@settings(deadline=None)
@given(data=st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
def test_no_bytes_make_a_reader_raise(program: str, data: bytes) -> None:
    assert_plain(reader_of(program)(data))


@pytest.mark.parametrize("program", sorted(PROGRAMS))
@settings(max_examples=300, deadline=None)
@given(seed=st.integers(min_value=0, max_value=2**32), changes=st.integers(1, 12))
def test_no_damage_to_a_recording_makes_a_reader_raise(
    program: str, seed: int, changes: int
) -> None:
    chance = random.Random(seed)
    cases = [case for case in CASES if case.parent.name == program]
    data = bytearray(source_of(chance.choice(cases)))
    for _ in range(changes):
        here, there = sorted(chance.randrange(len(data) + 1) for _ in range(2))
        match chance.randrange(5):
            case 0:
                data[here : here + 1] = chance.randbytes(1)
            case 1:
                del data[here : min(there, here + 40)]
            case 2:
                data[here:here] = data[here:there][:200]
            case 3:
                data[here:here] = chance.choice([b"\n", b"\xff", b'"', b"9" * 5000, b"\0", b"\t"])
            case _:
                data[here:here] = source_of(chance.choice(cases))[:200]
    seen = reader_of(program)(bytes(data))
    assert_plain(seen)


@pytest.mark.parametrize("program", sorted(PROGRAMS))
def test_nothing_in_gives_nothing_out(program: str) -> None:
    assert reader_of(program)(b"") is None
    assert reader_of(program, complete=False)(b"") is None


def test_the_shapes_are_those_of_the_contract() -> None:
    def whole(case: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((RECORDINGS / case / "expected.json").read_text())
        return found

    host = whole("nmap/syn")["hosts"][0]
    assert host.keys() >= HOST_KEYS
    assert host["ports"][0].keys() == PORT_KEYS
    assert whole("ping/success").keys() >= {
        *("sent", "received", "loss_percent", "duplicates", "replies"),
        *("rtt_min_ms", "rtt_avg_ms", "rtt_max_ms", "rtt_mdev_ms"),
    }
    assert whole("ping/success")["replies"][0].keys() == {"seq", "ttl", "rtt_ms"}
    trace = whole("traceroute/udp")
    assert trace.keys() == {"hops", "reached"}
    assert trace["hops"][0].keys() == {"ttl", "probes"}
    assert trace["hops"][0]["probes"][0].keys() == {"address", "hostname", "rtt_ms", "annotation"}
    assert whole("mtr/success")["hops"][0].keys() >= {
        *("ttl", "address", "loss_percent", "sent"),
        *("last_ms", "avg_ms", "best_ms", "worst_ms", "stdev_ms"),
    }
    answer = whole("dig/a")
    assert answer.keys() >= {
        *("status", "flags", "answers", "authority", "additional", "server", "query_time_ms"),
    }
    assert answer["answers"][0].keys() == {"name", "ttl", "type", "data"}


@pytest.mark.parametrize(
    "prologue",
    [
        b'<!DOCTYPE nmaprun [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>',
        b'<!DOCTYPE nmaprun [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        b'<!DOCTYPE nmaprun [<!ENTITY % p SYSTEM "http://192.0.2.1/x"> %p;]>',
        b'<!DOCTYPE nmaprun [<!ATTLIST host timedout CDATA "true">]>',
    ],
)
def test_a_report_with_declarations_of_its_own_is_refused(prologue: bytes) -> None:
    text = prologue + b'<nmaprun><host><address addr="&x;" addrtype="ipv4"/></host></nmaprun>'
    assert nmap.parse(b"", text) is None


def test_of_an_unfinished_host_the_finished_ports_are_given() -> None:
    whole = (RECORDINGS / "nmap/version/report.xml").read_bytes()
    seen = nmap.parse(b"", whole[: whole.index(b"cpe:/a:")])
    assert seen and seen["partial"]
    assert [port["port"] for port in seen["hosts"][0]["ports"]] == [22]


def test_an_undeclared_entity_ends_the_reading() -> None:
    text = (
        b'<nmaprun><host><address addr="10.0.0.1" addrtype="ipv4"/></host>'
        b'<host><address addr="&x;" addrtype="ipv4"/></host></nmaprun>'
    )
    seen = nmap.parse(b"", text)
    assert seen and seen["partial"] and [h["address"] for h in seen["hosts"]] == ["10.0.0.1"]


def test_what_goes_beyond_a_bound_is_left_out_and_said() -> None:
    host = b'<host><address addr="10.0.0.1" addrtype="ipv4"/></host>'
    end = b'<runstats><finished elapsed="1" exit="success"/></runstats></nmaprun>'
    many = nmap.parse(b"", b"<nmaprun>" + host * (nmap.MAX_HOSTS + 1) + end)
    assert many and len(many["hosts"]) == nmap.MAX_HOSTS and many["partial"]

    reply = b"64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=1.0 ms\n"
    end = b"1 packets transmitted, 1 received, 0% packet loss\nrtt min/avg/max/mdev = 1/1/1/0 ms\n"
    flood = ping.parse(reply * (ping.MAX_REPLIES + 1) + end)
    assert flood and len(flood["replies"]) == ping.MAX_REPLIES and flood["partial"]

    answers = dig.parse(b"a.\t1\tIN\tA\t10.0.0.1\n" * (dig.MAX_RECORDS + 1))
    assert answers and len(answers["answers"]) == dig.MAX_RECORDS and answers["partial"]

    long = dig.parse(b'a.\t1\tIN\tTXT\t"' + b"x" * 60_000 + b'"\n')
    assert long and len(long["answers"][0]["data"]) == fields.MAX_TEXT
    assert long["answers"][0]["data"].endswith("…")

    hubs = mtr.parse(json.dumps({"report": {"hubs": [{"count": 1, "host": "???"}] * 300}}).encode())
    assert hubs and len(hubs["hops"]) == mtr.MAX_HOPS and hubs["partial"]

    start = b"traceroute to 10.0.0.1 (10.0.0.1), 1 hops max, 60 byte packets\n"
    hops = traceroute.parse(start + b" 1  * * *\n" * 300)
    assert hops and len(hops["hops"]) == traceroute.MAX_HOPS and hops["partial"]


@pytest.mark.parametrize(
    ("program", "data"),
    [
        ("dig", b'"' + b"\\" * 1_000_000 + b"\n"),
        ("dig", b"(" * 1_000_000 + b"\n"),
        ("dig", b"(\n" * 500_000),
        ("dig", b'a.\t1\tIN\tTXT\t"' + b'" "' * 300_000 + b"\n"),
        ("dig", b"a" * 1_000_000 + b"\n"),
        ("dig", b"a " * 500_000 + b"\n"),
        ("dig", b";; SERVER: " + b"a" * 1_000_000 + b"\n"),
        ("mtr", b"[" * 1_000_000),
        ("mtr", b'{"report":{"hubs":[' + b'{"a":' * 150_000),
        ("mtr", b'{"report":{"hubs":[' + b"{} " * 300_000),
        ("mtr", b'{"report":{"hubs":[' + b"9" * 1_000_000),
        ("mtr", b'"report"' + b'"hubs" ' * 140_000),
        ("nmap", b"<nmaprun>" + b"<a>" * 300_000),
        ("nmap", b"<nmaprun><host " + b"a" * 1_000_000),
        ("nmap", b"<nmaprun>" + b"<host><address addr='1'/>" * 40_000),
        ("ping", b"64 bytes from " + b": icmp_seq=" * 90_000 + b"\n"),
        ("ping", (b"64 bytes from " + b": icmp_seq=" * 30 + b"\n") * 3000),
        ("ping", b"PING " + b"1" * 1_000_000 + b"\n"),
        ("traceroute", b"traceroute to a (b), 30 hops max\n 1  " + b"1 ms " * 200_000),
        ("traceroute", b"traceroute to a (b), 30 hops max\n" + b" 1  " + b"!H " * 300_000 + b"\n"),
    ],
)
def test_a_mebibyte_of_malice_is_read_in_no_time(program: str, data: bytes) -> None:
    assert_plain(reader_of(program)(data))


@pytest.mark.parametrize(
    ("line", "percent"),
    [
        ("SYN Stealth Scan Timing: About 45.00% done; ETC: 12:00 (0:00:03 remaining)", 45.0),
        ("Ping Scan Timing: About 100.00% done; ETC: 12:00 (0:00:00 remaining)", 100.0),
        ("Service scan Timing: About 0.00% done", 0.0),
        ("Stats: 0:00:03 elapsed; 0 hosts completed (1 up), 1 undergoing Ping Scan", None),
        ("80/tcp open http", None),
        ("", None),
        ("Timing: About 999.99% done", 100.0),
    ],
)
def test_the_progress_of_a_scan_is_read_from_its_statistics(
    line: str, percent: float | None
) -> None:
    assert nmap.progress(line) == percent


def test_a_recorded_scan_comes_forward() -> None:
    text = (RECORDINGS / "nmap/stats-every/stdout").read_text()
    steps = [step for step in map(nmap.progress, text.splitlines()) if step is not None]
    assert len(steps) > 2 and steps == sorted(steps)


@pytest.mark.parametrize(
    ("line", "count", "percent"),
    [
        ("64 bytes from 10.0.0.1: icmp_seq=3 ttl=64 time=0.1 ms", 4, 75.0),
        ("From 10.0.0.2 icmp_seq=4 Destination Host Unreachable", 4, 100.0),
        ("no answer yet for icmp_seq=1", 4, 25.0),
        ("64 bytes from 10.0.0.1: icmp_seq=9 ttl=64 time=0.1 ms", 4, 100.0),
        ("64 bytes from 10.0.0.1: icmp_seq=3 ttl=64 time=0.1 ms", 0, None),
        ("PING 10.0.0.1 (10.0.0.1) 56(84) bytes of data.", 4, None),
    ],
)
def test_the_progress_of_a_ping_is_its_last_number(
    line: str, count: int, percent: float | None
) -> None:
    assert ping.progress(line, count) == percent


def test_the_destination_counts_as_reached_unless_it_says_otherwise() -> None:
    start = b"traceroute to 10.0.0.9 (10.0.0.9), 30 hops max, 60 byte packets\n 1  "

    def reached(hop: bytes) -> bool:
        seen = traceroute.parse(start + hop + b"\n")
        assert seen and "partial" not in seen
        return bool(seen["reached"])

    assert reached(b"10.0.0.9  1.0 ms")
    assert reached(b"10.0.0.9  1.0 ms !X")
    assert reached(b"* 10.0.0.9  1.0 ms !P *")
    assert not reached(b"10.0.0.9  1.0 ms !H  1.1 ms !H")
    assert not reached(b"10.0.0.1  1.0 ms !N")


def test_a_hop_that_was_cut_at_its_only_mark_has_no_probes() -> None:
    start = b"traceroute to 10.0.0.9 (10.0.0.9), 30 hops max, 60 byte packets\n 1  "
    for mark in (b"F=1", b"!", b"!F-14", b"!<"):
        assert traceroute.parse(start + mark) == {"hops": [], "reached": False, "partial": True}


def test_text_from_the_network_loses_its_control_characters() -> None:
    text = (
        b'<nmaprun><host><address addr="10.0.0.1" addrtype="ipv4"/><hostnames>'
        b'<hostname name="a&#x9b;31m&#13;b&#127;"/></hostnames></host></nmaprun>'
    )
    seen = nmap.parse(b"", text)
    assert seen and seen["hosts"][0]["hostname"] == "a31mb"
