"""The lab holds what it promises, as seen by the real programs."""

import json
import re
import socket
import ssl
import subprocess

import pytest

from tests.contract.lab.access import Lab
from tests.contract.lab.capture import Capture, PacketsLostError

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]


def output(*argv: str, status: int = 0) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == status, done.stderr
    return done.stdout


def asked(*words: str) -> list[str]:
    return output("dig", "-r", "+short", "+time=1", "+tries=1", *words).split()


def test_there_is_no_way_out_but_through_the_lab(lab: Lab) -> None:
    assert {name for _, name in socket.if_nameindex()} == {"lo", "eth0"}
    routes = json.loads(output("ip", "-json", "route", "show", "table", "all"))
    assert {route["dev"] for route in routes} == {"lo", "eth0"}
    assert {route["gateway"] for route in routes if "gateway" in route} == {lab.r1, lab.r1_6}


def test_traceroute_sees_two_routers_in_a_row(lab: Lab) -> None:
    printed = output("traceroute", "-n", "-q1", "-w1", lab.web)
    assert re.findall(r"^ *\d+ +([\d.]+)", printed, re.MULTILINE) == [lab.r1, lab.r2, lab.web]


def test_mtr_sees_them_too(lab: Lab) -> None:
    report = json.loads(output("mtr", "-n", "--json", "-c1", "-i0.1", "-G0.5", lab.web))
    assert [hub["host"] for hub in report["report"]["hubs"]] == [lab.r1, lab.r2, lab.web]


@pytest.mark.parametrize("scan", ["-sS", "-sT"])
def test_nmap_finds_ports_open_closed_and_filtered(lab: Lab, scan: str) -> None:
    ports = [*lab.open_ports, lab.closed_port, lab.filtered_port]
    words = ["nmap", "-n", scan, "--max-retries=0", "-p", ",".join(map(str, ports)), "-oG", "-"]
    printed = output(*words, lab.web)
    assert dict(re.findall(r"(\d+)/(\w+)/tcp", printed)) == {
        **{str(port): "open" for port in lab.open_ports},
        str(lab.closed_port): "closed",
        str(lab.filtered_port): "filtered",
    }


def test_servers_answer_by_http_tls_and_a_banner(lab: Lab) -> None:
    with socket.create_connection((lab.web, 22), timeout=5) as plain:
        assert plain.makefile("rb").readline().startswith(b"SSH-2.0-")
    context = ssl.create_default_context(cafile=str(lab.ca_file))
    for port in (80, 443):
        with socket.create_connection((lab.web, port), timeout=5) as stream:
            if port == 443:
                stream = context.wrap_socket(stream, server_hostname="web.lab.internal")
            with stream:
                stream.sendall(b"GET / HTTP/1.0\r\n\r\n")
                assert stream.makefile("rb").readline() == b"HTTP/1.0 200 OK\r\n"


def test_three_of_ten_pings_to_the_lossy_host_are_lost_every_time(lab: Lab) -> None:
    for _ in range(2):
        printed = output("ping", "-n", "-c10", "-i0.01", "-W0.3", lab.lossy)
        assert "10 packets transmitted, 7 received, 30% packet loss" in printed


def test_a_dark_address_is_reported_and_a_silent_one_is_not(lab: Lab) -> None:
    said = output("ping", "-n", "-c1", "-W1", lab.dark, status=1)
    assert f"From {lab.r2} icmp_seq=1 Destination Host Unreachable" in said
    assert "errors" not in output("ping", "-n", "-c1", "-W0.3", lab.silent, status=1)


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("web.lab.internal", ["10.77.2.10"]),
        ("WEB.Lab.Internal.", ["10.77.2.10"]),
        ("foo.lab.internal", ["10.0.0.1"]),
        ("lossy.lab.internal", ["10.77.2.20"]),
        ("multi.lab.internal", ["10.77.2.10", "10.77.2.20"]),
        ("mixed.lab.internal", ["10.77.2.10", "8.8.8.8"]),
        ("pub.lab.internal", ["8.8.8.8"]),
        ("meta.lab.internal", ["169.254.169.254"]),
        ("cname.lab.internal", ["web.lab.internal.", "10.77.2.10"]),
        ("cname-out.lab.internal", ["public.example.", "8.8.8.8"]),
        ("v6.lab.internal AAAA", ["fd77:2::10"]),
        ("empty.lab.internal", []),
        ("lab.internal NS", ["dns.lab.internal."]),
        ("lab.internal MX", ["10", "mail.lab.internal."]),
        ("lab.internal CAA", ["0", "issue", '"ca.lab.internal"']),
        ("_ldap._tcp.lab.internal SRV", ["0", "5", "389", "web.lab.internal."]),
        ("-x 10.77.2.10", ["web.lab.internal."]),
        ("-x 10.0.0.1", ["foo.lab.internal."]),
        ("+tcp web.lab.internal", ["10.77.2.10"]),
        ("@10.0.0.53 web.lab.internal", ["10.77.2.10"]),
        ("@10.0.0.1 web.lab.internal", ["10.77.2.10"]),
    ],
)
def test_dig_gets(words: str, answer: list[str]) -> None:
    assert asked(*words.split()) == answer


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("web.lab.internal", "NOERROR"),
        ("empty.lab.internal", "NOERROR"),
        ("_tcp.lab.internal", "NOERROR"),
        ("missing.lab.internal", "NXDOMAIN"),
        ("servfail.lab.internal", "SERVFAIL"),
        ("www.example.org", "REFUSED"),
        ("8.8.8.8.in-addr.arpa", "REFUSED"),
    ],
)
def test_dns_status_of(name: str, status: str) -> None:
    printed = output("dig", "-r", "+time=1", "+tries=1", name)
    assert f"status: {status}," in printed


