"""Every spelling of every option of the five programs, tried: data/option_spellings.toml has them.

The differences from those facts are listed here, each with its reason.
"""

import re
from collections.abc import Iterator

import pytest

from netsonde.domain.planning import Allowed, Verdict
from netsonde.domain.policy import RFC1918, Policy
from netsonde.domain.refusal import Refused
from netsonde.domain.tools.nse import expand
from tests.unit.domain.asking import INTRUSIVE, TOOLS, argv, ask, plan_of, rule
from tests.unit.domain.generators import parse_network
from tests.unit.domain.programs import PROGRAMS, SCRIPTS, Spelling

_V6 = parse_network("fd00::/8")
assert _V6 is not None
_WITH_V6 = Policy(allowed_networks=(*RFC1918, _V6))

# (program, first name, value or "" for every value) -> (class here, why)
DIFFERENT = {
    ("dig", "+defname", ""): ("never", "asks for names that were not judged"),
    ("dig", "+search", ""): ("never", "asks for names that were not judged"),
    ("dig", "+showsearch", ""): ("never", "asks for names that were not judged"),
    ("dig", "+dns64prefix", ""): ("never", "asks for ipv4only.arpa"),
    ("traceroute", "-M", "raw"): ("intrusive", "the same as -P, which is intrusive"),
    ("traceroute", "-O", ""): ("apart", "some words craft packets, and each method has its own"),
    ("traceroute", "-f", "128"): ("apart", "no larger than -m, whose largest is 64"),
    ("traceroute", "-f", "255"): ("apart", "no larger than -m, whose largest is 64"),
    ("traceroute", "-P", "0"): ("apart", "traceroute ends with an error"),
    ("traceroute", "-P", "255"): ("apart", "traceroute ends with an error"),
}
_CRAFTED = ("fin", "rst", "psh", "urg", "ece", "cwr", "flags")

# What must be with an option, where it can't be alone; %s is the option.
_CONTEXT = {
    ("nmap", "--defeat-icmp-ratelimit"): "-sU %s",
    ("nmap", "--defeat-rst-ratelimit"): "-sS %s",
    ("traceroute", "-f"): "%s -m 64",
    ("dig", "-6"): "%s @fd00::53",
}
_OF_METHODS = {"raw": "-I", "dgram": "-I", "coverage": "-UL", "service": "-M default", "help": ""}


class Case:
    """An option in one spelling."""

    def __init__(self, program: str, row: Spelling, name: str, text: str, value: str) -> None:
        self.program, self.row, self.name, self.value = program, row, name, value
        self.text = _CONTEXT.get((program, row.names[0]), "%s") % text
        self.target = "10.0.0.1"
        if row.ipv6 and program != "dig":
            self.target = "fd00::1"
        if (program, name) == ("dig", "-x"):
            self.target = value

    @property
    def risk(self) -> str:
        for value in ("", self.value):
            if (key := (self.program, self.row.names[0], value)) in DIFFERENT:
                return DIFFERENT[key][0]
        return self.row.risk

    def verdict(self, intrusive: bool = False) -> Verdict:
        policy = _WITH_V6 if self.row.ipv6 else Policy()
        if intrusive:
            policy = INTRUSIVE
        text = self.text
        if self.program == "dig" and re.search(r"-p|\+http", text) and "@" not in text:
            text += " @10.0.0.53"  # ports and HTTP are for a judged server only
        return ask(self.program, self.target, text, policy=policy)

    def __str__(self) -> str:
        return f"{self.program} {self.text}"


def _forms(program: str, row: Spelling, name: str, value: str) -> Iterator[str]:
    """The ways in which the program takes `name` with `value`."""
    plus, long = name.startswith("+"), name.startswith("--")
    quoted = f'"{value}"' if " " in value else value
    if row.arity == "none" or (not value and row.arity in ("attached", "equals")):
        yield name
    elif plus or (row.arity == "attached" and len(name) > 3):
        yield f"{name}={quoted}"
    elif long or (program == "nmap" and len(name) > 2 and row.arity == "required"):
        yield f"{name}={quoted}"
        if program != "traceroute":
            yield f"{name} {quoted}"
    elif row.arity == "attached":
        yield f"{name}{quoted}"
    else:
        yield f"{name} {quoted}"
        yield f"{name}{quoted}"


