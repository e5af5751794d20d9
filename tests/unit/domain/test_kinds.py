"""Each kind of value is total, idempotent and takes ASCII digits only."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # has no types

from netsonde.domain.grammar import Grammar, Syntax
from netsonde.domain.kinds import (
    Bad,
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
from netsonde.domain.options import Given, valued
from netsonde.domain.tools.nse import Scripts
from tests.unit.domain.asking import TOOLS
from tests.unit.domain.generators import good_values

# kind -> texts and what they are read as; None for what is not read.
KINDS: Sequence[tuple[Kind, Mapping[str, str | None]]] = (
    (Int(min=1, max=100), {"1": "1", "100": "100", "007": "7", "0": None, "101": None, "1.0": None}),
    (Int(min=8, max=1480, multiple_of=8), {"8": "8", "16": "16", "15": None, "1488": None}),
    (Float(min=0.2, max=60), {"0.2": "0.2", ".5": "0.5", "60": "60", "1.50": "1.5", "0.1": None, "5.": None}),
    (Seconds(min_s=1, max_s=600), {"2": "2s", "1500ms": "1500ms", "1m": "1m", "1h": None, "1d": None, "999ms": None}),
    (Choice(values=("do", "dont")), {"do": "do", "Do": None, "d": None}),
    (Choice(values=("A", "MX"), ignore_case=True), {"mx": "MX", "Mx": "MX", "\u1e41x": None}),
    (Words(values=("syn", "ack"), numbers={"mss": 65535}), {"syn": "syn", "syn,ack": "syn,ack", "mss=9": "mss=9", "mss=65536": None, "mss": None, "": None, "syn,": None}),
    (Level(letter="v", max=5), {"3": "3", "v": "2", "vvv": "4", "vvvvv": None, "0": None, "x": None, "vx": None}),
    (Hex(max_digits=32), {"ff": "ff", "0F": "0F", "": None, "xyz": None, "0" * 33: None}),
    (Hex(min_digits=2, max_digits=8, even=True), {"ffff": "ffff", "fff": None, "f": None}),
    (Text(pattern=r"[LSR]{1,3}", what="letters"), {"LSR": "LSR", "LSRL": None, "LSR\n": None, "": None}),
    (Waits(number=Float(min=0.1, max=30)), {"3": "3", "3,5,10": "3,5,10", "0.50,1": "0.5,1", "1,2,3,4": None, "1,": None}),
    (Ports(), {"22": "22", "22,80": "22,80", "U:53,T:22": "U:53,T:22", "-": "-", "1-": "1-", "-9": "-9", "http": "http", "9-1": None, "65536": None, "": None, "80,,90": None, "http*": None, "X:9": None, "[80]": None}),
    (Ports(full=False, max_ports=4), {"22,80": "22,80", "1-4": "1-4", "1-5": None, "-": None, "U:53": None, "http": None}),
    (Protocols(), {"1,6,17": "1,6,17", "256": None, "tcp": None, "": None}),
    (Addresses(), {"10.0.0.5": "10.0.0.5", "10.0.0.5,fd00::1": "10.0.0.5,fd00::1", "10.1": None, "foo.lab.internal": None, "::ffff:10.0.0.1": None, "fe80::1%lo": None, "10.0.0.0/24": None, "": None}),
    (Addresses(most=1), {"10.0.0.5": "10.0.0.5", "10.0.0.5,10.0.0.6": None}),
    (Scripts(), {"ssl-cert": "ssl-cert", "default,ssl-cert": "default,ssl-cert", "ssl-cert.nse": None, "http-*": None, "+ssl-cert": None, "all": None, "/tmp/x": None, "default or safe": None, "": None, "SSL-cert": None}),
)  # fmt: skip
_EVERY = [kind for kind, _ in KINDS]
for _tool in TOOLS.values():
    for _option in _tool.grammar.options:
        if _option.kind is not None and _option.kind not in _EVERY:
            _EVERY.append(_option.kind)
_TEXTS = st.one_of(
    st.text(max_size=12),
    st.text(st.sampled_from("0123456789.,-:=svhmTUx \u0661\uff11\n"), max_size=12),
)


@pytest.mark.parametrize(
    ("kind", "text", "canonical"),
    [(kind, text, canonical) for kind, texts in KINDS for text, canonical in texts.items()],
)
def test_a_text_is_read_to_its_canonical_form_or_not_at_all(
    kind: Kind, text: str, canonical: str | None
) -> None:
    read = kind.read(text)
    assert (None if isinstance(read, Bad) else read) == canonical


@given(st.sampled_from(_EVERY), _TEXTS)
def test_reading_is_total_and_idempotent_and_gives_one_printable_word(
    kind: Kind, text: str
) -> None:
    read = kind.read(text)
    if isinstance(read, Bad):
        assert read.reason
        if read.nearest is not None:
            assert not isinstance(kind.read(read.nearest), Bad)
        return
    assert kind.read(read) == read
    assert read.isascii()
    assert read.isprintable()
    assert not read.startswith("-") or isinstance(kind, Ports)
    assert kind.describe()


@pytest.mark.parametrize("kind", _EVERY, ids=repr)
def test_what_the_kind_names_as_good_is_read_and_fits_its_schema(kind: Kind) -> None:
    schema = kind.schema()
    Draft202012Validator.check_schema(schema)
    read = {text: kind.read(text) for text in good_values(kind)}
    canonical = {text for text in read.values() if isinstance(text, str)}
    assert canonical
    for text in canonical:
        value: Any = text
        if "string" not in kind.json_type:
            value = float(text) if "number" in kind.json_type else int(text)
        Draft202012Validator(schema).validate(value)
        row = valued("--x", key="x", kind=kind, help="x")
        (item,) = Grammar((row,), Syntax()).read_json({"x": value})
        assert isinstance(item, Given)
        assert item.value == text


_DIGITS = {
    "\uff11": "full-width",
    "\u0661": "Arabic",
    "\u00b2": "superscript",
    "\u0967": "Devanagari",
}


@pytest.mark.parametrize("digit", _DIGITS, ids=_DIGITS.values())
@pytest.mark.parametrize("kind", _EVERY, ids=repr)
def test_digits_of_other_scripts_are_no_digits(kind: Kind, digit: str) -> None:
    for text in (digit, f"1{digit}", f"{digit}s", f"10.0.0.{digit}", f"1-{digit}"):
        assert isinstance(kind.read(text), Bad)


@pytest.mark.parametrize(
    "text", ["+1", "-1", "0x10", "1e1", "1_0", " 1", "1 ", "1\n", "nan", "inf", "--", "9" * 40]
)
@pytest.mark.parametrize(
    "kind", [Int(min=0, max=10**30), Float(min=0, max=1e30), Seconds(min_s=0, max_s=9)]
)
def test_a_number_is_plain_decimal(kind: Kind, text: str) -> None:
    assert isinstance(kind.read(text), Bad)


@pytest.mark.parametrize(
    ("kind", "text", "nearest"),
    [
        (Int(min=1, max=100), "1000", "100"),
        (Int(min=8, max=1480, multiple_of=8), "1479", "1472"),
        (Float(min=0.2, max=60), "0.01", "0.2"),
        (Seconds(min_s=1, max_s=600), "1h", "600s"),
        (Level(letter="v", max=5), "9", "5"),
        (Ports(), "443-80", "80-443"),
        (Scripts(), "ssl-cert,nosuch", "ssl-cert"),
    ],
)
def test_a_value_that_is_off_has_a_near_one_that_is_not(
    kind: Kind, text: str, nearest: str
) -> None:
    assert kind.read(text) == Bad(reason=_reason(kind, text), nearest=nearest)


def _reason(kind: Kind, text: str) -> str:
    read = kind.read(text)
    assert isinstance(read, Bad)
    return read.reason


def test_addresses_in_a_value_are_there_for_policy_to_judge() -> None:
    assert [str(a) for a in Addresses().addresses("10.0.0.5,fd00::1")] == ["10.0.0.5", "fd00::1"]


def test_risky_words_are_told_apart_from_the_rest() -> None:
    words = Words(values=("syn", "fin"), intrusive=("fin",)).risky("syn,fin")
    assert [(word.word, word.risk, word.without) for word in words] == [
        ("fin", Risk.INTRUSIVE, "syn")
    ]
    scripts = Scripts().risky("ssl-cert,ssh-brute,whois-ip,vuln")
    assert [word.word for word in scripts] == ["whois-ip", "ssh-brute", "vuln"]
    assert {word.without for word in scripts} == {"ssl-cert"}
