"""The guard by notified calls, on every set of layers: programs work, and nothing goes elsewhere."""

import asyncio
import json
import re
import socket
import sys
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

import pytest

from netsonde.adapters.process.egress.notified_guard import NotifiedEgress, find_notified_egress
from netsonde.adapters.process.launch_chain import BasicChain, LaunchChain
from netsonde.adapters.process.subprocess_runner import SubprocessRunner
from netsonde.application.ports import Ended, HowEnded
from netsonde.domain.layer import LayerMode
from netsonde.domain.plan import Plan
from tests.contract.egress import escapes_source
from tests.contract.egress.guarded import GuardedChain, destinations
from tests.contract.lab.access import Lab
from tests.contract.lab.capture import Capture
from tests.contract.lab_product import path_of
from tests.contract.runner.hostile_programs import plan_for, written
from tests.contract.runner.layer_sets import LAYERED, chain_of
from tests.contract.runner.leak_check import holdings, processes_naming

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]

FIRST_PORT = 20000
ALLOWED = ("10.77.2.10/32", "fd77:2::10/128")
# Each by another call that names the destination; the rest is refused without one.
TOLD = {
    **{
        name: f"{{forbidden}} {protocol} {{port}}"
        for protocol, names in {
            "tcp": "tcp_connect tcp_connect_blocking tcp_fast_open_connect mapped_tcp "
            "tcp_fast_open tcp_fast_open_by_sendmsg",
            "udp": "udp_sendto udp_connect_and_send udp_sendmsg udp_after_another_peer "
            "udp_after_disconnecting udp_unspecified_family udp_corked udp_sendmmsg "
            "udp_sendmmsg_alone device mapped ipv4_on_ipv6 many_threads flags_race "
            "not_to_be_read shared_address shared_header shared_descriptor",
        }.items()
        for name in names.split()
    },
    "ping": "{forbidden} icmp",
    "multicast": "239.1.2.3 udp {port}",
    "broadcast": "255.255.255.255 udp {port}",
    "udp_6": "fd77::1 udp {port}",
    "tcp_6": "fd77::1 tcp {port}",
    "link_local": "fe80::1%{scope} udp {port}",
    "resolver_elsewhere": "10.77.3.53 udp {port}",
}
del TOLD["device"]  # refused before it sends


@pytest.fixture(scope="module")
def guard(lab: Lab) -> NotifiedEgress:
    found = find_notified_egress()
    assert isinstance(found, NotifiedEgress), found
    return found


@pytest.fixture(params=LAYERED)
def chain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LaunchChain:
    """Every set of layers in turn."""
    return chain_of(request.param, tmp_path_factory.getbasetemp(), LayerMode.OFF)


@pytest.fixture
def base_dir(tmp_path: Path) -> Path:
    path = tmp_path / "runs"
    path.mkdir()
    return path


def run(chain: LaunchChain, base_dir: Path, plan: Plan) -> Ended:
    runner = SubprocessRunner(chain, base_dir=str(base_dir))
    before = holdings(base_dir)
    ended = asyncio.run(runner.run(plan))
    assert holdings(base_dir) == before
    return ended


PROGRAMS: dict[str, Callable[[Lab], tuple[str, ...]]] = {
    "ping": lambda lab: ("ping", "-n", "-c2", "-i0.2", lab.web),
    "ping_6": lambda lab: ("ping", "-n", "-c1", lab.web6),
    "ping_lossy": lambda lab: ("ping", "-n", "-c10", "-i0.01", "-W0.3", lab.lossy),
    "nmap": lambda lab: (
        *("nmap", "-n", "-sT", "--unprivileged", "-Pn", "--max-retries=0"),
        *("-p22,80,81,443,9999", "-oG", "-", lab.web),
    ),
    "nmap_6": lambda lab: ("nmap", "-6", "-n", "-sT", "--unprivileged", "-p22,80,81", lab.web6),
    "nmap_sV": lambda lab: ("nmap", "-n", "-sV", "--unprivileged", "-p22", lab.web),
    "traceroute": lambda lab: ("traceroute", "-n", "-q1", "-w1", lab.web),
    "traceroute_6": lambda lab: ("traceroute", "-6", "-n", "-q1", "-w1", lab.web6),
    "traceroute_icmp": lambda lab: ("traceroute", "-n", "-I", "-q1", "-w1", lab.web),
    "dig": lambda lab: ("dig", "-r", f"@{lab.dns}", "web.lab.internal", "MX", "+short"),
    "dig_tcp": lambda lab: ("dig", "-r", "+tcp", f"@{lab.dns}", "many.lab.internal", "+short"),
    "mtr": lambda lab: ("mtr", "-n", "--report", "-c1", "-i0.2", "-G0.5", lab.web),
}