def _names(program: str, row: Spelling) -> Iterator[str]:
    for name in row.names:
        yield name
        if program == "nmap" and name.startswith("--"):
            yield name[1:]


def _cases(good: bool) -> Iterator[Case]:
    for program, rows in PROGRAMS.items():
        for row in rows.options:
            values = row.good if good else row.bad
            if good and row.arity != "required":
                values = ("", *values)
            for name in _names(program, row):
                for value in values:
                    for text in _forms(program, row, name, value):
                        yield Case(program, row, name, text, value)


GOOD = list(_cases(True))


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_option_of_the_program_is_in_the_table(program: str) -> None:
    known = {name for option in TOOLS[program].grammar.options for name in option.names}
    rows = PROGRAMS[program].options
    wanted = {name for row in rows for name in row.names}
    wanted |= {f"+no{name[1:]}" for row in rows if row.negatable for name in row.names}
    spelt = known | {name[1:] for name in known if name.startswith("--") and program == "nmap"}
    assert wanted - spelt == set()


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_table_has_no_option_that_the_program_lacks(program: str) -> None:
    rows = PROGRAMS[program].options
    real = {name for row in rows for name in row.names}
    real |= {f"+no{name[1:]}" for row in rows if row.negatable for name in row.names}
    known = {name for option in TOOLS[program].grammar.options for name in option.names}
    assert known - real - {"@"} == set()


@pytest.mark.parametrize("program", PROGRAMS)
def test_safe_and_bounded_options_are_accepted_in_every_spelling(program: str) -> None:
    refused = {}
    for case in GOOD:
        if case.program != program or case.risk not in ("safe", "bounded"):
            continue
        verdict = case.verdict()
        if isinstance(verdict, Refused):
            refused[str(case)] = f"{verdict.rule}: {verdict.reason}"
    assert refused == {}


@pytest.mark.parametrize("program", PROGRAMS)
def test_intrusive_options_are_accepted_in_every_spelling_where_the_operator_says_so(
    program: str,
) -> None:
    wrong = {}
    for case in GOOD:
        if case.program != program or case.risk != "intrusive":
            continue
        verdict = case.verdict()
        if not isinstance(verdict, Refused) or verdict.rule != "option.intrusive":
            wrong[str(case)] = "accepted without permission"
        verdict = case.verdict(intrusive=True)
        if isinstance(verdict, Refused):
            wrong[str(case)] = f"{verdict.rule}: {verdict.reason}"
    assert wrong == {}


@pytest.mark.parametrize("program", PROGRAMS)
def test_forbidden_options_are_refused_in_every_spelling_whatever_the_operator_says(
    program: str,
) -> None:
    wrong = {}
    for case in GOOD:
        if case.program != program or case.risk != "never":
            continue
        for intrusive in (False, True):
            verdict = case.verdict(intrusive)
            if not isinstance(verdict, Refused) or verdict.rule != "option.forbidden":
                wrong[str(case)] = verdict
    assert wrong == {}


@pytest.mark.parametrize("program", PROGRAMS)
def test_bad_values_are_refused_in_every_spelling(program: str) -> None:
    accepted = {}
    for case in _cases(False):
        if case.program != program or case.risk in ("never", "apart"):
            continue
        for intrusive in (False, True):
            verdict = case.verdict(intrusive)
            if isinstance(verdict, Allowed):
                accepted[str(case)] = verdict.plan.argv
    assert accepted == {}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_value_that_is_missing_is_refused(program: str) -> None:
    wrong = {}
    for row in PROGRAMS[program].options:
        for name in _names(program, row):
            if row.arity == "required":
                for text in (name, f"{name}="):
                    verdict = ask(program, "10.0.0.1", text, policy=INTRUSIVE)
                    if isinstance(verdict, Allowed):
                        wrong[text] = verdict.plan.argv
    assert wrong == {}


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_option_that_is_cut_short_is_never_passed_on(program: str) -> None:
    """getopt and dig complete them; the exceptions are shorter options of their own."""
    wrong = {}
    names = {name for row in PROGRAMS[program].options for name in _names(program, row)}
    names |= {
        f"+no{n[1:]}" for row in PROGRAMS[program].options if row.negatable for n in row.names
    }
    for row in PROGRAMS[program].options:
        for name in _names(program, row):
            if not name.startswith(("--", "+")):
                continue
            for size in range(3, len(name)):
                cut = name[:size]
                if cut in names:
                    continue
                for text in (cut, f"{cut}=1", f"{cut} 1"):
                    if isinstance(ask(program, "10.0.0.1", text, policy=INTRUSIVE), Allowed):
                        wrong[text] = name
    assert wrong == {}


