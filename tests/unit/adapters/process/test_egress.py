"""From a plan to what its execution may reach, to the words of the packet filter."""

import socket
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.adapters.process.egress import netfilter
from netsonde.adapters.process.egress.guard import Destinations, destinations_of
from netsonde.adapters.process.egress.own_group import OwnGroups
from netsonde.adapters.process.egress.routers import routers
from netsonde.adapters.process.egress.rules import Admitted, admission, tables
from netsonde.domain.plan import Limits, Plan
from netsonde.domain.target import Address

LIMITS = Limits(
    timeout_s=1,
    max_stdout_bytes=1,
    max_stderr_bytes=1,
    max_memory_bytes=1 << 26,
    max_file_descriptors=64,
    max_cpu_s=1,
)


def plan(*addresses: str, named: tuple[str, ...] = (), asks_resolver: bool = False) -> Plan:
    return Plan(
        tool="x",
        target="x",
        argv=("/x",),
        addresses=addresses,
        named_addresses=named,
        host_count=1,
        limits=LIMITS,
        asks_resolver=asks_resolver,
    )


def test_destinations_are_what_the_plan_names(tmp_path: Path) -> None:
    named = plan("10.0.0.0/24", "10.0.0.1", named=("10.0.0.53", "10.0.0.1"))
    found = destinations_of(named, tmp_path / "none")
    expected = ("10.0.0.0/24", "10.0.0.1", "10.0.0.53")
    assert found == Destinations(networks=tuple(map(ip_network, expected)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nameserver 10.0.0.53\n", ("10.0.0.53",)),
        (
            "# nameserver 1.1.1.1\nsearch x\nnameserver\t10.0.0.1 # x\nnameserver fe80::1%eth0",
            ("10.0.0.1", "fe80::1"),
        ),
        ("nameserver nonsense\nnameserver\n", ("127.0.0.1",)),
        ("", ("127.0.0.1",)),
        ("nameserver 10.0.0.1\nnameserver 10.0.0.1\n", ("10.0.0.1",)),
    ],
)
def test_the_systems_resolvers_are_read_where_they_are_asked(
    tmp_path: Path, text: str, expected: tuple[str, ...]
) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text(text)
    assert destinations_of(plan(), file).resolvers == ()
    found = destinations_of(plan(asks_resolver=True), file).resolvers
    assert found == tuple(map(ip_address, expected))


def test_without_the_file_the_resolver_is_this_host(tmp_path: Path) -> None:
    found = destinations_of(plan(asks_resolver=True), tmp_path / "none").resolvers
    assert found == (ip_address("127.0.0.1"),)


def test_routers_are_the_gateways_of_all_routes(tmp_path: Path) -> None:
    (tmp_path / "route").write_text(
        "Iface\tDestination\tGateway\tFlags\n"
        "eth0\t00000000\t01004D0A\t0003\n"
        "eth0\t00004D0A\t00000000\t0001\n"
        "eth0\tnonsense\n"
    )
    via, local = "fd77" + "0" * 27 + "1", "0" * 32
    (tmp_path / "ipv6_route").write_text(
        f"{local} 00 {local} 00 {via} 00000400 00000001 00000000 00000003 eth0\n"
        f"{via} 80 {local} 00 {local} 00000000 00000002 00000000 80200001 lo\n"
    )
    assert routers(tmp_path) == {ip_address("10.77.0.1"), ip_address("fd77::1")}
    assert routers(tmp_path / "none") == frozenset()


def admitted(destinations: Destinations, *routers: Address) -> Admitted:
    return Admitted(destinations=destinations, routers=frozenset(routers))


def said(changes: Iterable[bytes]) -> list[tuple[int, str, list[tuple[int, str, str]]]]:
    """What netlink messages say: the kind and family, the set, and the ends of intervals."""
    told = []
    for change in changes:
        ((kind, body),) = netfilter.messages(change)
        found = dict(netfilter.attributes(body))
        intervals = []
        for _, element in netfilter.attributes(bytes(4) + found[3]):
            ends = dict(netfilter.attributes(bytes(4) + element))
            first, last = (dict(netfilter.attributes(bytes(4) + ends[key]))[1] for key in (1, 10))
            assert first[:4] == last[:4]
            low, high = (str(ip_address(end[4:])) for end in (first, last))
            intervals.append((int.from_bytes(first[:4], "big"), low, high))
        told.append((kind, body[0], found[1] + found[2], intervals))
    return [
        (kind, f"{family} {names.decode()[:-1].replace(chr(0), ' ')}", intervals)
        for kind, family, names, intervals in told
    ]


