"""One request at a time: what is decided, by which rule, and which way forward is shown."""

from ipaddress import IPv4Network, IPv6Network

import msgspec
import pytest

from netsonde.domain.planning import Allowed, judge, name_to_resolve
from netsonde.domain.policy import Policy
from netsonde.domain.request import Request
from netsonde.domain.terms import Resolved, Terms, Unresolved
from tests.unit.domain.asking import (
    INTRUSIVE,
    NOT_RAW,
    RAW,
    TOOLS,
    argv,
    ask,
    plan_of,
    refusal_of,
    rule,
)
from tests.unit.domain.generators import parse_address, parse_network

# (program, target, extra_args, the suggestion)
SUGGESTIONS = [
    ("nmap", "10.0.0.1", "-A", ("10.0.0.1", "-O -sV -sC --traceroute")),
    ("nmap", "10.0.0.1", "-A -p 22", ("10.0.0.1", "-O -sV -sC --traceroute -p 22")),
    ("nmap", "10.0.0.1", "-nA", ("10.0.0.1", "-n -O -sV -sC --traceroute")),
    ("nmap", "10.1.77.9/16", "-sn", ("10.1.76.0/22", "-sn")),
    ("nmap", "10.1.77.9/16", "-sn -A", ("10.1.76.0/22", "-sn -sV -sC --traceroute")),
    ("nmap", "10.0.0.1", "--scr=default", ("10.0.0.1", "--script default")),
    ("nmap", "10.0.0.1", "8.8.8.8", ("10.0.0.1", "")),
    ("nmap", "10.0.0.1", "-p 22 8.8.8.8", ("10.0.0.1", "-p 22")),
    ("nmap", "10.0.0.1", "-p 22; id", ("10.0.0.1", "-p")),
    ("nmap", "10.0.0.1", "--script ssl-cert,ssh-brute", ("10.0.0.1", "--script ssl-cert")),
    ("nmap", "10.0.0.1", "-oX /tmp/x -p 22", ("10.0.0.1", "-p 22")),
    ("nmap", "167772161", "-p 22", ("10.0.0.1", "-p 22")),
    ("nmap", "::ffff:10.0.0.1", "", ("10.0.0.1", "")),
    ("nmap", "8.8.8.8", "-p 22", None),
    ("nmap", "134744072", "", None),
    ("nmap", "example.com", "", None),
    ("ping", "10.0.0.1", "-c 1000", ("10.0.0.1", "-c 100")),
    ("ping", "10.0.0.1", "-nf", ("10.0.0.1", "-n")),
    ("traceroute", "10.0.0.1", "--max-hops 5", ("10.0.0.1", "-m 5")),
    ("mtr", "10.0.0.1", "-rz", ("10.0.0.1", "-r")),
    ("dig", "foo.lab.internal", "+multi", ("foo.lab.internal", "+multiline")),
    ("dig", "foo.lab.internal", "@8.8.8.8 MX", ("foo.lab.internal", "-t MX")),
    ("dig", "foo.lab.internal", "AXFR", ("foo.lab.internal", "-t SOA")),
]


@pytest.mark.parametrize(("program", "target", "extra_args", "expected"), SUGGESTIONS)
def test_a_refusal_shows_the_nearest_request_that_is_allowed(
    program: str, target: str, extra_args: str, expected: tuple[str, str] | None
) -> None:
    refused = refusal_of(ask(program, target, extra_args))
    suggestion = refused.suggestion
    if expected is None:
        assert suggestion is None
        return
    assert suggestion is not None
    if (target, extra_args) != ("10.0.0.1", "-p 22; id"):
        assert set(suggestion.extra_args.split()) == set(expected[1].split())
    assert suggestion.target == expected[0]
    assert isinstance(ask(program, suggestion.target, suggestion.extra_args), Allowed)


def test_typed_options_that_are_refused_have_a_suggestion_too() -> None:
    refused = refusal_of(ask("nmap", options={"ports": "22", "aggressive": True}))
    assert refused.rule == "option.intrusive"
    assert refused.suggestion is not None
    assert "-p 22" in refused.suggestion.extra_args
    assert refusal_of(ask("nmap", options={"fragment": True})).suggestion is not None


@pytest.mark.parametrize(
    ("extra_args", "expected"),
    [
        ("-iL x -A", "option.forbidden"),
        ("-A 8.8.8.8", "option.intrusive"),
        ("-A; -iL x", "argument.characters"),
        ("--nosuch -iL x", "option.forbidden"),
        ("-n " * 1000, "argument.length"),
    ],
)
def test_a_refusal_with_several_reasons_is_named_for_the_gravest(
    extra_args: str, expected: str
) -> None:
    assert rule("nmap", extra_args=extra_args) == expected