def test_a_rebinding_name_changes_with_every_question() -> None:
    turns = [asked("rebind.lab.internal") for _ in range(4)]
    assert turns[:2] == turns[2:]
    assert sorted(turns[:2]) == [["10.77.2.10"], ["8.8.8.8"]]


def test_an_answer_too_long_for_udp_comes_whole_by_tcp(lab: Lab) -> None:
    before = len(lab.queries())
    assert len(asked("many.lab.internal")) == 300
    assert [query.transport for query in lab.queries(since=before)] == ["udp", "tcp"]


def test_a_silent_name_is_asked_for_and_written_down(lab: Lab) -> None:
    before = len(lab.queries())
    output("dig", "-r", "+time=1", "+tries=1", "slow.lab.internal", "MX", status=9)
    (query,) = lab.queries(since=before)
    assert (query.name, query.type, query.source) == ("slow.lab.internal", "MX", lab.client)


def test_the_resolver_of_the_machine_is_the_lab_s(lab: Lab) -> None:
    found = socket.getaddrinfo("web.lab.internal", 80, socket.AF_INET, socket.SOCK_STREAM)
    assert [entry[4][0] for entry in found] == [lab.web]


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "9.9.9.9", "203.0.113.77", "10.9.9.9", "2001:db8::1"]
)
def test_any_other_address_is_caught_by_the_false_internet(address: str) -> None:
    assert "1 received" in output("ping", "-n", "-c1", "-W1", address)


def test_capture_counts_what_ping_sent(lab: Lab) -> None:
    with Capture("eth0") as capture:
        output("ping", "-n", "-c5", "-i0.01", "-s100", lab.web)
    pings = [packet for packet in capture.packets if packet.protocol == "icmp"]
    assert [(packet.destination, packet.source) for packet in pings] == [(lab.web, lab.client)] * 5
    assert {packet.length for packet in pings} == {14 + 20 + 8 + 100}
    assert capture.reached <= {lab.web, lab.r1}


def test_capture_counts_what_was_sent_right_before_its_end(lab: Lab) -> None:
    for count in (1, 2000):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender, Capture("eth0") as capture:
            for _ in range(count):
                sender.sendto(b"x", (lab.public, 33434))
        sent = [packet for packet in capture.packets if packet.destination == lab.public]
        assert [packet.dport for packet in sent] == [33434] * count


def test_capture_sees_neighbours_asked_for_and_ipv6(lab: Lab) -> None:
    with Capture("eth0") as capture:
        output("ping", "-n", "-c1", "-W0.2", "10.77.0.99", status=1)
        output("ping", "-n", "-c1", "-W0.2", "fd77::99", status=1)
        output("nmap", "-n", "-6", "-sT", "-Pn", "-p443", lab.web6)
    seen = {(packet.protocol, packet.destination, packet.dport) for packet in capture.packets}
    assert {
        ("arp", "10.77.0.99", None),
        ("ndp", "fd77::99", None),
        ("tcp", lab.web6, 443),
    } <= seen


def test_capture_does_not_hide_that_packets_were_lost(lab: Lab) -> None:
    capture = Capture("eth0", capacity=256)

    def send_more_than_it_holds() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender, capture:
            for _ in range(300):
                sender.sendto(b"x", (lab.public, 33434))

    with pytest.raises(PacketsLostError):
        send_more_than_it_holds()
    assert len(capture.packets) == 256
    assert capture.lost >= 44
