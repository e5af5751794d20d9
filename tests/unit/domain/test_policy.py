"""Addresses, networks and names under policies that operators write."""

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given

from netsonde.domain.policy import RFC1918, Policy
from netsonde.domain.target import Address, Hostname, Network
from tests.unit.domain.generators import addresses, policies

EVERYTHING = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))


def network(text: str) -> Network:
    return ip_network(text)


def rule(policy: Policy, text: str) -> str | None:
    """The rule that forbids an address or a network; None if nothing does."""
    if "/" in text:
        objection = policy.object_to_network(
            ip_network(text, strict=False), ip_address(text.partition("/")[0])
        )
    else:
        objection = policy.object_to_address(ip_address(text))
    return objection.rule if objection else None


def nearest(policy: Policy, text: str) -> str | None:
    objection = policy.object_to_network(
        ip_network(text, strict=False), ip_address(text.partition("/")[0])
    )
    assert objection is not None
    return objection.nearest


@pytest.mark.parametrize(
    "text",
    "10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255 10.0.0.0/22".split(),
)
def test_private_addresses_are_allowed_by_default(text: str) -> None:
    assert rule(Policy(), text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8.8.8.8", "target.public"),
        ("9.255.255.255", "target.public"),
        ("11.0.0.0", "target.public"),
        ("172.15.255.255", "target.public"),
        ("172.32.0.0", "target.public"),
        ("192.167.255.255", "target.public"),
        ("192.169.0.0", "target.public"),
        ("2001:4860:4860::8888", "target.public"),
        ("198.18.0.1", "target.not_allowed"),
        ("fd00::1", "target.not_allowed"),
        ("127.0.0.1", "target.loopback"),
        ("::1", "target.loopback"),
        ("169.254.169.254", "target.link_local"),
        ("fe80::1", "target.link_local"),
        ("224.0.0.1", "target.multicast"),
        ("ff02::1", "target.multicast"),
        ("0.0.0.0", "target.reserved"),
        ("255.255.255.255", "target.reserved"),
        ("::", "target.reserved"),
        ("::8.8.8.8", "target.spelling"),
        ("64:ff9b::808:808", "target.spelling"),
        ("2002:808:808::1", "target.spelling"),
    ],
)
def test_everything_else_is_refused_by_a_rule_that_says_why(text: str, expected: str) -> None:
    assert rule(Policy(), text) == expected


@pytest.mark.parametrize(
    "text",
    "127.0.0.1 169.254.169.254 224.0.0.1 0.0.0.0 255.255.255.255 ::1 :: fe80::1 ff02::1 ::8.8.8.8 "
    "64:ff9b::808:808 2002:808:808::1 ::ffff:8.8.8.8".split(),
)
def test_a_wide_network_does_not_open_a_special_range(text: str) -> None:
    assert rule(Policy(allowed_networks=EVERYTHING), text) is not None


@pytest.mark.parametrize(
    ("opened", "text"),
    [
        ("127.0.0.0/8", "127.0.0.1"),
        ("127.0.0.1/32", "127.0.0.1"),
        ("169.254.0.0/16", "169.254.169.254"),
        ("::1/128", "::1"),
        ("fe80::/10", "fe80::1"),
        ("ff02::1/128", "ff02::1"),
    ],
)
def test_a_network_inside_a_special_range_opens_it(opened: str, text: str) -> None:
    assert rule(Policy(allowed_networks=(network(opened),)), text) is None


def test_a_wide_network_opens_public_and_private_addresses() -> None:
    policy = Policy(allowed_networks=EVERYTHING)
    assert rule(policy, "8.8.8.8") is None
    assert rule(policy, "fd00::1") is None


def test_denied_networks_win() -> None:
    policy = Policy(denied_networks=(network("10.0.0.64/26"), network("192.168.0.0/16")))
    assert rule(policy, "10.0.0.63") is None
    assert rule(policy, "10.0.0.64") == "target.denied"
    assert rule(policy, "192.168.1.1") == "target.denied"
    assert rule(policy, "10.0.0.64/28") == "target.denied"
    assert rule(policy, "10.0.0.0/24") == "target.denied"
    assert rule(Policy(allowed_networks=(), denied_networks=EVERYTHING), "::1") == "target.denied"


def test_a_network_around_a_denied_one_can_be_had_in_part() -> None:
    policy = Policy(denied_networks=(network("10.0.0.64/26"),))
    assert nearest(policy, "10.0.0.0/24") == "10.0.0.128/25"


