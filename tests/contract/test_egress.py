"""No packet leaves for an address that the plan doesn't name, however it is sent, whoever sends it.

Packets are captured beside the executions. NETSONDE_TRIES says how many generated plans and hostile
attempts are run in all (60 unless set).
"""

import asyncio
import ctypes
import fcntl
import gc
import os
import random
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import msgspec
import pytest

from netsonde.adapters.process.egress import netfilter
from netsonde.adapters.process.egress.guard import Destinations
from netsonde.adapters.process.egress.held_packets import HeldPackets
from netsonde.adapters.process.egress.nft_guard import NftablesEgress
from netsonde.adapters.process.find_chain import Wanted, find_chain
from netsonde.adapters.process.subprocess_runner import SubprocessRunner
from netsonde.adapters.programs import InstalledPrograms
from netsonde.application.ports import Ended, HowEnded
from netsonde.domain.execution import Status
from netsonde.domain.layer import LayerMode
from netsonde.domain.plan import Plan
from netsonde.domain.planning import Allowed
from tests.contract.hostile import sender
from tests.contract.lab.access import Lab
from tests.contract.lab.capture import Capture
from tests.contract.lab_product import WITH_IPV6, path_of, product, sent_beyond
from tests.contract.runner.hostile_programs import plan_for
from tests.contract.runner.layer_sets import readable

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]
TRIES = int(os.environ.get("NETSONDE_TRIES", "60"))

