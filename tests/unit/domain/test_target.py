"""Only one spelling of each address is read; what programs make of the others is in each case."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given

from netsonde.domain.target import Hostname, Malformed, parse, reverse_of
from tests.unit.domain.generators import any_text, targets

# (text, rule, nearest). Measured with nmap, ping, traceroute, mtr and dig @.
MALFORMED = [
    ("0x0a000001", "target.spelling", "10.0.0.1"),  # 10.0.0.1 to all but nmap
    ("167772161", "target.spelling", "10.0.0.1"),
    ("134744072", "target.spelling", "8.8.8.8"),  # 8.8.8.8 to all
    ("012.0.0.1", "target.spelling", None),  # 12.0.0.1 to nmap, 10.0.0.1 to the others
    ("010.0.0.1", "target.spelling", None),  # 8.0.0.1 to all but nmap
    ("08.8.8.8", "target.spelling", None),  # 8.8.8.8 to nmap, an error to the others
    ("10.1", "target.spelling", "10.0.0.1"),
    ("8.526344", "target.spelling", "8.8.8.8"),
    ("0x08080808", "target.spelling", "8.8.8.8"),
    ("0x8.0x8.0x8.0x8", "target.spelling", "8.8.8.8"),
    ("0X0A.0.0.1", "target.spelling", "10.0.0.1"),
    ("010.8.8.8", "target.spelling", None),  # 10.8.8.8 to nmap, 8.8.8.8 to the others
    ("10.0.0.1.", "target.spelling", "10.0.0.1"),
    ("8.8.8.8.", "target.spelling", "8.8.8.8"),
    ("\uff11\uff13\uff14\uff17\uff14\uff14\uff10\uff17\uff12", "target.characters", None),
    ("\uff18.\uff18.\uff18.\uff18", "target.characters", None),  # 8.8.8.8 to ping and traceroute
    ("8\u30028\u30028\u30028", "target.characters", None),
    ("\u0668.\u0668.\u0668.\u0668", "target.characters", None),
    ("::ffff:8.8.8.8", "target.spelling", "8.8.8.8"),  # 8.8.8.8 on the wire to traceroute
    ("::ffff:808:808", "target.spelling", "8.8.8.8"),
    ("::ffff:10.0.0.1", "target.spelling", "10.0.0.1"),
    ("10.0.0.1%lo", "target.malformed", None),
    ("8.8.8.8%eth0", "target.malformed", None),
    ("fe80::1%eth0", "target.malformed", None),
    ("\uff46oo.lab.internal", "target.characters", None),  # 10.0.0.1 to ping and traceroute
    ("foo\u3002lab\u3002internal", "target.characters", None),
    (" 10.0.0.1", "target.characters", None),
    ("10.0.0.1 ", "target.characters", None),
    ("\x0b10.0.0.1", "target.characters", None),
    ("10.0.0.1\n", "target.characters", None),
    ("8.8.8.8\u2028", "target.characters", None),
    ("0", "target.spelling", "0.0.0.0"),
    ("", "target.characters", None),
    ("10.0.0.1-2", "target.spelling", None),
    ("10.0.0,8.8", "target.spelling", None),  # 10.0.8.8 to nmap
    ("8,10.8.8.8", "target.spelling", None),
    ("10.0.0.*", "target.spelling", None),
    ("10.0-255.0.1", "target.spelling", None),
    ("-", "target.spelling", None),
    ("[10.0.0.1]", "target.malformed", None),
    ("10.0.0.1:80", "target.malformed", None),
    ("user@10.0.0.1", "target.spelling", None),
    ("a.lab.internal,8.8.8.8", "target.spelling", None),
    ("10.0.0.1,8.8.8.8", "target.spelling", None),
    ("%31%30.0.0.1", "target.spelling", None),
    ("8.8.8.8#53", "target.malformed", None),
    ("10.0.0.0/33", "target.malformed", None),
    ("10.0.0.0/-1", "target.malformed", None),
    ("10.0.0.0/", "target.malformed", None),
    ("10.0.0.0/\u0662", "target.characters", None),
    ("10.0.0.0/255.255.0.0", "target.malformed", None),
    ("010.0.0.0/8", "target.malformed", None),
    ("foo.lab.internal/24", "target.malformed", None),
    ("::ffff:10.0.0.0/120", "target.spelling", None),
    ("::ffff:10.0.0.1/", "target.spelling", None),
    ("-iL", "target.malformed", None),
    ("--script=/tmp/x.lab.internal", "target.malformed", None),
    ("-foo.lab.internal", "target.malformed", None),
    ("foo-.lab.internal", "target.malformed", None),
    ("foo..lab.internal", "target.malformed", None),
    (".lab.internal", "target.malformed", None),
    (".", "target.malformed", None),
    ("a" * 64 + ".lab.internal", "target.malformed", None),
    ("a." * 127 + "aa", "target.malformed", None),
    ("$(id).lab.internal", "target.characters", None),
    ("a;b", "target.characters", None),
    ("'10.0.0.1'", "target.characters", None),
    ("10.0.0.1\x00", "target.characters", None),
    ("256.1.1.1", "target.spelling", None),
    ("1.2.3.4.5", "target.spelling", None),
    ("0x", "target.spelling", None),
    ("4294967296", "target.spelling", None),
    ("host.0x10", "target.spelling", None),
    ("host.123", "target.spelling", None),
    ("1" * 200, "target.spelling", None),
]


@pytest.mark.parametrize(("text", "rule", "nearest"), MALFORMED)
def test_another_spelling_than_the_canonical_one_is_no_target(
    text: str, rule: str, nearest: str | None
) -> None:
    read = parse(text)
    assert isinstance(read, Malformed)
    if rule != "target.malformed":
        assert read.rule in (rule, "target.malformed")
    assert read.nearest in (nearest, None)


@pytest.mark.parametrize(
    "text", [text for text, _, nearest in MALFORMED if nearest and "/" not in text]
)
def test_a_spelling_with_one_meaning_has_the_canonical_one_as_its_nearest(text: str) -> None:
    read = parse(text)
    assert isinstance(read, Malformed)
    assert read.nearest == dict((row[0], row[2]) for row in MALFORMED)[text]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.0.0.1", IPv4Address("10.0.0.1")),
        ("8.8.8.8", IPv4Address("8.8.8.8")),
        ("10.20.30.40/32", IPv4Address("10.20.30.40")),
        ("fd00::1", IPv6Address("fd00::1")),
        ("FD00:0:0::1", IPv6Address("fd00::1")),
        ("fd00::1/128", IPv6Address("fd00::1")),
        ("::8.8.8.8", IPv6Address("::808:808")),
        ("64:ff9b::808:808", IPv6Address("64:ff9b::808:808")),
    ],
)
def test_an_address_is_read(text: str, address: object) -> None:
    assert parse(text) == address


def test_a_network_is_read_and_its_host_bits_are_cleared() -> None:
    assert parse("10.0.0.0/24") == IPv4Network("10.0.0.0/24")
    assert parse("10.0.0.77/24") == IPv4Network("10.0.0.0/24")
    assert parse("10.0.0.1/0") == IPv4Network("0.0.0.0/0")
    assert parse("fd00::77/64") == IPv6Network("fd00::/64")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("foo.lab.internal", "foo.lab.internal"),
        ("FOO.Lab.Internal", "foo.lab.internal"),
        ("foo.lab.internal.", "foo.lab.internal"),
        ("localhost", "localhost"),
        ("ANY", "any"),
        ("_sip._tcp.lab.internal", "_sip._tcp.lab.internal"),
        ("10.lab.internal", "10.lab.internal"),
        ("0xfoo.lab.internal", "0xfoo.lab.internal"),
        ("a" * 63 + ".lab.internal", "a" * 63 + ".lab.internal"),
    ],
)
def test_a_name_is_read_in_lower_case_without_its_final_dot(text: str, name: str) -> None:
    read = parse(text)
    assert read == Hostname(name)
    assert str(read) == name


@given(any_text | targets)
def test_reading_never_raises_and_what_was_read_reads_back(text: str) -> None:
    read = parse(text)
    if not isinstance(read, Malformed):
        assert parse(str(read)) == read
    elif read.nearest is not None:
        assert str(parse(read.nearest)) == read.nearest


@pytest.mark.parametrize("text", ["10.0.0.1", "8.8.8.8", "fd00::1", "::1", "2001:db8::a:b"])
def test_a_reverse_name_is_of_its_address(text: str) -> None:
    address = ip_address(text)
    assert reverse_of(Hostname(address.reverse_pointer)) == address


@pytest.mark.parametrize(
    "name",
    [
        "in-addr.arpa",
        "arpa",
        "10.in-addr.arpa",
        "1.1.0.0.10.in-addr.arpa",
        "01.0.0.10.in-addr.arpa",
        "x.0.0.10.in-addr.arpa",
        "1.0.0.10.in-addr.arpa.lab.internal",
        "1.0.0.10.ip6.arpa",
        "foo.lab.internal",
        IPv6Address("::ffff:10.0.0.1").reverse_pointer,
    ],
)
def test_any_other_name_is_the_reverse_of_no_address(name: str) -> None:
    assert reverse_of(Hostname(name)) is None