_WORDS = [w for row in PROGRAMS["traceroute"].options if "-O" in row.names for w in row.good]


@pytest.mark.parametrize("word", _WORDS)
def test_words_of_traceroutes_methods_are_judged_one_by_one(word: str) -> None:
    method = next((m for w, m in _OF_METHODS.items() if word.startswith(w)), "-T")
    verdict = ask("traceroute", extra_args=f"{method} -O {word}")
    if word.partition("=")[0] in _CRAFTED:
        assert isinstance(verdict, Refused)
        assert verdict.rule == "option.intrusive"
        assert isinstance(ask("traceroute", extra_args=f"-T -O {word}", policy=INTRUSIVE), Allowed)
    else:
        assert isinstance(verdict, Allowed), verdict


def test_every_record_type_is_accepted_in_every_spelling() -> None:
    for name in PROGRAMS["dig"].types:
        for text in (name, name.lower(), f"-t {name}", f"-t{name}"):
            words = argv("dig", "foo.lab.internal", text)
            assert words[-4:] == ["-q", "foo.lab.internal", "-t", name], text


def test_zone_transfers_are_intrusive_and_odd_types_unknown() -> None:
    for name in PROGRAMS["dig"].types_refused:
        for text in (name, name.lower(), f"-t {name}", f"-t{name}"):
            assert rule("dig", "foo.lab.internal", text).startswith("option."), text
    assert rule("dig", "foo.lab.internal", "AXFR") == "option.intrusive"
    assert isinstance(ask("dig", "foo.lab.internal", "AXFR", policy=INTRUSIVE), Allowed)


# --- scripts ---------------------------------------------------------------------------------------


def test_safe_scripts_are_accepted_by_name() -> None:
    for name in SCRIPTS["safe"]:
        words = argv("nmap", extra_args=f"--script {name}")
        assert words[words.index("--script") + 1] == name


def test_intrusive_scripts_need_the_operators_permission() -> None:
    for name in SCRIPTS["intrusive"]:
        assert rule("nmap", extra_args=f"--script {name}") == "option.intrusive"
        assert plan_of(ask("nmap", extra_args=f"--script {name}", policy=INTRUSIVE))


def test_scripts_that_reach_third_parties_or_files_are_refused_always() -> None:
    for name in SCRIPTS["never"]:
        for policy in (Policy(), INTRUSIVE):
            assert rule("nmap", extra_args=f"--script {name}", policy=policy) == "option.forbidden"


@pytest.mark.parametrize("category", ["auth", "default", "discovery", "malware", "safe", "version"])
def test_categories_are_expanded_to_safe_scripts(category: str) -> None:
    names = expand(category).split(",")
    assert names
    assert set(names) <= SCRIPTS["safe"]
    assert set(names) == set(argv("nmap", extra_args=f"--script {category}")[1].split(","))


@pytest.mark.parametrize("category", ["brute", "dos", "exploit", "fuzzer", "intrusive", "vuln"])
def test_intrusive_categories_are_expanded_to_scripts_that_are_not_forbidden(category: str) -> None:
    assert rule("nmap", extra_args=f"--script {category}") == "option.intrusive"
    words = argv("nmap", extra_args=f"--script {category}", policy=INTRUSIVE)
    names = set(words[words.index("--script") + 1].split(","))
    assert names & SCRIPTS["intrusive"]
    assert not names & SCRIPTS["never"]


@pytest.mark.parametrize("category", ["broadcast", "external"])
def test_categories_that_reach_third_parties_are_refused_always(category: str) -> None:
    for policy in (Policy(), INTRUSIVE):
        assert rule("nmap", extra_args=f"--script {category}", policy=policy) == "option.forbidden"


@pytest.mark.parametrize("text", ["-sC", "-A", "-sC --script ssl-cert", "--script default"])
def test_default_scripts_never_run_nmaps_own_default(text: str) -> None:
    words = argv("nmap", extra_args=text, policy=INTRUSIVE)
    assert "-sC" not in words
    assert "-A" not in words
    assert set(words[words.index("--script") + 1].split(",")) <= SCRIPTS["safe"]