def test_a_network_that_is_too_large_shrinks_around_the_address_asked_for() -> None:
    assert rule(Policy(), "10.0.0.0/22") is None
    assert rule(Policy(), "10.0.0.0/21") == "target.too_large"
    assert nearest(Policy(), "10.1.77.9/16") == "10.1.76.0/22"
    assert nearest(Policy(max_hosts=1000), "10.1.77.9/16") == "10.1.76.0/23"
    assert nearest(Policy(max_hosts=1), "10.1.77.9/16") == "10.1.77.9/32"


@pytest.mark.parametrize("text", ["10.0.0.0/7", "8.0.0.0/6", "0.0.0.0/0", "::/0", "172.16.0.0/11"])
def test_a_network_that_leaves_the_policy_is_refused(text: str) -> None:
    assert rule(Policy(max_hosts=2**40), text) is not None


def test_a_network_across_two_allowed_ones_is_refused() -> None:
    """Each address of it is allowed, but it is simpler to say no than to prove it."""
    policy = Policy(allowed_networks=(network("10.0.0.0/24"), network("10.0.1.0/24")))
    assert rule(policy, "10.0.0.0/23") == "target.not_allowed"


def test_a_network_around_a_special_range_is_refused() -> None:
    policy = Policy(allowed_networks=EVERYTHING, max_hosts=2**40)
    assert rule(policy, "126.0.0.0/7") is not None
    assert rule(policy, "168.0.0.0/6") == "target.reserved"


def test_a_special_range_opened_at_both_ends_is_not_open_in_between() -> None:
    ends = (network("127.0.0.0/30"), network("127.0.0.252/30"))
    policy = Policy(allowed_networks=(*EVERYTHING, *ends))
    assert rule(policy, "127.0.0.1") is None
    assert rule(policy, "127.0.0.100") == "target.loopback"
    assert rule(policy, "127.0.0.0/24") == "target.not_allowed"


@pytest.mark.parametrize(
    ("suffix", "name", "allowed"),
    [
        (".lab.internal", "foo.lab.internal", True),
        (".lab.internal", "a.b.lab.internal", True),
        (".lab.internal", "lab.internal", False),
        (".lab.internal", "xlab.internal", False),
        (".lab.internal", "foo.lab.internal.example.com", False),
        (".lab.internal", "foo.lab.internals", False),
        ("lab.internal", "lab.internal", True),
        ("lab.internal", "foo.lab.internal", True),
        ("lab.internal", "xlab.internal", False),
        (".com", "example.com", True),
    ],
)
def test_a_name_is_judged_by_its_suffix(suffix: str, name: str, allowed: bool) -> None:
    objection = Policy(allowed_suffixes=(suffix,)).object_to_name(Hostname(name))
    assert (objection is None) is allowed
    assert objection is None or objection.rule == "target.suffix"


def test_no_name_is_allowed_where_no_suffix_is() -> None:
    assert Policy(allowed_suffixes=()).object_to_name(Hostname("foo.lab.internal")) is not None


def test_no_address_is_allowed_where_no_network_is() -> None:
    assert rule(Policy(allowed_networks=()), "10.0.0.1") == "target.not_allowed"


def test_the_policy_can_be_told_to_a_person() -> None:
    told = Policy().describe()
    assert all(str(one) in told for one in RFC1918)
    assert "nothing" not in Policy(allowed_networks=(), allowed_suffixes=()).describe()


@given(policies, addresses)
def test_a_network_of_one_is_judged_as_its_address(policy: Policy, address: Address) -> None:
    as_network = policy.object_to_network(ip_network(str(address)), address)
    as_address = policy.object_to_address(address)
    if policy.max_hosts >= 1:
        assert (as_network is None) == (as_address is None)


@given(policies, addresses)
def test_what_is_nearest_is_a_part_of_what_was_asked(policy: Policy, address: Address) -> None:
    asked = ip_network(f"{address}/{address.max_prefixlen - 12}", strict=False)
    objection = policy.object_to_network(asked, address)
    if objection is not None and objection.nearest is not None:
        part = ip_network(objection.nearest)
        assert part.network_address in asked
        assert part.num_addresses < asked.num_addresses
        if objection.rule == "target.too_large":
            assert address in part
            assert part.num_addresses <= policy.max_hosts