def test_overlapping_networks_become_one_and_neighbours_are_asked_for_by_their_last_bits() -> None:
    wanted = ("10.0.0.0/24", "10.0.0.1", "10.0.1.0/24", "fd77::12:3456", "fd77::/64")
    destinations = Destinations(
        networks=tuple(map(ip_network, wanted)), resolvers=(ip_address("10.0.0.53"),)
    )
    four = [(7, "10.0.0.0", "10.0.1.255")]
    six = [(7, "fd77::", "fd77::ffff:ffff:ffff:ffff")]
    resolver = [(7, "10.0.0.53", "10.0.0.53")]
    add = 10 << 8 | 12
    assert said(admission("t", 7, admitted(destinations, ip_address("fd77::1")))) == [
        (add, "1 t allowed4", four),
        (add, "1 t allowed6", six),
        (add, "1 t asked4", resolver),
        (add, "5 t allowed4", four),
        (add, "5 t allowed6", six),
        (add, "5 t asked4", resolver),
        (add, "5 t neighbours4", four),
        (add, "5 t neighbours6", [(7, "ff02::1:ff00:0", "ff02::1:ffff:ffff")]),
        (add, "5 t frames4", four),
        (add, "5 t frames6", [*six, (7, "ff02::1:ff00:0", "ff02::1:ffff:ffff")]),
    ]
    one = Destinations(networks=(ip_network("fd77::12:3456"),))
    *_, last, _ = said(admission("t", 7, admitted(one), there=True))
    node = "ff02::1:ff12:3456"
    assert last == (10 << 8 | 14, "5 t neighbours6", [(7, node, node)])


def test_rules_that_are_written_again_have_what_was_admitted() -> None:
    destinations = Destinations(
        networks=(ip_network("10.0.0.0/24"),), resolvers=(ip_address("fd77::53"),)
    )
    text = tables("t", range(7, 9), 5, {7: admitted(destinations)})
    resolver, node = int(ip_address("fd77::53")), int(ip_address("ff02::1:ff00:53"))
    added = [line for line in text.splitlines() if line.startswith("add element")]
    assert added == [
        "add element inet t allowed4 { 7 . 10.0.0.0/24 }",
        "add element inet t asked6 { 7 . fd77::53/128 }",
        "add element netdev t allowed4 { 7 . 10.0.0.0/24 }",
        "add element netdev t asked6 { 7 . fd77::53/128 }",
        "add element netdev t neighbours4 { 7 . 10.0.0.0/24 }",
        "add element netdev t neighbours6 { 7 . ff02::1:ff00:53/128 }",
        "add element netdev t frames4 { 7 . 167772160-167772415 }",
        f"add element netdev t frames6 {{ 7 . {resolver}-{resolver}, 7 . {node}-{node} }}",
    ]


@given(
    st.lists(
        st.ip_addresses()
        | st.builds(
            lambda address, prefix: ip_network((address, prefix), strict=False),
            st.ip_addresses(v=4),
            st.integers(0, 32),
        )
    )
)
def test_whatever_is_named_is_admitted_and_nothing_else(named: list[object]) -> None:
    networks = tuple(ip_network(str(one)) for one in named)
    found = [
        (ip_address(first), ip_address(last))
        for _, name, intervals in said(admission("t", 7, admitted(Destinations(networks=networks))))
        if name.startswith("1 ")
        for _, first, last in intervals
    ]
    count = sum(int(last) - int(first) + 1 for first, last in found)
    of_four = collapse_addresses(one for one in networks if isinstance(one, IPv4Network))
    of_six = collapse_addresses(one for one in networks if isinstance(one, IPv6Network))
    sizes = [one.num_addresses for one in of_four] + [one.num_addresses for one in of_six]
    assert count == sum(sizes)
    for network in networks:
        assert any(
            first.version == network.version
            and int(first) <= int(network[0])
            and int(network[-1]) <= int(last)
            for first, last in found
        )


def test_group_numbers_are_of_a_block_that_is_mapped_and_nobody_elses() -> None:
    first, second = OwnGroups("0 0 4294967295\n"), OwnGroups("0 0 4294967295\n")
    narrow = OwnGroups("         0     100000      65536\n")
    try:
        assert not set(first.numbers) & set(second.numbers)
        assert max(first.numbers) < 2_000_000_000
        assert set(narrow.numbers) <= set(range(40_000, 60_000))
    finally:
        for groups in (first, second, narrow):
            groups.close()


@pytest.mark.parametrize("gid_map", ["", "0 0 1\n", "0 100000 1000\n", "59500 0 100\n"])
def test_without_a_block_to_spare_there_are_none(gid_map: str) -> None:
    with pytest.raises(OSError, match="gid_map"):
        OwnGroups(gid_map)


def test_blocks_run_out_and_a_closed_one_is_free_again() -> None:
    taken: list[OwnGroups] = []
    try:
        taken += [OwnGroups("0 0 65536") for _ in range(16)]
        with pytest.raises(OSError, match="too many servers"):
            OwnGroups("0 0 65536")
        taken.pop().close()
        taken.append(OwnGroups("0 0 65536"))
    finally:
        for groups in taken:
            groups.close()


def test_the_number_that_has_been_free_for_longest_is_taken() -> None:
    groups = OwnGroups("0 0 65536")
    try:
        first, second = groups.take(), groups.take()
        groups.give_back(first)
        rest = [groups.take() for _ in range(len(groups.numbers) - 1)]
        assert (second in rest, rest[-1]) == (False, first)
        with pytest.raises(OSError, match="taken"):
            groups.take()
    finally:
        groups.close()


def test_a_block_is_locked_within_its_network_namespace_only() -> None:
    groups = OwnGroups("0 0 65536")
    name = f"\0netsonde-groups-{groups.numbers[0]}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        with pytest.raises(OSError, match="in use"):
            other.bind(name)
        groups.close()
        other.bind(name)
