"""Values to try of every kind that option tables use: both bounds, and each word of a closed list."""

import random
from collections.abc import Iterator, Sequence

from netsonde.domain.kinds import (
    Choice,
    Float,
    Hex,
    Int,
    Kind,
    Level,
    Risk,
    Seconds,
    Text,
    Waits,
    Words,
)
from netsonde.domain.network_kinds import Addresses, Ports, Protocols
from netsonde.domain.options import Given, Option
from netsonde.domain.tool import Tool
from netsonde.domain.tools.nse import Scripts
from netsonde.domain.tools.nse_scripts import INTRUSIVE, SAFE
from netsonde.domain.words import quote

_NAMES_OF_TEXTS = {
    "scanflags": ("SYNFIN", "URGACKPSHRSTSYNFINECECWR", "SYN", "0", "255", "9"),
    "data_string": ("a", "some words, 100% plain", "=x", "x" * 1400),
    "fields": ("L", "LDRSNABWVGJMXI", "LSR NABWV", "_LS_"),
    "tls_hostname": ("web.lab.internal", "a", "10.0.0.1"),
}
_PATHS = ("/", "/dns-query", "/a/b.c_d-e")


def values(option: Option) -> tuple[str, ...]:
    """Canonical values of a row, its bounds among them; ("",) for one without a value."""
    if option.kind is None:
        return ("",)
    kind = option.kind
    found = tuple(dict.fromkeys(_read(kind, text) for text in _texts(option, kind)))
    return ("", *found) if option.value_optional else found


def _read(kind: Kind, text: str) -> str:
    read = kind.read(text)
    assert isinstance(read, str), f"{text!r} is no sample of {kind}: {read}"
    return read


def _texts(option: Option, kind: Kind) -> Iterator[str]:
    match kind:
        case Int():
            yield from (str(kind.min - kind.min % -kind.multiple_of), str(_top(kind)))
            yield str(_top(kind) // 2 // kind.multiple_of * kind.multiple_of or kind.min)
        case Float():
            middle = (kind.min + kind.max) / 2
            yield from (f"{number:.6f}" for number in (kind.min, kind.max, middle))
        case Seconds():
            yield from (f"{kind.min_s:.6f}", f"{kind.max_s:.6f}s", f"{kind.max_s * 1000:.0f}ms")
            yield f"{kind.min_s * 1000:.6f}ms"
            # Rounded down, else it may be above the bound.
            yield from (f"{kind.max_s // 6 / 10:.6f}m", f"{kind.max_s // 3.6 / 1000:.6f}h")
        case Words():
            yield from kind.values
            yield from (f"{word}={n}" for word, most in kind.numbers.items() for n in (0, most))
            yield ",".join(kind.values[:3])
        case Choice():
            yield from kind.values
        case Level():
            yield from map(str, range(1, kind.max + 1))
        case Ports():
            yield from _ports(kind)
        case Protocols():
            yield from ("0", "255", "1,6,17", ",".join(map(str, range(256))))
        case Hex():
            least = kind.min_digits + (kind.min_digits % 2 if kind.even else 0)
            yield from ("0" * least, "fF" * (kind.max_digits // 2))
        case Waits():
            yield from ("0.1", "30", "3,0.5", "3,3,10")
        case Addresses():
            yield from ("10.0.0.53", "10.77.3.53")
            if kind.most > 1:
                yield ",".join(f"10.77.2.{n}" for n in range(kind.most))
        case Scripts():
            yield from ("http-title", "http-title,ssl-cert,banner")
            yield from ("auth", "default", "discovery", "malware", "safe", "version")
            yield from ("brute", "dos", "exploit", "fuzzer", "intrusive", "vuln")
            yield ",".join(list(SAFE)[: kind.most])
            yield ",".join(list(INTRUSIVE)[: kind.most])
        case Text():
            yield from _NAMES_OF_TEXTS.get(option.key, _PATHS)
        case _:
            raise NotImplementedError(f"no samples of {type(kind).__name__}: add some here")


def _top(kind: Int) -> int:
    return kind.max - kind.max % kind.multiple_of


def _ports(kind: Ports) -> Iterator[str]:
    yield from ("22", "0", "65535", "22,80,8000-8010")
    if kind.full:
        yield from ("-", "-100", "65000-", "0-65535", "T:22", "U:53", "S:80", "T:22,80,U:53,S:9")
        yield from ("U:53,T:1-1024", "http,ssh", "P:6", "T:-", "U:-10,T:http", "22,22")
    else:
        yield ",".join(map(str, range(1, 1 + kind.max_ports)))


def rows(tool: Tool) -> tuple[Option, ...]:
    """The rows that can be given, with intrusive ones allowed."""
    return tuple(row for row in tool.grammar.options if row.risk is not Risk.FORBIDDEN)


def alone(tool: Tool) -> Iterator[str]:
    """Texts for extra_args: nothing, then every row by itself with each of its values."""
    yield ""
    for row in rows(tool):
        for value in values(row):
            yield text_of([tool.grammar.given(row, value)])


def together(tool: Tool, chance: random.Random, most: int = 5) -> str:
    """A text for extra_args: two rows or more that do not exclude each other by the table."""
    chosen: dict[str, Given] = {}
    for row in chance.sample(rows(tool), chance.randint(2, most)):
        chosen[row.exclusion] = tool.grammar.given(row, chance.choice(values(row)))
    return text_of(list(chosen.values()))


def text_of(given: Sequence[Given]) -> str:
    """What a caller would write."""
    return quote(word for item in given for word in item.words)