# What another layer refuses before it comes to packets.
BY_SECCOMP = {"membership", "membership6", "old_packet_socket"}
# The kernel sends it in nobody's name, so that the guard alone can't tell whose it is.
BY_SECCOMP_ALONE = {"membership", "membership6"}
# Refused, and therefore not told: the kernel for want of a capability, the guard's own filter.
CLOSED = {
    "netlink": b"EPERM\n",
    "ring": b"EPERM\n",
    "changing_ring": b"EPERM\n",
    "checksum": b"EPERM\n",
    "xdp": b"EAFNOSUPPORT\n",
    "multipath": b"EPROTONOSUPPORT\n",
}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the hostile program, which may be read."""
    directory = tmp_path_factory.mktemp("sender")
    text = Path(str(sender.__file__)).read_text()
    program = directory / "sender.py"
    program.write_text(f"#!{Path(sys.executable).resolve()} -IS\n{text}")
    program.chmod(0o755)
    return directory


@pytest.fixture(scope="module", params=["alone", "full"])
def runner(request: pytest.FixtureRequest, directory: Path) -> SubprocessRunner:
    """With the guard and nothing else but capabilities, and with every layer there is."""
    off = LayerMode.OFF if request.param == "alone" else LayerMode.AUTO
    wanted = Wanted(
        readable=readable(directory), pid_namespace=off, filesystem=off, seccomp=off, cgroup=off
    )
    chain = find_chain(InstalledPrograms(), wanted)
    (layer,) = (layer for layer in chain.layers() if layer.name == "egress")
    if not layer.active:
        pytest.skip(layer.reason)
    return SubprocessRunner(chain)


def run(runner: SubprocessRunner, *argv: str, to: tuple[str, ...], raw: bool = True) -> Ended:
    return asyncio.run(runner.run(plan_for(*argv, addresses=to, needs_raw_sockets=raw)))


def attempt(directory: Path, way: str, to: str, port: int, permitted: str) -> tuple[str, ...]:
    return (str(directory / "sender.py"), way, to, str(port), "eth0", permitted)


@contextmanager
def nothing_beyond(*named: str) -> Iterator[Capture]:
    with Capture("eth0") as capture, Capture("lo") as loopback:
        yield capture
    assert sent_beyond(capture, *named) == set()
    assert sent_beyond(loopback, *named) == set()


@pytest.mark.parametrize("way", sender.WAYS)
def test_whichever_way_it_is_sent_nothing_gets_out_and_the_execution_ends(
    way: str, runner: SubprocessRunner, directory: Path, lab: Lab, request: pytest.FixtureRequest
) -> None:
    layers = request.node.callspec.params["runner"]
    if way in BY_SECCOMP_ALONE and layers == "alone":
        pytest.skip("seccomp stops it, and nothing else")
    with nothing_beyond(lab.web):
        ended = run(runner, *attempt(directory, way, lab.public, 9, lab.web), to=(lab.web,))
    if way in CLOSED:
        assert (ended.how, ended.stdout.data) == (HowEnded.EXITED, CLOSED[way])
    elif way in BY_SECCOMP and layers == "full":
        assert ended.how is HowEnded.EXITED
        assert ended.stdout.data == b"EPERM\n"
    else:
        assert ended.how is HowEnded.VIOLATED
        assert ended.reason


@contextmanager
def slow_and_plain(device: str) -> Iterator[None]:
    """A device that lets frames wait, and leaves checksums to the kernel."""
    tc, slow = path_of("tc"), ("tbf", "rate", "8kbit", "burst", "1100", "limit", "10000")
    subprocess.run((tc, "qdisc", "add", "dev", device, "root", *slow), check=True)
    _set_checksums(device, on=False)
    try:
        yield
    finally:
        _set_checksums(device, on=True)
        subprocess.run((tc, "qdisc", "del", "dev", device, "root"), check=True)


def _set_checksums(device: str, *, on: bool) -> None:
    """ETHTOOL_STXCSUM, by SIOCETHTOOL (netdevice(7))."""
    value = ctypes.create_string_buffer(struct.pack("=II", 0x17, on))
    request = struct.pack("16sQ16x", device.encode(), ctypes.addressof(value))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        fcntl.ioctl(asking, 0x8946, request)


@pytest.mark.parametrize(("way", "to"), [("changing_ring", "8.8.8.8"), ("checksum", "10.77.9.9")])
def test_a_frame_is_still_what_was_judged_when_it_is_sent(
    way: str, to: str, runner: SubprocessRunner, directory: Path, lab: Lab
) -> None:
    with slow_and_plain("eth0"), nothing_beyond(lab.web):
        run(runner, *attempt(directory, way, to, 9, lab.web), to=(lab.web,))


def test_what_is_named_is_reached(runner: SubprocessRunner, directory: Path, lab: Lab) -> None:
    for way in ("udp", "tcp", "raw", "frame", "mapped", "thread", "descendant"):
        words = attempt(directory, way, lab.web, 9, lab.r1)
        ended = run(runner, *words, to=(lab.web, lab.r1))
        assert (ended.how, ended.stdout.data, ended.reason) == (HowEnded.EXITED, b"sent\n", "")
    for way, to in (("ipv6_udp", lab.r1_6), ("ipv6_raw", lab.r1_6), ("frame6", "fd77::/64")):
        ended = run(runner, *attempt(directory, way, lab.web, 9, lab.r1), to=(to,))
        assert (ended.how, ended.stdout.data, ended.reason) == (HowEnded.EXITED, b"sent\n", "")


def test_a_route_by_way_of_what_is_named_is_none(
    runner: SubprocessRunner, directory: Path, lab: Lab
) -> None:
    named = (lab.web, lab.r1_6)
    told = {
        "source_route": f"{lab.web} udp 99",
        "raw_source_route": f"{lab.web} udp",
        "malformed_source_route": f"{lab.web} udp",
        "source_route_in_frame": f"{lab.web} udp",
        "fragmented_routing_header": f"{lab.r1_6} protocol 44",
        "routing_header": f"{lab.r1_6} protocol 43",
    }
    for way, destination in told.items():
        with nothing_beyond(*named) as capture:
            ended = run(runner, *attempt(directory, way, lab.public, 99, lab.web), to=named)
        assert ended.how is HowEnded.VIOLATED
        assert ended.reason.startswith(destination)
        assert not [packet for packet in capture.packets if packet.protocol not in ("arp", "ndp")]


def test_options_and_headers_that_name_nobody_pass(runner: SubprocessRunner, lab: Lab) -> None:
    for options in (("-R",), ("-T", "tsonly"), ("-T", "tsandaddr")):
        pinged = run(runner, path_of("ping"), "-nc", "1", *options, lab.web, to=(lab.web,))
        assert (pinged.how, pinged.returncode) == (HowEnded.EXITED, 0)
    large = run(runner, path_of("ping"), "-nc", "1", "-s", "4000", lab.web6, to=(lab.web6,))
    assert (large.how, large.returncode) == (HowEnded.EXITED, 0)


def test_the_routing_header_in_nmaps_probes_is_none(lab: Lab) -> None:
    members = {"target": lab.web6, "extra_args": "-6 -O -Pn -p 22,80,81"}
    output = asyncio.run(product(WITH_IPV6).execute("NmapTool", members))
    assert (output.status, output.error) == (Status.SUCCESS, None)


def test_where_it_went_and_how_is_told(runner: SubprocessRunner, directory: Path, lab: Lab) -> None:
    told = {
        "udp": "8.8.8.8 udp 99",
        "tcp": "8.8.8.8 tcp 99",
        "icmp": "8.8.8.8 icmp",
        "ipv6_udp": "fd77::1 udp 99",
        "arp": "arp 10.77.0.77",
        "frame": "8.8.8.8 udp 29811",
        "other_ethertype": "frame 0x88cc",
    }
    for way, destination in told.items():
        ended = run(runner, *attempt(directory, way, lab.public, 99, lab.web), to=(lab.web,))
        assert (ended.how, ended.reason) == (HowEnded.VIOLATED, destination)


def test_resolvers_are_asked_at_their_port_only_and_by_plans_that_say_so(
    runner: SubprocessRunner, directory: Path, lab: Lab
) -> None:
    def asked(port: int, asks_resolver: bool) -> HowEnded:
        words = attempt(directory, "udp", lab.dns, port, lab.web)
        plan = plan_for(*words, addresses=(lab.web,))
        plan = msgspec.structs.replace(plan, asks_resolver=asks_resolver)
        return asyncio.run(runner.run(plan)).how

    assert asked(53, True) is HowEnded.EXITED
    assert asked(853, True) is HowEnded.EXITED
    assert asked(54, True) is HowEnded.VIOLATED
    assert asked(53, False) is HowEnded.VIOLATED


def test_a_network_and_an_address_in_it_are_one_destination(
    runner: SubprocessRunner, directory: Path, lab: Lab
) -> None:
    words = attempt(directory, "udp", lab.web, 9, lab.web)
    for to in (("10.77.2.0/24", lab.web), (lab.web, "10.0.0.0/8", "10.77.2.0/24")):
        assert run(runner, *words, to=to).how is HowEnded.EXITED


def test_many_at_once_are_held_to_their_own_destinations(
    runner: SubprocessRunner, directory: Path, lab: Lab
) -> None:
    targets = (lab.web, lab.r1, lab.r2, lab.lossy)

    async def one(number: int) -> HowEnded:
        to, named = targets[number % 4], targets[(number // 4) % 4]
        plan = plan_for(*attempt(directory, "udp", to, 9, named), addresses=(named,))
        ended = await runner.run(plan)
        assert ended.reason in ("", f"{to} udp 9")
        return ended.how

    async def scene() -> list[HowEnded]:
        return await asyncio.gather(*map(one, range(32)))

    expected = [
        HowEnded.EXITED if number % 4 == (number // 4) % 4 else HowEnded.VIOLATED
        for number in range(32)
    ]
    assert asyncio.run(scene()) == expected


@contextmanager
def late_device() -> Iterator[None]:
    """late0, which is up, and nothing else sends by it."""
    ip = path_of("ip")
    pair = ("name", "late0", "type", "veth", "peer", "name", "late1")
    subprocess.run((ip, "link", "add", *pair), check=True)
    try:
        for end in ("late1", "late0"):
            subprocess.run((ip, "link", "set", end, "addrgenmode", "none", "up"), check=True)
        yield
    finally:
        subprocess.run((ip, "link", "del", "late0"), check=True)


def test_a_device_that_comes_later_is_watched_too(
    runner: SubprocessRunner, directory: Path, lab: Lab
) -> None:
    with late_device(), Capture("late0") as capture:
        words = (str(directory / "sender.py"), "frame", lab.public, "9", "late0", lab.web)
        assert run(runner, *words, to=(lab.web,)).how is HowEnded.VIOLATED
    assert not capture.packets
    assert run(runner, *attempt(directory, "udp", lab.web, 9, lab.web), to=(lab.web,)).reason == ""


def test_a_device_that_comes_while_something_runs_is_watched_too(
    runner: SubprocessRunner, directory: Path, lab: Lab
) -> None:
    words = (str(directory / "sender.py"), "late_frame", lab.public, "9", "late0", lab.web)

    async def scene() -> Ended:
        plan = plan_for(*words, addresses=(lab.web,), needs_raw_sockets=True)
        begun = asyncio.Event()
        running = asyncio.create_task(runner.run(plan, lambda _: begun.set()))
        await asyncio.wait_for(begun.wait(), 10)
        with late_device():
            return await running

    ended = asyncio.run(scene())
    assert (ended.how, ended.reason) == (HowEnded.VIOLATED, f"{lab.public} udp 29811")


def test_others_packets_are_let_alone(runner: SubprocessRunner, lab: Lab) -> None:
    pinged = subprocess.run(
        (path_of("ping"), "-n", "-c", "1", "-W", "5", lab.public), capture_output=True, check=False
    )
    assert pinged.returncode == 0, pinged


def table_names() -> set[str]:
    listed = subprocess.run((path_of("nft"), "list", "tables"), capture_output=True, check=True)
    return {line for line in listed.stdout.decode().splitlines() if "netsonde" in line}


def test_afterwards_nothing_is_allowed_any_more(lab: Lab) -> None:
    gc.collect()
    guard = NftablesEgress(path_of("nft"))
    named = ("10.0.0.0/8", lab.web, "fd77::/16", lab.web6)
    resolvers = tuple(map(ip_address, (lab.dns, lab.web6)))

    async def scene(rounds: int) -> None:
        for count in range(rounds):
            networks = tuple(map(ip_network, named[count % 4 :]))
            with guard.held(Destinations(networks=networks, resolvers=resolvers), print):
                pass

    asyncio.run(scene(8))
    for kind in ("inet", "netdev"):
        words = (path_of("nft"), "list", "table", kind, f"netsonde_{guard._groups.numbers[0]}")
        listed = subprocess.run(words, capture_output=True, check=True)
        assert b"elements" not in listed.stdout
    asyncio.run(scene(1100))  # more than there are group numbers: each was given back
    guard.close()


def test_rights_that_cannot_be_withdrawn_are_told_and_their_number_is_not_used_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    guard = NftablesEgress(path_of("nft"))
    destinations = Destinations(networks=(ip_network("10.0.0.1"),))

    gone = netfilter.without_table(netfilter.Family.INET, f"netsonde_{guard._groups.numbers[0]}")

    async def scene(*changes: bytes) -> None:
        with guard.held(destinations, print), netfilter.opened() as netlink:
            for change in changes:
                netfilter.change_filters(netlink, [change])

    asyncio.run(scene(gone))  # and nothing is awaited in which it could be put right
    assert [record.getMessage() for record in caplog.records] == ["egress.not_withdrawn"]
    assert guard._groups.numbers[0] not in guard._groups._free
    asyncio.run(scene())
    assert guard.trial() is None
    guard.close()


def test_servers_side_by_side_have_rules_of_their_own_which_go_with_them() -> None:
    gc.collect()  # the guards of earlier tests
    before = table_names()
    first, second = NftablesEgress(path_of("nft")), NftablesEgress(path_of("nft"))
    assert len(table_names() - before) == 4
    assert first.trial() is second.trial() is None
    first.close()
    assert len(table_names() - before) == 2
    del second
    gc.collect()
    assert table_names() == before


def test_what_a_killed_server_left_is_taken_over_by_the_next() -> None:
    gc.collect()
    before = table_names()
    script = (
        "from netsonde.adapters.process.egress.nft_guard import NftablesEgress\n"
        f"guard = NftablesEgress({path_of('nft')!r})\nprint(flush=True)\ninput()"
    )
    doomed = subprocess.Popen(
        (sys.executable, "-c", script), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert doomed.stdout is not None and doomed.stdin is not None
    with doomed.stdin, doomed.stdout:
        doomed.stdout.readline()
        doomed.send_signal(signal.SIGKILL)
        doomed.wait()
    left = table_names() - before
    assert len(left) == 2
    heir = NftablesEgress(path_of("nft"))
    assert heir.trial() is None
    assert table_names() - before == left
    heir.close()
    assert table_names() == before


def test_a_firewall_that_is_loaded_anew_takes_the_rules_away_for_milliseconds_only(
    runner: SubprocessRunner, directory: Path, lab: Lab
) -> None:
    """The execution that runs meanwhile goes on within its plan, and not beyond."""
    words = attempt(directory, "patience", lab.public, 9, lab.web)

    async def scene() -> Ended:
        flushed: list[asyncio.Future[int]] = []

        def flush(_: bytes) -> None:
            if not flushed:
                nft = asyncio.create_subprocess_exec(path_of("nft"), "flush", "ruleset")
                flushed.append(asyncio.ensure_future(waited(nft)))

        ended = await runner.run(plan_for(*words, addresses=(lab.web,)), flush)
        assert await flushed[0] == 0
        return ended

    with nothing_beyond(lab.web):
        ended = asyncio.run(scene())
    assert (ended.how, ended.reason) == (HowEnded.VIOLATED, f"{lab.public} udp 9")
    assert run(runner, *attempt(directory, "udp", lab.web, 9, lab.web), to=(lab.web,)).reason == ""


async def waited(starting: Coroutine[Any, Any, asyncio.subprocess.Process]) -> int:
    return await (await starting).wait()


def test_a_device_that_cannot_be_watched_ends_what_runs_and_keeps_the_next_from_its_start(
    runner: SubprocessRunner, directory: Path, lab: Lab
) -> None:
    ip, odd = path_of("ip"), 'odd"0'  # nft has no word for it
    words = attempt(directory, "patience", lab.public, 9, lab.web)

    async def scene() -> tuple[Ended, int]:
        added: list[asyncio.Future[int]] = []

        def add(_: bytes) -> None:
            if not added:
                pair = ("name", odd, "type", "veth", "peer", "name", "odd1")
                starting = asyncio.create_subprocess_exec(ip, "link", "add", *pair)
                added.append(asyncio.ensure_future(waited(starting)))

        ended = await runner.run(plan_for(*words, addresses=(lab.web,)), add)
        return ended, await added[0]

    udp = attempt(directory, "udp", lab.web, 9, lab.web)
    try:
        ended, status = asyncio.run(scene())
        assert status == 0
        assert ended.how is HowEnded.VIOLATED
        assert "could not be watched" in ended.reason
        refused = run(runner, *udp, to=(lab.web,))
        assert refused.how is HowEnded.NOT_STARTED
        assert "odd" in refused.reason
    finally:
        subprocess.run((ip, "link", "del", "odd1"), check=True)
    assert run(runner, *udp, to=(lab.web,)).how is HowEnded.EXITED


def test_rules_that_could_not_be_written_anew_are_tried_again_at_the_next_start(lab: Lab) -> None:
    guard = NftablesEgress(path_of("nft"))
    subprocess.run((path_of("nft"), "flush", "ruleset"), check=True)
    guard._tables._nft = path_of("true").replace("true", "false")
    with pytest.raises(OSError, match="nft gave no reason"):
        guard.trial()
    guard._tables._nft = path_of("nft")
    assert guard.trial() is None
    guard.close()


def test_a_start_that_fails_takes_no_number(lab: Lab) -> None:
    guard = NftablesEgress(path_of("nft"))
    before = len(guard._groups._free)
    guard._tables.close()

    async def scene() -> None:
        with guard.held(Destinations(networks=(ip_network("10.0.0.1"),)), print):
            pass

    with pytest.raises(OSError, match="Bad file descriptor"):
        asyncio.run(scene())
    assert len(guard._groups._free) == before
    guard.close()


def test_a_socket_that_is_closed_is_not_read_for_ever(lab: Lab) -> None:
    packets = HeldPackets(29_999)
    packets.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        list(packets.read())


def test_callers_and_the_record_are_told_of_a_violation(lab: Lab) -> None:
    """The whole use-case, with a plan that was tampered with on its way to the runner."""
    tools = product()
    real = tools._plans._runner

    class Misled:
        async def run(self, plan: Plan, on_stdout: object = None) -> Ended:
            return await real.run(msgspec.structs.replace(plan, addresses=(lab.r1,)))

    tools._plans._runner = Misled()  # as if planning were wrong
    members = {"target": lab.web, "extra_args": "-c 1"}
    output = asyncio.run(tools.execute("PingTool", members))
    assert output.status is Status.FAILED
    assert output.error is not None
    assert output.error.error_type == "policy_denied"
    assert output.error.metadata == {"rule": "egress.violation", "offending": f"{lab.web} icmp"}


REQUESTS = (
    ("PingTool", "-c 1"),
    ("PingTool", "-c 2 -i 0.2 -s 100"),
    ("TracertTool", "-m 3 -q 1"),
    ("TracertTool", "-m 2 -q 1 -I"),
    ("TracertTool", "-m 2 -q 1 -T"),
    ("NmapTool", "-sn"),
    ("NmapTool", "-sS -p 22,80,81"),
    ("NmapTool", "-sT -Pn -p 80,443"),
    ("NmapTool", "-sU -Pn -p 53 --max-retries 0"),
    ("NmapTool", "-sn --traceroute"),
)


def test_generated_plans_and_hostile_attempts_reach_what_is_named_and_nothing_else(
    directory: Path, lab: Lab
) -> None:
    chance = random.Random(20_261_128)
    targets = (lab.web, lab.r1, lab.r2, lab.lossy, lab.target, "web.lab.internal")
    tools = product(WITH_IPV6)
    chain = find_chain(InstalledPrograms(), Wanted(readable=readable(directory)))
    hostile = SubprocessRunner(chain)
    ways = sorted(sender.WAYS.keys() - BY_SECCOMP - CLOSED.keys())

    async def legitimate() -> tuple[set[str], bool]:
        name, extra_args = chance.choice(REQUESTS)
        target = chance.choice(targets)
        members = {"target": target, "extra_args": extra_args}
        output = await tools.execute(name, members)
        assert output.status in (Status.SUCCESS, Status.FAILED), output
        assert output.error is None or output.error.error_type == "execution_error", output
        return {*output.addresses, lab.dns}, True

    async def misled() -> tuple[set[str], bool]:
        """What the program is told, and what its plan names, are two things."""
        name, extra_args = chance.choice(REQUESTS)
        # Not the router: anybody may ask for it, by ARP, and nmap does no more than that.
        target, named = chance.sample((lab.web, lab.r2, lab.lossy, lab.target), 2)
        entry = tools.catalog.find(name)
        assert entry is not None
        verdict = await tools.judge(entry, {"target": target, "extra_args": extra_args})
        assert isinstance(verdict, Allowed)
        plan = msgspec.structs.replace(verdict.plan, addresses=(named,), named_addresses=())
        ended = await hostile.run(plan)
        seen = ended.how is HowEnded.VIOLATED and target in ended.reason.split()
        assert seen, (verdict.plan.argv, named, ended)
        return {named}, seen

    async def attack() -> tuple[set[str], bool]:
        named = chance.choice(targets[:5])
        to = chance.choice((lab.public, "10.77.2.9", "192.168.7.7", "172.16.0.1", "203.0.113.5"))
        words = attempt(directory, chance.choice(ways), to, chance.randrange(1, 65536), named)
        plan = plan_for(*words, addresses=(named,), needs_raw_sockets=True)
        return {named}, (await hostile.run(plan)).how is HowEnded.VIOLATED

    async def scene() -> list[object]:
        wrong: list[object] = []
        for number in range(TRIES):
            kind = (attack, misled, attack, misled, legitimate)[number % 5]
            with Capture("eth0", capacity=4096) as capture:
                named, as_expected = await kind()
            if (beyond := sent_beyond(capture, *named)) or not as_expected:
                wrong.append((number, kind.__name__, named, beyond))
        return wrong

    assert asyncio.run(scene()) == []
