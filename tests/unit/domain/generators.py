"""Hypothesis strategies that know the grammars: requests as people, models and attackers write them."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final

import msgspec
from hypothesis import strategies as st

from netsonde.domain.kinds import Choice, Float, Hex, Int, Kind, Level, Seconds, Waits, Words
from netsonde.domain.network_kinds import Addresses, Ports, Protocols
from netsonde.domain.options import Option
from netsonde.domain.policy import RFC1918, Policy
from netsonde.domain.privileges import Privileges
from netsonde.domain.request import Request
from netsonde.domain.target import Address, Network
from netsonde.domain.terms import Resolved, Terms, Unresolved
from netsonde.domain.tools.nse import Scripts
from tests.unit.domain.asking import TOOLS
from tests.unit.domain.programs import SCRIPTS

pick = st.sampled_from

# --- addresses and targets -------------------------------------------------------------------------

_V4 = st.integers(0, 2**32 - 1).map(IPv4Address)
_PRIVATE = st.one_of(
    st.integers(0, 2**24 - 1).map(lambda n: IPv4Address((10 << 24) + n)),
    st.integers(0, 2**16 - 1).map(lambda n: IPv4Address((192 << 24) + (168 << 16) + n)),
    st.integers(0, 2**20 - 1).map(lambda n: IPv4Address((172 << 24) + (16 << 16) + n)),
    pick([IPv4Address(a) for a in ("10.0.0.1", "10.255.255.255", "172.16.0.0", "192.168.1.254")]),
)
_EDGES: Final = (
    "0.0.0.0 0.0.0.1 9.255.255.255 11.0.0.0 100.64.0.1 126.255.255.255 127.0.0.1 127.255.255.254 128.0.0.0 "
    "169.254.169.254 172.15.255.255 172.32.0.0 192.0.2.1 192.167.255.255 192.169.0.0 198.18.0.1 "
    "203.0.113.9 223.255.255.255 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255 1.1.1.1 8.8.8.8"
).split()
_V6_TEXTS: Final = (
    ":: ::1 ::2 ::8.8.8.8 ::ffff:8.8.8.8 ::ffff:10.0.0.1 ::ffff:a00:1 64:ff9b::808:808 64:ff9b::a00:1 "
    "2001:4860:4860::8888 2001:db8::1 2002:808:808::1 fd00::1 fd00:0:0:0:0:0:0:1 FD00::1 fdff::ffff "
    "fe80::1 fe80::1%eth0 fe80::1%25lo ff02::1 ff05::2 ::1%lo 0:0:0:0:0:0:0:1 fd00::10.0.0.1 fd00:::1 "
    "1:2:3:4:5:6:7:8:9 fd00::g :: 10.0.0.1:80 [fd00::1] [10.0.0.1] fd00::1/64 ::/0"
).split()
addresses: st.SearchStrategy[Address] = st.one_of(
    _PRIVATE,
    _PRIVATE,
    pick([IPv4Address(text) for text in _EDGES]),
    _V4,
    pick(
        [IPv6Address(text) for text in ("fd00::1", "fd00::ffff", "2001:db8::1", "::1", "fe80::1")]
    ),
    st.integers(0, 2**128 - 1).map(IPv6Address),
)


def _networks(base: Address, prefix: int) -> str:
    return f"{base}/{prefix}"


def _full_width(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in text)


def _misspelt(address: IPv4Address, how: int) -> str:
    """The address in one of the spellings that some program takes for it, or for another one."""
    a, b, c, d = address.packed
    number = int(address)
    return (
        str(number),
        hex(number),
        oct(number).replace("0o", "0"),
        f"{a}.{number & 0xFFFFFF}",
        f"{a}.{b}.{number & 0xFFFF}",
        f"0{a}.{b}.{c}.{d}",
        f"{a:#x}.{b:#x}.{c:#x}.{d:#x}",
        f"{a:#o}.{b}.{c}.{d}".replace("0o", "0"),
        f"{address}.",
        f" {address}",
        f"{address} ",
        f"{address}\n",
        f"\x0b{address}",
        f"{address}\u2028",
        f"{address}\x00",
        f"{address}%lo",
        f"{address}:80",
        f"{address}#53",
        f"user@{address}",
        f"@{address}",
        f"[{address}]",
        f"{address},8.8.8.8",
        f"8.8.8.8,{address}",
        f"{a}.{b}.{c}.*",
        f"{a}.{b}.{c}.{d}-{min(d + 1, 255)}",
        f"{a}-{min(a + 1, 255)}.{b}.{c}.{d}",
        f"{a},8.{b}.{c}.{d}",
        f"{a}.{b}.{c}-.{d}",
        f"::ffff:{address}",
        f"::{address}",
        f"64:ff9b::{address}",
        _full_width(str(address)),
        _full_width(str(number)),
        str(address).replace(".", "\u3002"),
        str(address).replace(".", "\uff0e"),
        f"{a}.{b}.{c}.{d}.in-addr.arpa",
        f"{d}.{c}.{b}.{a}.in-addr.arpa",
        f"{address}/{how}",
        f"{address}/",
        f"{address}/-1",
        f"{address}/255.255.255.0",
        f"{address}/0x18",
        f"{address}/24/24",
        f"http://{address}/",
        f"{address}\\",
        f"'{address}'",
        f"--{address}",
        f"-iL={address}",
    )[how]


_MISSPELT = st.builds(_misspelt, st.one_of(_PRIVATE, _V4), st.integers(0, 47))
_GOOD_NAMES: Final = (
    "foo.lab.internal FOO.LAB.INTERNAL foo.lab.internal. db-01.prod.lab.internal a.b.c.d.lab.internal "
    "_ldap._tcp.lab.internal xn--bcher-kva.lab.internal pub.lab.internal 10.lab.internal x--y.lab.internal"
).split()
_BAD_NAMES: Final = (
    "localhost example.com lab.internal .lab.internal foo.lab.internals foo.lab.internal.example.com "
    "xlab.internal -foo.lab.internal foo-.lab.internal foo..lab.internal foo.lab.internal/24 "
    "foo.lab.internal,8.8.8.8 foo.lab.internal:80 foo_.lab.internal foo.lab.internal@8.8.8.8 . .. - -- "
    "-A -iL=/etc/x.lab.internal --script=/tmp/x.lab.internal -oX=/tmp/x.lab.internal @8.8.8.8 %x ANY "
    "$(id).lab.internal ;id `id` a|b a&b a>b a<b /etc/passwd ../10.0.0.1 C:\\x 0x.lab.internal "
    "foo.lab.internal\u3002 f\u043eo.lab.internal \uff46oo.lab.internal foo\u3002lab\u3002internal 0 1 00 0x0 256.256.256.256 "
    "1.2.3.4.5 1.0.0.10.in-addr.arpa 8.8.8.8.in-addr.arpa 0.10.in-addr.arpa in-addr.arpa 01.0.0.10.in-addr.arpa foo.lab.internal\x00 \ufeff10.0.0.1"
).split(" ")
_LABEL = st.text(pick("abcxyz0189-_"), min_size=1, max_size=8)
_NAMES = st.one_of(
    pick(_GOOD_NAMES),
    pick(_BAD_NAMES),
    st.builds(
        "{}.{}".format, _LABEL, pick(["lab.internal", "example.com", "corp", "LAB.internal"])
    ),
    st.integers(60, 260).map(lambda n: "a" * n + ".lab.internal"),
)
_NETWORKS = st.one_of(
    st.builds(_networks, _PRIVATE, st.integers(18, 32)),
    st.builds(_networks, _PRIVATE, st.integers(0, 34)),
    st.builds(_networks, addresses, st.integers(0, 129)),
)


def _mutated(text: str, at: int, how: str) -> str:
    at %= len(text) + 1
    return text[:at] + how + text[at + (1 if len(how) == 1 else 0) :]


_MUTATED = st.builds(
    _mutated,
    st.one_of(_PRIVATE.map(str), _NETWORKS, pick(_GOOD_NAMES)),
    st.integers(0, 40),
    pick(["", "0", ".", "-", "/", "\uff11", "\x00", " ", "%", ":", "..", "x", "*", ",", "\t", "@"]),
)
any_text = st.text(max_size=30)
targets: st.SearchStrategy[str] = st.one_of(
    _PRIVATE.map(str),
    _PRIVATE.map(str),
    addresses.map(str),
    _NETWORKS,
    _NAMES,
    _MISSPELT,
    pick(_V6_TEXTS),
    _MUTATED,
    any_text,
)

# --- values of options -----------------------------------------------------------------------------

_HOSTILE_VALUES: Final = (
    "8.8.8.8", "134744072", "0x08080808", "example.com", "/etc/passwd", "../x", "-", "--", "-A", "-iL", "",
    "0", "-1", "+1", "1e3", "0x10", "\uff11", "\u0661", "nan", "inf", "9" * 30, "1.0000001", "a b", "x=y", "10.0.0.1",
    "10.0.0.1,8.8.8.8", "::1", "::ffff:8.8.8.8", "fd00::1", "all", "*", "http-*", "+http-title", "not safe",
    ",", "1,,2", "10-5", "T:22", "ANY", "AXFR", "axfr", "@8.8.8.8", "+trace", "2", "22", "1",
)  # fmt: skip
_ADDRESS_VALUES: Final = (
    "10.0.0.53",
    "10.0.0.5,10.0.0.6",
    "192.168.1.1",
    "fd00::53",
    "10.0.0.53,8.8.8.8",
)
_SCRIPT_VALUES: Final = (
    "default", "safe", "discovery", "version", "auth", "malware", "vuln", "brute", "external", "broadcast",
    "http-title", "ssl-cert,http-title", "ssl-cert,ssh-brute", "whois-ip", "default,ssl-cert",
    *(sorted(SCRIPTS["safe"])[::40]), *(sorted(SCRIPTS["intrusive"])[::60]), *(sorted(SCRIPTS["never"])[::20]),
)  # fmt: skip


def good_values(kind: Kind) -> Sequence[str]:
    """Texts that `kind` reads, its bounds among them."""
    match kind:
        case Int(min=low, max=high, multiple_of=step):
            middle = (low + high) // 2
            return [str(low), str(high), str(middle - middle % step), f"0{low}"]
        case Float(min=low, max=high):
            return [f"{low:.6f}", f"{high:g}", f"{(low + high) / 2:.3f}"]
        case Seconds(min_s=low, max_s=high):
            return [f"{low:g}", f"{high:g}s", f"{round(high * 1000)}ms", f"{(low + high) / 2:g}s"]
        case Choice(values=values):
            return [*values, *(v.lower() for v in values)] if kind.ignore_case else values
        case Words(values=values, numbers=numbers):
            return [*values, ",".join(values[:2]), *(f"{word}=1" for word in numbers)]
        case Level(letter=letter, max=most):
            return ["1", str(most), letter, letter * (most - 1)]
        case Ports(full=True):
            return ["22", "22,80", "1-1024", "-", "U:53,T:22", "http,ssh", "1-", "-100", "0-9"]
        case Ports():
            return ["22", "22,80", "1-10"]
        case Protocols():
            return ["1", "1,6,17", "0-0"[:1], "255"]
        case Hex(min_digits=low, max_digits=high):
            even = low + low % 2
            return ["a" * even, "0F" * (min(high, 40) // 2)]
        case Waits():
            return ["3", "0.5,3", "3,5,10"]
        case Addresses():
            return _ADDRESS_VALUES
        case Scripts():
            return _SCRIPT_VALUES
    return ["hello", "/dns-query", "LSR", "SYNFIN", "ns.lab.internal", "2", "a b"]


_CHARACTERS: Final = ";&|`$><\\\"'\n\r\t\x00\x0b\x1b\x7f\x85\u2028\u2029\u00a0\ufeff\u200b"


def _value(option: Option) -> st.SearchStrategy[str]:
    good = pick(list(good_values(option.kind)) if option.kind else ["x", "/tmp/x", "8.8.8.8"])
    return st.one_of(good, good, good, pick(_HOSTILE_VALUES))


# --- extra_args ------------------------------------------------------------------------------------


def _weighed(rows: Sequence[Option]) -> list[Option]:
    """Rows that may be given, those with addresses or risky words in their values more often."""
    heavy = (Addresses, Choice, Scripts, Words)
    return [row for row in rows if row.key for _ in range(8 if isinstance(row.kind, heavy) else 1)]


def _written(option: Option) -> st.SearchStrategy[str]:
    """The row in one of the ways, right and wrong, in which it may be written."""
    name = pick(option.names)
    if option.kind is None and not option.takes_value:
        odd = st.builds("{}{}".format, name, pick(["=1", "=", " 1", "8.8.8.8", " 8.8.8.8"]))
        return st.one_of(name, name, name, name, odd, name.map(_one_dash), name.map(_cut))
    value = _value(option)
    joined = st.builds(
        "{}{}{}".format, name, pick([" ", " ", "=", "", "  ", '="', " '", "= "]), value
    )
    return st.one_of(
        joined, joined, joined, joined.map(_one_dash), joined.map(_closed), joined.map(_cut), name
    )


def _one_dash(text: str) -> str:
    return text[1:] if text.startswith("--") else f"-{text}"


def _closed(text: str) -> str:
    """With the quotation mark that is open closed."""
    for mark in "\"'":
        if text.count(mark) == 1:
            return text + mark
    return text


def _cut(text: str) -> str:
    """With its name cut short, as getopt would take it."""
    name, equals, value = text.partition("=")
    return name[: max(3, len(name) - 2)] + equals + value


_NOISE: Final = (
    "8.8.8.8", "10.0.0.1", "example.com", "foo.lab.internal", "10.0.0.0/8", "134744072", "--", "-", "%x", "@8.8.8.8",
    "@10.0.0.53", "@fd00::53", "+trace", "MX", "axfr", "ANY", "CH", "TXT", "-nA", "-nf", "-sSV", "-sVC", "-sSA", "-sn8.8.8.8", "-vvv",
    "-rwc 10", "-qc5", "-nS10.0.0.9", "-nD8.8.8.8", "-niL", "-6A", "-Pn80", "-p=80", "-T=4", "-sI 8.8.8.8", "-oX -",
    "-oN/tmp/x", "\"-A\"", "'8.8.8.8'", "\"", "'", "-x 8.8.8.8", "-x 10.0.0.1", "--script=\"default or safe\"", "-PS 80", "-O 2", "-v 3",
    "-x", "-t", "-c", "-p", "-f", "-k", "-iL", "-a", "-g", "-s", "-y", "--help", "-h", "+short", "+noall +answer",
)  # fmt: skip


def _joined(letters: list[str], last: str) -> str:
    return "-" + "".join(letters) + last


def _clusters(rows: Sequence[Option]) -> st.SearchStrategy[str]:
    """Short names run together, some with a value at the end."""
    letters = [n[1:] for row in rows for n in row.names if len(n) == 2 and n[0] == "-"]
    return st.builds(
        _joined,
        st.lists(pick(letters), min_size=1, max_size=3),
        pick(["", "", "5", " 5", "80", "=5", "8.8.8.8", " 8.8.8.8", "/etc/passwd", "-"]),
    )


def _extra_args(rows: Sequence[Option]) -> st.SearchStrategy[str]:
    row = st.one_of([_written(option) for option in rows])
    allowed = st.one_of([_written(option) for option in _weighed(rows)])
    odd = st.one_of(row, _clusters(rows), pick(_NOISE), any_text, pick(_CHARACTERS))
    sane = st.lists(allowed, max_size=4).map(" ".join)
    return st.one_of(
        sane,
        sane,
        st.lists(st.one_of(allowed, allowed, odd), max_size=5).map(" ".join),
        st.builds("{}{}".format, sane, pick([*_NOISE, *_CHARACTERS])),
        any_text,
        st.just(""),
    )


def _sane_args(rows: Sequence[Option]) -> st.SearchStrategy[str]:
    """Rows as the table has them, with values that their kinds read."""

    def one(option: Option) -> st.SearchStrategy[str]:
        if option.kind is None:
            return pick(option.names)
        value = pick(good_values(option.kind))
        if option.value_optional:
            mark = "=" if option.names[0].startswith("+") else ""
            return st.builds("{}{}{}".format, pick(option.names), st.just(mark), value)
        if option.names[0] == "@":
            return value.map("@{}".format)
        long = option.names[0].startswith("+")
        return st.builds("{}{}{}".format, pick(option.names), st.just("=" if long else " "), value)

    return st.lists(st.one_of([one(row) for row in _weighed(rows)]), max_size=4).map(" ".join)


extra_args = {name: _extra_args(tool.grammar.options) for name, tool in TOOLS.items()}
sane_args = {name: _sane_args(tool.grammar.options) for name, tool in TOOLS.items()}

# --- typed options ---------------------------------------------------------------------------------

_ANY_JSON = pick(
    [True, False, None, 0, 1, -1, 2**70, 1.5, "", "x", "8.8.8.8", "-A", [], [1, 2], ["a,b"], [[1]], {}, {"a": 1},
     float("inf"), float("nan"), "10.0.0.5", ["10.0.0.5", "8.8.8.8"], "a;b", "\n"]
)  # fmt: skip


def as_json(option: Option, text: str) -> Any:
    """The canonical `text` as the typed options have it."""
    if option.kind is None or not text:
        return True
    if isinstance(option.kind, Int):
        return int(text)
    if isinstance(option.kind, Float):
        return float(text)
    return text


def _json(option: Option) -> st.SearchStrategy[tuple[str, Any]]:
    good: st.SearchStrategy[Any] = st.booleans()
    if option.kind is not None:
        texts = st.one_of(pick(good_values(option.kind)), pick(_HOSTILE_VALUES))
        good = st.one_of(texts, texts.map(lambda text: _number(option, text)))
    return st.tuples(st.just(option.key), st.one_of(good, good, good, _ANY_JSON))


def _number(option: Option, text: str) -> Any:
    try:
        return as_json(option, text)
    except ValueError:
        return text


def _options(rows: Sequence[Option]) -> st.SearchStrategy[dict[str, Any]]:
    pair = st.one_of([_json(option) for option in _weighed(rows)])
    odd = st.tuples(
        st.one_of(any_text, pick(["port", "target", "-A", "script_args", ""])), _ANY_JSON
    )
    return st.lists(st.one_of(pair, pair, pair, odd), max_size=4).map(dict)


typed_options = {name: _options(tool.grammar.options) for name, tool in TOOLS.items()}

# --- policies, privileges, look-ups ----------------------------------------------------------------

_POOL: Final[tuple[Network, ...]] = tuple(
    map(
        ip_network,
        "0.0.0.0/0 ::/0 10.0.0.0/8 10.0.0.0/24 10.0.0.128/25 10.0.0.1/32 127.0.0.0/8 127.0.0.0/30 127.0.0.252/30 "
        "169.254.0.0/16 224.0.0.0/4 192.168.1.0/24 192.168.0.0/16 172.16.0.0/12 8.8.8.0/24 fd00::/8 fd00::/120 "
        "::1/128 fe80::/10 2001:db8::/32 100.64.0.0/10 0.0.0.0/8 ::/96 64:ff9b::/96".split(),
    )
)


def _small(address: Address, prefix: int) -> Network:
    return ip_network(f"{address}/{min(prefix, address.max_prefixlen)}", strict=False)


_ANY_NETWORK = st.one_of(pick(_POOL), st.builds(_small, addresses, st.integers(8, 128)))
policies: st.SearchStrategy[Policy] = st.one_of(
    st.just(Policy()),
    st.just(Policy(allow_intrusive=True)),
    st.builds(
        Policy,
        allowed_networks=st.one_of(
            st.just(RFC1918),
            st.lists(_ANY_NETWORK, max_size=3).map(tuple),
            st.lists(_ANY_NETWORK, max_size=2).map(lambda some: (*RFC1918, *some)),
        ),
        denied_networks=st.lists(_ANY_NETWORK, max_size=2).map(tuple),
        allowed_suffixes=pick(
            [(".lab.internal",), (), ("lab.internal",), (".example.com", "corp"), (".internal",)]
        ),
        max_hosts=pick([1024, 1, 2, 3, 16, 255, 1000, 65536]),
        allow_intrusive=st.booleans(),
        max_args_len=pick([2048, 2048, 40, 0]),
    ),
)
privileges: st.SearchStrategy[Privileges] = st.builds(
    Privileges, raw_sockets=st.booleans(), icmp_sockets=st.booleans()
)
look_ups: st.SearchStrategy[Resolved | Unresolved | None] = st.one_of(
    st.lists(addresses, min_size=1, max_size=3).map(lambda found: Resolved(tuple(found))),
    _PRIVATE.map(lambda address: Resolved((address,))),
    pick([None, Unresolved("there is no such name"), Unresolved("time-out", temporary=True)]),
)


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A question to the judge."""

    program: str
    request: Request
    terms: Terms
    privileges: Privileges
    looked_up: Resolved | Unresolved | None