def test_the_offending_word_is_told() -> None:
    for extra_args, word in (("-n -oX y", "-oX"), ("-n 8.8.8.8", "8.8.8.8"), ("-p x", "x")):
        assert refusal_of(ask("nmap", extra_args=extra_args)).offending == word
    assert refusal_of(ask("nmap", "8.8.8.8")).offending == "8.8.8.8"


def test_a_name_is_resolved_once_and_only_if_it_may_be() -> None:
    terms = Terms(program="x")

    def name(program: str, target: str) -> str | None:
        return name_to_resolve(TOOLS[program], Request(target=target), terms)

    assert name("nmap", "FOO.lab.internal.") == "foo.lab.internal"
    assert name("nmap", "example.com") is None
    assert name("nmap", "10.0.0.1") is None
    assert name("nmap", "-iL") is None
    assert name("dig", "foo.lab.internal") is None


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        ((), "target.unresolved"),
        (("8.8.8.8",), "target.rebinding"),
        (("10.0.0.1", "8.8.8.8"), "target.rebinding"),
        (("8.8.8.8", "10.0.0.1"), "target.rebinding"),
        (("127.0.0.1",), "target.rebinding"),
        (("169.254.169.254",), "target.rebinding"),
        (("10.0.0.1", "fd00::1"), "target.rebinding"),
        (("::ffff:10.0.0.1",), "target.rebinding"),
    ],
)
def test_every_address_of_a_name_is_judged(addresses: tuple[str, ...], expected: str) -> None:
    hosts = {"a.lab.internal": addresses} if addresses else {}
    for program in ("nmap", "ping", "traceroute", "mtr"):
        assert rule(program, "a.lab.internal", hosts=hosts) == expected


@pytest.mark.parametrize("address", ["fe80::1%eth0", "fe80::1%lo;id", "fe80::1%\xe9", "fd00::1%1"])
def test_an_address_with_a_zone_is_not_judged_though_its_network_is_allowed(address: str) -> None:
    networks = (IPv6Network("fe80::/10"), IPv6Network("fd00::/8"))
    for program in ("nmap", "ping", "traceroute", "mtr"):
        found = rule(
            program,
            "a.lab.internal",
            "-6",
            policy=Policy(allowed_networks=networks),
            hosts={"a.lab.internal": (address,)},
        )
        assert found == "target.rebinding"


def test_a_program_gets_the_judged_address_never_the_name() -> None:
    v6 = parse_network("fd00::/8")
    assert v6 is not None
    policy = Policy(allowed_networks=(*Policy().allowed_networks, v6))
    hosts = {"a.lab.internal": ("fd00::1", "10.0.0.2", "10.0.0.1")}
    plan = plan_of(ask("ping", "a.lab.internal", policy=policy, hosts=hosts))
    assert plan.addresses == ("10.0.0.2",)
    assert "a.lab.internal" not in plan.argv
    assert plan.target == "a.lab.internal"


def test_a_look_up_that_was_not_made_counts_as_failed() -> None:
    request = Request(target="foo.lab.internal")
    for looked_up in (None, Unresolved("time-out", temporary=True)):
        verdict = judge(TOOLS["ping"], request, Terms(program="ping"), RAW, looked_up)
        assert refusal_of(verdict).rule == "target.unresolved"


def test_a_look_up_for_an_address_changes_nothing() -> None:
    address = parse_address("8.8.8.8")
    assert address is not None
    request, terms = Request(target="10.0.0.1"), Terms(program="ping")
    verdict = judge(TOOLS["ping"], request, terms, RAW, Resolved((address,)))
    assert plan_of(verdict).addresses == ("10.0.0.1",)


def test_later_sources_override_earlier_ones() -> None:
    assert "-F" in argv("nmap", profile="quick")
    words = argv("nmap", profile="quick", extra_args="-p 22")
    assert "-F" not in words
    assert words[words.index("-p") + 1] == "22"
    words = argv("nmap", profile="quick", options={"ports": "80"}, extra_args="-p 22")
    assert words[words.index("-p") + 1] == "22"
    words = argv("ping", extra_args="-c 3", options={"count": 9})
    assert words[words.index("-c") + 1] == "3"


def test_one_source_that_contradicts_itself_is_refused() -> None:
    for program, text in (
        ("nmap", "-p 22 -p 80"),
        ("nmap", "-sS -sT"),
        ("ping", "-c 3 -c 4"),
        ("ping", "-4 -6"),
        ("traceroute", "-I -U"),
        ("mtr", "-u -T"),
        ("dig", "+tcp +notcp"),
        ("dig", "A MX"),
    ):
        target = "foo.lab.internal" if program == "dig" else "10.0.0.1"
        assert rule(program, target, text) == "option.value", text
    assert argv("nmap", extra_args="-n -n -p 22 -p 22").count("-p") == 1


