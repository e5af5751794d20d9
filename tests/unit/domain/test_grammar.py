"""How each program's own parser reads a word, and what becomes of it here."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.domain.grammar import Grammar, Syntax
from netsonde.domain.kinds import Int
from netsonde.domain.options import Given, Item, Problem, flag, valued
from netsonde.domain.words import Word, split
from tests.unit.domain.asking import TOOLS
from tests.unit.domain.generators import any_text


def read(program: str, text: str) -> list[Item]:
    words = split(text)
    assert words is not None
    return TOOLS[program].grammar.read_words(words)


def given_words(program: str, text: str) -> list[tuple[str, ...]]:
    items = read(program, text)
    assert all(isinstance(item, Given) for item in items), items
    return [item.words for item in items if isinstance(item, Given)]


def problem(program: str, text: str) -> Problem:
    (found,) = [item for item in read(program, text) if isinstance(item, Problem)]
    return found


@pytest.mark.parametrize(
    ("program", "text", "words"),
    [
        ("nmap", "-p22", [("-p", "22")]),
        ("nmap", "-p 22", [("-p", "22")]),
        ("nmap", "-p-", [("-p", "-")]),
        ("nmap", "-sSV", [("-sS",), ("-sV",)]),
        ("nmap", "-sVC", [("-sV",), ("-sC",)]),
        ("nmap", "-sP", [("-sn",)]),
        ("nmap", "-nF", [("-n",), ("-F",)]),
        ("nmap", "-nPn", [("-n",), ("-Pn",)]),
        ("nmap", "-T4", [("-T", "4")]),
        ("nmap", "-vvv", [("-v3",)]),
        ("nmap", "-v3", [("-v3",)]),
        ("nmap", "-PS22,80", [("-PS22,80",)]),
        ("nmap", "-PS", [("-PS",)]),
        ("nmap", "-O2", [("-O2",)]),
        ("nmap", "-top-ports 5", [("--top-ports", "5")]),
        ("nmap", "--top-ports=5", [("--top-ports", "5")]),
        ("nmap", "-script=ssl-cert", [("--script", "ssl-cert")]),
        ("nmap", "-rH", [("--randomize-hosts",)]),
        ("nmap", "-M 5", [("--max-parallelism", "5")]),
        ("nmap", "--host-timeout 30", [("--host-timeout", "30s")]),
        ("ping", "-qc5", [("-q",), ("-c", "5")]),
        ("ping", "-c 05", [("-c", "5")]),
        ("ping", "-i .5", [("-i", "0.5")]),
        ("traceroute", "--max-hops=5", [("-m", "5")]),
        ("traceroute", "-m5", [("-m", "5")]),
        ("traceroute", "-nm 5", [("-n",), ("-m", "5")]),
        ("traceroute", "-UL", [("-UL",)]),
        ("traceroute", "--sport=53", [("--sport=53",)]),
        ("mtr", "--report-cycles 5", [("-c", "5")]),
        ("mtr", "-rnc5", [("-r",), ("-n",), ("-c", "5")]),
        ("mtr", '-o "LS R"', [("-o", "LS R")]),
        ("dig", "mx", [("-t", "MX")]),
        ("dig", "-tmx", [("-t", "MX")]),
        ("dig", "CH txt", [("-c", "CH"), ("-t", "TXT")]),
        ("dig", "+SHORT", [("+short",)]),
        ("dig", "+noall +answer", [("+noall",), ("+answer",)]),
        ("dig", "+vc", [("+tcp",)]),
        ("dig", "+timeout=3", [("+time=3",)]),
        ("dig", "@10.0.0.53", [("@10.0.0.53",)]),
        ("dig", "-4u", [("-4",), ("-u",)]),
    ],
)
def test_a_spelling_the_program_takes_is_written_in_the_tables_way(
    program: str, text: str, words: list[tuple[str, ...]]
) -> None:
    assert given_words(program, text) == words


@pytest.mark.parametrize(
    ("program", "text", "rule", "fix"),
    [
        ("nmap", "--scr=default", "option.unknown", "--script default"),
        ("nmap", "-scr default", "option.unknown", "--script default"),
        ("nmap", "--top 5", "option.unknown", "--top-ports 5"),
        ("nmap", "-y", "option.unknown", "-A"),
        ("nmap", "--nosuch", "option.unknown", ""),
        ("nmap", "-p=80", "option.value", "-p 80"),
        ("nmap", "-T=4", "option.value", "-T 4"),
        ("nmap", "-Pn80", "option.value", "-Pn"),
        ("nmap", "-p", "option.value", ""),
        ("nmap", "-sn=1", "option.value", "-sn"),
        ("nmap", "-sQ", "option.unknown", ""),
        ("nmap", "-sVQ", "option.unknown", ""),
        ("nmap", "-oN x", "option.forbidden", ""),
        ("nmap", "-oNx", "option.forbidden", ""),
        ("nmap", "-niLx", "option.forbidden", ""),
        ("nmap", "-oN", "option.forbidden", ""),
        ("nmap", "--send", "option.forbidden", ""),
        ("nmap", "--prox=x", "option.forbidden", ""),
        ("nmap", "8.8.8.8", "option.positional", ""),
        ("nmap", "--", "option.positional", ""),
        ("nmap", "-", "option.positional", ""),
        ("nmap", '"-A"', "argument.characters", ""),
        ("ping", "-c 1000", "option.value", "-c 100"),
        ("ping", "-Z", "option.unknown", ""),
        ("ping", "-nI eth0", "option.forbidden", ""),
        ("traceroute", "--max-hops 5", "option.value", "-m 5"),
        ("traceroute", "--gateway 8.8.8.8", "option.forbidden", ""),
        ("traceroute", "--max=5", "option.unknown", "-m 5"),
        ("mtr", "--fil=/etc/passwd", "option.forbidden", ""),
        ("mtr", "--fi=/etc/passwd", "option.unknown", ""),
        ("dig", "+nss", "option.forbidden", ""),
        ("dig", "+multi", "option.unknown", "+multiline"),
        ("dig", "+short=1", "option.value", "+short"),
        ("dig", "+time", "option.value", ""),
        ("dig", "evil.example", "option.positional", ""),
        ("dig", "%x", "option.positional", ""),
    ],
)
def test_a_word_that_is_not_taken_has_a_rule_and_perhaps_a_fix(
    program: str, text: str, rule: str, fix: str
) -> None:
    found = problem(program, text)
    assert (found.rule, found.fix) == (rule, fix)
    assert found.reason
    assert found.offending


@pytest.mark.parametrize(
    ("program", "text", "problems"),
    [
        ("nmap", "-PS 80", ["80"]),
        ("nmap", "-O 2", ["2"]),
        ("nmap", "-v 3", ["3"]),
        ("nmap", "-iL /etc/passwd -A 8.8.8.8", ["-iL", "8.8.8.8"]),
        ("ping", "-c 1 8.8.8.8 -I", ["8.8.8.8", "-I"]),
        ("mtr", "-r -- 8.8.8.8", ["--", "8.8.8.8"]),
    ],
)
def test_every_word_that_is_not_taken_is_reported(
    program: str, text: str, problems: list[str]
) -> None:
    found = [item.offending for item in read(program, text) if isinstance(item, Problem)]
    assert found == problems


@given(st.sampled_from(sorted(TOOLS)), st.lists(any_text, max_size=4))
def test_reading_words_never_raises(program: str, words: list[str]) -> None:
    for item in TOOLS[program].grammar.read_words(map(Word, words)):
        assert isinstance(item, Given | Problem)


@given(
    st.sampled_from(sorted(TOOLS)),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=6,
    ),
    st.data(),
)
def test_reading_json_never_raises(program: str, value: object, data: st.DataObject) -> None:
    grammar = TOOLS[program].grammar
    key = data.draw(st.sampled_from([*grammar.by_key, "nosuch", ""]))
    for item in grammar.read_json({key: value}):
        assert isinstance(item, Given | Problem)


def test_json_that_no_text_can_hold_is_refused() -> None:
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    odd: list[object] = [deep, 10**5000, [10**5000], {}, [[1]], ["1,2"], [], None, float("nan")]
    for value in odd:
        (item,) = TOOLS["nmap"].grammar.read_json({"ports": value})
        assert isinstance(item, Problem)
        assert item.rule == "option.value"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ports": "22,80"}, [("-p", "22,80")]),
        ({"ports": 22}, [("-p", "22")]),
        ({"ports": [22, "80-90"]}, [("-p", "22,80-90")]),
        ({"service_version": True}, [("-sV",)]),
        ({"service_version": False}, []),
        ({"ping_syn": True}, [("-PS",)]),
        ({"ping_syn": "22"}, [("-PS22",)]),
        ({"max_rate": 0.5}, [("--max-rate", "0.5")]),
        ({"host_timeout": 30}, [("--host-timeout", "30s")]),
        ({"verbosity": 2}, [("-v2",)]),
    ],
)
def test_typed_options_are_read_as_the_text_is(
    options: dict[str, object], words: list[tuple[str, ...]]
) -> None:
    items = TOOLS["nmap"].grammar.read_json(options)
    assert [item.words for item in items if isinstance(item, Given)] == words
    assert len(items) == len(words)


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"port": "22"}, "option.unknown"),
        ({"": True}, "option.unknown"),
        ({"service_version": "yes"}, "option.value"),
        ({"service_version": 1}, "option.value"),
        ({"ports": True}, "option.value"),
        ({"ports": {"tcp": 22}}, "option.value"),
        ({"ports": "99999"}, "option.value"),
        ({"max_retries": "-1"}, "option.value"),
    ],
)
def test_typed_options_that_say_nothing_known_are_refused(
    options: dict[str, object], rule: str
) -> None:
    (item,) = TOOLS["nmap"].grammar.read_json(options)
    assert isinstance(item, Problem)
    assert item.rule == rule


def test_a_table_with_two_rows_of_one_name_or_key_is_refused() -> None:
    one = flag("-a", key="a", help="a")
    with pytest.raises(ValueError, match="-a"):
        Grammar((one, flag("-a", key="b", help="b")), Syntax())
    with pytest.raises(ValueError, match="key a"):
        Grammar((one, valued("-b", key="a", kind=Int(min=0, max=1), help="b")), Syntax())


def test_forbidden_rows_have_no_key() -> None:
    for tool in TOOLS.values():
        for option in tool.grammar.options:
            assert option.risk != "forbidden" or option.key == ""