def without_times(output: bytes) -> list[str]:
    """But for the times and dates, which differ from run to run."""
    text = re.sub(
        r"mdev = .*|^Start: .*|[\d.]+ ?(ms|s\b|seconds)|time [\d.]+|at \d{4}-\S+ \S+ \S+",
        "T",
        output.decode(),
        flags=re.MULTILINE,
    )
    lines = (
        re.sub(r"initiated .* as|SF-Port.*|#.*done at .*--|latency", "", line)
        for line in text.splitlines()
    )
    return [re.sub(r"( +\d+\.\d)+$", "", line) for line in lines]


@pytest.mark.parametrize(
    ("name", "chain"),
    # One set is enough for what takes seconds.
    [(name, layers) for name in PROGRAMS for layers in LAYERED if name != "nmap_sV"]
    + [("nmap_sV", "full")],
    indirect=["chain"],
)
def test_programs_give_the_same_results_under_it(
    name: str, chain: LaunchChain, guard: NotifiedEgress, lab: Lab, base_dir: Path
) -> None:
    program, *words = PROGRAMS[name](lab)
    if name == "traceroute_icmp" and isinstance(chain, BasicChain):
        pytest.skip("root there has raw sockets, by which it sees more than without: other results")
    plan = plan_for(path_of(program), *words)
    free = run(chain, base_dir, plan)
    if free.returncode:
        pytest.skip(f"without raw sockets it doesn't work here: {free.stderr.data.decode()}")
    guarded = GuardedChain(
        chain, guard, destinations(*ALLOWED, f"{lab.lossy}/32", resolvers=(lab.dns,))
    )
    held = run(guarded, base_dir, plan)
    assert (held.how, held.returncode) == (HowEnded.EXITED, 0), held
    assert without_times(held.stdout.data) == without_times(free.stdout.data)
    assert held.stderr.data == free.stderr.data
    assert guarded.told == []


def test_a_hostile_program_sends_nothing_elsewhere_by_any_way(
    chain: LaunchChain, guard: NotifiedEgress, lab: Lab, base_dir: Path, tmp_path: Path
) -> None:
    program = written(tmp_path, "escapes", f"#!{sys.executable} -IS\n{escapes_source()}")
    guarded = GuardedChain(chain, guard, destinations(*ALLOWED, resolvers=(lab.dns,)))
    plan = plan_for(program, lab.web, lab.public, str(FIRST_PORT), timeout_s=60)
    with Capture() as sent, Capture("lo") as inside:
        ended = run(guarded, base_dir, plan)
    assert ended.returncode == 0, ended.stderr.data.decode()
    outcomes = json.loads(ended.stdout.data)
    assert [name for name, said in outcomes.items() if said == "done"] == []
    allowed = destinations(*ALLOWED).networks
    # Who carries what is sent to the web: the kernel asks for it, and answers it, when it likes.
    neighbours = set(map(ip_address, (lab.r1, lab.r1_6, "fe80::1")))
    elsewhere = [
        packet
        for packet in (*sent.packets, *inside.packets)
        if not any(ip_address(packet.destination) in network for network in allowed)
        and not (
            packet.protocol in ("arp", "ndp", "icmp6")
            and ip_address(packet.destination) in neighbours
        )
    ]
    assert elsewhere == []
    assert {packet.destination for packet in sent.packets} >= {lab.web}
    place = {"forbidden": lab.public, "scope": socket.if_nametoindex("eth0")}
    ports = {name: FIRST_PORT + offset for offset, name in enumerate(outcomes)}
    expected = {text.format(port=ports[name], **place) for name, text in TOLD.items()}
    # What a socket was when its descriptor was taken is chance, and so is what is told of it.
    swapped = {
        f"{host} {protocol} {ports['shared_descriptor']}"
        for host in (lab.public, lab.dns)
        for protocol in ("tcp", "udp")
    }
    assert expected <= set(guarded.told) <= expected | swapped
    assert processes_naming(str(tmp_path)) == {}