@st.composite
def asks(
    draw: st.DrawFn,
    args: dict[str, st.SearchStrategy[str]] | None = None,
    options: dict[str, st.SearchStrategy[dict[str, Any]]] | None = None,
    target: st.SearchStrategy[str] = targets,
) -> Ask:
    """Questions about any tool; with `args` or `options` only from these."""
    program = draw(pick(sorted(TOOLS)))
    tool = TOOLS[program]
    max_timeout_s = draw(pick([300.0, 5.0, 3600.0]))
    return Ask(
        program=program,
        request=Request(
            target=draw(target),
            extra_args=draw((args or extra_args)[program]),
            options=draw(options[program]) if options else {},
            profile=draw(pick([None, None, None, *tool.profiles, "nosuch"])) if options else None,
            timeout_sec=draw(pick([None, None, 0.001, 30, 1e9])),
        ),
        terms=Terms(
            program=program,
            policy=draw(policies),
            max_timeout_s=max_timeout_s,
            default_timeout_s=min(60.0, max_timeout_s),
            profiles=tool.profiles,
        ),
        privileges=draw(privileges),
        looked_up=draw(look_ups),
    )


def parse_network(text: str) -> IPv4Network | IPv6Network | None:
    """A plan's address as the network it is, by the standard library; None for anything else."""
    try:
        return ip_network(text)
    except ValueError:
        return None


def parse_address(text: str) -> Address | None:
    """As `parse_network`, of one address."""
    try:
        return ip_address(text)
    except ValueError:
        return None