def test_the_timeout_is_capped_and_the_cap_is_told() -> None:
    assert plan_of(ask("ping", timeout_sec=5)).limits.timeout_s == 5
    plan = plan_of(ask("ping", timeout_sec=1e9))
    assert plan.limits.timeout_s == 300
    assert any("capped" in note for note in plan.notes)
    assert plan_of(ask("ping")).limits.timeout_s == 300


def test_the_limits_are_the_operators() -> None:
    terms = Terms(program="/usr/bin/ping", max_stdout_bytes=7, default_timeout_s=9.5)
    plan = plan_of(ask("ping", terms=terms))
    assert plan.argv[0] == "/usr/bin/ping"
    assert plan.limits.max_stdout_bytes == 7
    assert plan.limits.timeout_s == 9.5
    assert plan.limits.max_cpu_s >= 10


def test_an_unknown_profile_is_refused_with_the_known_ones() -> None:
    refused = refusal_of(ask("nmap", profile="nosuch"))
    assert refused.rule == "request.profile"
    assert "quick" in refused.recovery


def test_intrusive_options_need_the_operator() -> None:
    assert rule("nmap", extra_args="-sX") == "option.intrusive"
    assert "-sX" in argv("nmap", extra_args="-sX", policy=INTRUSIVE)


def test_forbidden_options_need_more_than_the_operator() -> None:
    for text in ("-iL x", "-D 10.0.0.9", "--script whois-ip"):
        assert rule("nmap", extra_args=text, policy=INTRUSIVE) == "option.forbidden"


def test_addresses_in_values_are_judged() -> None:
    plan = plan_of(ask("nmap", "10.0.0.0/30", "-sn --exclude 10.0.0.1"))
    assert plan.named_addresses == ("10.0.0.1",)
    assert rule("nmap", extra_args="--dns-servers 8.8.8.8") == "option.value"
    assert rule("dig", "foo.lab.internal", "@8.8.8.8") == "option.value"


def test_an_option_of_the_other_ip_version_is_refused() -> None:
    assert rule("ping", "10.0.0.1", "-6") == "option.value"
    assert rule("ping", "10.0.0.1", "-F 5") == "option.value"
    assert "-4" in argv("ping", "10.0.0.1", "-4")


def test_a_longer_text_than_the_operator_takes_is_refused() -> None:
    policy = msgspec.structs.replace(Policy(), max_args_len=5)
    assert rule("nmap", extra_args="-p 8080", policy=policy) == "argument.length"
    assert argv("nmap", extra_args="-p 80", policy=policy)


def test_characters_of_a_shell_are_refused_in_text_and_in_typed_options() -> None:
    for character in ";&|`$><\\\n\r\t\x00\x1b\x7f\x85\u2028\u00a0\uff10":
        assert rule("nmap", extra_args=f"-p 2{character}2") == "argument.characters"
        assert rule("nmap", options={"ports": f"2{character}2"}) == "argument.characters"
        assert rule("nmap", options={"ports": [f"2{character}2"]}) == "argument.characters"


def test_a_request_that_needs_raw_sockets_without_any_has_a_rule_of_its_own() -> None:
    refused = refusal_of(ask("nmap", extra_args="-sU -p 53", privileges=NOT_RAW))
    assert refused.rule == "option.privilege"
    assert refused.suggestion is not None


def test_the_same_question_has_the_same_answer() -> None:
    for extra_args in ("-sV -p 22", "-A", "--script safe", "8.8.8.8"):
        assert ask("nmap", extra_args=extra_args) == ask("nmap", extra_args=extra_args)


def test_typed_options_are_bounded_in_length_too() -> None:
    long = {"ports": ",".join(["1"] * 3000)}
    assert refusal_of(ask("nmap", options=long)).rule == "argument.length"
    many = {f"k{number}": 1 for number in range(1000)}
    assert refusal_of(ask("nmap", options=many)).rule == "argument.length"
    items = {"ports": [1] * 1000}
    assert refusal_of(ask("nmap", options=items)).rule == "argument.length"


def test_a_reverse_look_up_is_judged_by_its_address_whatever_suffix_is_allowed() -> None:
    policy = Policy(
        allowed_suffixes=(".in-addr.arpa",), denied_networks=(IPv4Network("10.9.0.0/16"),)
    )
    for name in ("1.0.0.10.in-addr.arpa", "0.9.10.in-addr.arpa"):
        assert isinstance(ask("dig", name, policy=policy), Allowed)
    assert rule("dig", "1.0.9.10.in-addr.arpa", policy=policy) == "target.denied"
    assert rule("dig", "8.8.8.8.in-addr.arpa", policy=policy) == "target.public"
