"""What each tool adds to a request, and what it makes of one without privileges."""

import pytest

from netsonde.domain.kinds import Risk
from netsonde.domain.options import Problem
from netsonde.domain.plan import REPORT_FD
from netsonde.domain.planning import Allowed
from netsonde.domain.policy import RFC1918, Policy
from netsonde.domain.refusal import Refused
from tests.unit.domain.asking import (
    INTRUSIVE,
    NOT_RAW,
    TOOLS,
    argv,
    ask,
    plan_of,
    refusal_of,
    rule,
)
from tests.unit.domain.generators import parse_network


def value(words: list[str], name: str) -> str:
    """The word after `name`."""
    return words[words.index(name) + 1]


# --- all -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", TOOLS)
def test_a_tool_says_what_it_is(program: str) -> None:
    tool = TOOLS[program]
    assert tool.title
    assert len(tool.description) > 80
    assert tool.install_hint
    assert tool.default_timeout_sec is None or tool.default_timeout_sec > 0


@pytest.mark.parametrize("program", TOOLS)
def test_every_row_that_can_be_given_has_one_line_of_help(program: str) -> None:
    for option in TOOLS[program].grammar.options:
        assert option.help, option.names
        assert "\n" not in option.help
        assert option.risk is not Risk.FORBIDDEN or not option.kind, option.names


@pytest.mark.parametrize("program", TOOLS)
def test_every_profile_is_read_by_the_tools_own_grammar(program: str) -> None:
    for name in TOOLS[program].profiles:
        assert isinstance(ask(program, profile=name), Allowed), name
        assert isinstance(ask(program, profile=name, privileges=NOT_RAW), Allowed), name


@pytest.mark.parametrize("program", TOOLS)
def test_the_way_out_of_a_refused_row_is_itself_read(program: str) -> None:
    for option in TOOLS[program].grammar.options:
        if option.instead:
            assert isinstance(ask(program, extra_args=option.instead), Allowed)


@pytest.mark.parametrize("program", ["nmap", "ping", "traceroute", "mtr"])
def test_the_judged_address_is_the_last_word_after_the_end_of_options(program: str) -> None:
    assert argv(program, "10.0.0.7", "-n")[-2:] == ["--", "10.0.0.7"]
    assert argv(program, "foo.lab.internal")[-2:] == ["--", "10.0.0.20"]


@pytest.mark.parametrize("program", ["nmap", "ping", "traceroute", "mtr"])
def test_names_are_looked_up_only_when_wanted(program: str) -> None:
    plan = plan_of(ask(program))
    assert "-n" in plan.argv
    assert not plan.asks_resolver
    assert list(plan.argv).count("-n") == 1
    assert list(plan_of(ask(program, extra_args="-n")).argv).count("-n") == 1
    key = "no_dns" if program == "nmap" else "numeric"
    named = plan_of(ask(program, options={key: False}))
    assert "-n" not in named.argv
    assert named.asks_resolver


# --- ping ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "-n", "-w 5", "-q -i 0.2", "-c 7", "-c100"])
def test_ping_always_has_a_count(text: str) -> None:
    words = argv("ping", extra_args=text)
    assert words.count("-c") == 1
    assert 1 <= int(value(words, "-c")) <= 100


def test_ping_always_has_an_end() -> None:
    assert "-W" in argv("ping")
    assert "-W" not in argv("ping", extra_args="-w 5")
    assert value(argv("ping", extra_args="-W 5"), "-W") == "5"


def test_ping_is_never_faster_than_five_a_second() -> None:
    assert rule("ping", extra_args="-i 0.19") == "option.value"
    for text in ("-f", "-A", "-l 3", "-nf"):
        assert rule("ping", extra_args=text) == "option.intrusive"


# --- traceroute ------------------------------------------------------------------------------------


def test_traceroute_needs_raw_sockets_for_tcp_alone() -> None:
    assert rule("traceroute", extra_args="-T", privileges=NOT_RAW) == "option.privilege"
    assert plan_of(ask("traceroute", extra_args="-T")).needs_raw_sockets
    for text in ("", "-I", "-U", "-UL"):
        plan = plan_of(ask("traceroute", extra_args=text, privileges=NOT_RAW))
        assert not plan.needs_raw_sockets


def test_traceroute_joins_long_names_and_values() -> None:
    assert argv("traceroute", extra_args="--sport=53")[0] == "--sport=53"


@pytest.mark.parametrize("text", ["-f 20 -m 10", "-f 40", "-I -T", "-I -O syn"])
def test_traceroute_is_not_given_what_it_ends_with_an_error_on(text: str) -> None:
    assert rule("traceroute", extra_args=text) == "option.value"


# --- mtr -------------------------------------------------------------------------------------------

_MODES = {"-r", "--report", "-w", "-x", "-C", "-j", "--json", "-l", "--raw"}


@pytest.mark.parametrize("text", ["", "-n", "-r", "-w", "-x", "-C", "-j", "-l", "-u -P 53", "-b"])
def test_mtr_always_makes_a_report_of_a_number_of_rounds(text: str) -> None:
    words = argv("mtr", extra_args=text)
    assert len(_MODES & set(words)) == 1
    assert words.count("-c") == 1


def test_mtr_gives_json_unless_told_otherwise() -> None:
    assert "--json" in argv("mtr")
    assert "--json" in argv("mtr", extra_args="-r")
    assert "--json" not in argv("mtr", extra_args="-rw")


# --- dig -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "+short", "@10.0.0.53 MX", "-4 -u", "-r +tcp"])
def test_dig_reads_no_digrc_and_asks_one_question(text: str) -> None:
    words = argv("dig", "foo.lab.internal", text)
    assert words[0] == "-r"
    assert words.count("-r") == 1
    assert words[-4:-1] == ["-q", "foo.lab.internal", "-t"]
    assert "foo.lab.internal" not in words[:-3]


def test_dig_asks_for_an_address_unless_told_otherwise() -> None:
    assert argv("dig", "foo.lab.internal")[-1] == "A"
    assert argv("dig", "foo.lab.internal", "mx")[-1] == "MX"


def test_dig_waits_a_bounded_time() -> None:
    words = argv("dig", "foo.lab.internal")
    assert "+time=3" in words
    assert "+tries=2" in words
    words = argv("dig", "foo.lab.internal", "+time=1 +retry=0")
    assert "+time=1" in words
    assert not [word for word in words if word.startswith("+tries")]


def test_dig_asks_the_systems_resolver_or_a_judged_address() -> None:
    plan = plan_of(ask("dig", "foo.lab.internal"))
    assert plan.asks_resolver
    assert plan.addresses == ()
    plan = plan_of(ask("dig", "foo.lab.internal", "@10.0.0.53"))
    assert not plan.asks_resolver
    assert plan.addresses == plan.named_addresses == ("10.0.0.53",)


def test_dig_looks_an_address_up_in_reverse() -> None:
    assert argv("dig", "10.0.0.1")[-2:] == ["-x", "10.0.0.1"]
    assert argv("dig", "10.0.0.1", "-x 10.0.0.1")[-2:] == ["-x", "10.0.0.1"]
    assert rule("dig", "10.0.0.1", "-x 10.0.0.2") == "option.positional"
    assert rule("dig", "foo.lab.internal", "-x 10.0.0.1") == "option.positional"


def test_dig_asks_about_the_reverse_name_of_an_allowed_address() -> None:
    words = argv("dig", "1.0.0.10.in-addr.arpa.", "PTR")
    assert words[-4:] == ["-q", "1.0.0.10.in-addr.arpa", "-t", "PTR"]
    assert rule("dig", "8.8.8.8.in-addr.arpa", "PTR") == "target.public"
    assert rule("dig", "0.10.in-addr.arpa", "NS") == "target.suffix"
    assert rule("ping", "1.0.0.10.in-addr.arpa") == "target.suffix"


def test_dig_is_not_told_two_families() -> None:
    v6 = parse_network("fd00::/8")
    assert v6 is not None
    policy = Policy(allowed_networks=(*RFC1918, v6))
    assert rule("dig", "foo.lab.internal", "-6", policy=policy) == "option.value"
    assert rule("dig", "foo.lab.internal", "-4 @fd00::53", policy=policy) == "option.value"
    assert argv("dig", "foo.lab.internal", "-6 @fd00::53", policy=policy)


# --- nmap ------------------------------------------------------------------------------------------


def test_nmap_writes_its_report_to_a_descriptor_of_its_own() -> None:
    words = argv("nmap")
    assert value(words, "-oX") == f"/dev/fd/{REPORT_FD}"
    assert words.count("-oX") == 1
    assert plan_of(ask("nmap")).reads_report


@pytest.mark.parametrize(("timeout_sec", "retries"), [(10, "1"), (29, "1"), (30, "2"), (300, "2")])
def test_nmaps_retries_fit_the_timeout(timeout_sec: float, retries: str) -> None:
    assert value(argv("nmap", timeout_sec=timeout_sec), "--max-retries") == retries


@pytest.mark.parametrize("timeout_sec", [5, 60, 300])
@pytest.mark.parametrize("target", ["10.0.0.1", "10.0.0.0/26", "10.0.0.0/24", "10.0.0.0/22"])
def test_nmap_gives_slow_hosts_up_before_its_own_time_is_over(
    timeout_sec: float, target: str
) -> None:
    text = value(argv("nmap", target, timeout_sec=timeout_sec), "--host-timeout")
    assert text.endswith("ms")
    assert 1 <= float(text[:-2]) / 1000 <= max(1.0, timeout_sec * 0.9)


def test_nmaps_smart_defaults_give_way_to_what_was_asked() -> None:
    text = "--host-timeout 7s --max-retries 5 --stats-every 3s --noninteractive"
    words = argv("nmap", extra_args=text)
    assert value(words, "--host-timeout") == "7s"
    assert value(words, "--max-retries") == "5"
    assert value(words, "--stats-every") == "3s"
    for name in ("--host-timeout", "--max-retries", "--stats-every", "--noninteractive"):
        assert words.count(name) <= 1


def test_nmap_is_told_what_it_may_do() -> None:
    assert "--privileged" in argv("nmap")
    assert "--unprivileged" in argv("nmap", privileges=NOT_RAW)


def test_nmap_connects_where_there_are_no_raw_sockets_and_says_so() -> None:
    for text in ("", "-sV", "-p 22"):
        plan = plan_of(ask("nmap", extra_args=text, privileges=NOT_RAW))
        assert plan.argv.count("-sT") == 1
        assert plan.notes
    plan = plan_of(ask("nmap", extra_args="-sS", privileges=NOT_RAW))
    assert "-sT" in plan.argv
    assert "-sS" not in plan.argv
    assert any("-sS" in note for note in plan.notes)
    assert "-sT" not in argv("nmap", extra_args="-sn", privileges=NOT_RAW)


@pytest.mark.parametrize("text", ["-sU", "-O", "--traceroute", "-sA", "-PE", "--ttl 5", "-f"])
def test_nmap_options_that_need_raw_sockets_are_refused_without(text: str) -> None:
    verdict = ask("nmap", extra_args=text, privileges=NOT_RAW, policy=INTRUSIVE)
    assert refusal_of(verdict).rule == "option.privilege"


def test_all_at_once_without_raw_sockets_is_what_can_be_had() -> None:
    plan = plan_of(ask("nmap", extra_args="-A", privileges=NOT_RAW, policy=INTRUSIVE))
    assert "-sV" in plan.argv
    assert not {"-A", "-O", "--traceroute"} & set(plan.argv)


def test_all_at_once_is_spelt_out() -> None:
    words = argv("nmap", extra_args="-A", policy=INTRUSIVE)
    assert {"-O", "-sV", "--traceroute", "--script"} <= set(words)


def test_nmap_is_told_of_ipv6() -> None:
    v6 = parse_network("fd00::/8")
    assert v6 is not None
    policy = Policy(allowed_networks=(v6,))
    assert argv("nmap", "fd00::1", policy=policy).count("-6") == 1
    assert argv("nmap", "fd00::1", "-6", policy=policy).count("-6") == 1
    assert "-6" not in argv("nmap")


@pytest.mark.parametrize(
    "text",
    [
        "-sn -p 22",
        "-sn -F",
        "-sn -sS",
        "-sL -sU",
        "-sn -O",
        "-p 22 -F",
        "-F --top-ports 5",
        "--min-hostgroup 64 --max-hostgroup 8",
        "--min-rate 100 --max-rate 1",
        "--min-rtt-timeout 2s --max-rtt-timeout 100ms",
        "--scan-delay 1s --max-scan-delay 10ms",
    ],
)
def test_nmap_is_not_given_what_it_ends_with_an_error_on(text: str) -> None:
    refused = refusal_of(ask("nmap", extra_args=text))
    assert refused.rule == "option.value"
    assert refused.suggestion is not None


def test_a_clash_names_a_row_that_was_given() -> None:
    tool = TOOLS["nmap"]
    given = tuple(tool.grammar.named(name, value) for name, value in (("-sn", ""), ("-p", "22")))
    clash = tool.clash(given, None)
    assert isinstance(clash, Problem)
    assert clash.offending in ("-sn", "-p")


def test_a_network_is_for_nmap_alone() -> None:
    plan = plan_of(ask("nmap", "10.0.0.5/30"))
    assert plan.addresses == ("10.0.0.4/30",)
    assert plan.host_count == 4
    for program in ("ping", "traceroute", "mtr", "dig"):
        assert rule(program, "10.0.0.0/30") == "target.not_one_host"
        assert not isinstance(ask(program, "10.0.0.1/32"), Refused)


@pytest.mark.parametrize("text", ["-rw", "-rwc 10", "-r --json", "-rj -c 3", "--report --xml"])
def test_mtr_takes_a_report_with_a_format(text: str) -> None:
    assert isinstance(ask("mtr", extra_args=text), Allowed)


def test_the_systems_resolver_is_asked_dns_questions_and_nothing_else() -> None:
    for text in ("-p 22 +tcp", "+http-plain-post=/reboot", "+https"):
        assert refusal_of(ask("dig", "foo.lab.internal", text)).rule == "option.value"
        assert isinstance(ask("dig", "foo.lab.internal", f"{text} @10.0.0.53"), Allowed)
    assert isinstance(ask("dig", "foo.lab.internal", "-p 53"), Allowed)


def test_a_reverse_look_up_says_that_it_asks_for_nothing_but_ptr() -> None:
    other, usual = (ask("dig", "10.0.0.1", text) for text in ("-t MX", "PTR"))
    assert isinstance(other, Allowed)
    assert isinstance(usual, Allowed)
    assert (len(other.plan.notes), len(usual.plan.notes)) == (1, 0)


def test_a_long_list_of_protocols_is_judged_at_once() -> None:
    text = "-sO -p " + "11," * 400 + "999"
    assert refusal_of(ask("nmap", extra_args=text, policy=INTRUSIVE)).rule == "option.value"


@pytest.mark.parametrize(
    "text", ["--exclude printer.lab.internal", "--exclude-ports 9100,jetdirect", "-p 80,nosuch"]
)
def test_a_suggestion_never_leaves_out_what_kept_the_request_small(text: str) -> None:
    assert refusal_of(ask("nmap", "10.0.0.0/24", text)).suggestion is None


def test_what_stands_before_a_bad_character_stays_in_the_suggestion() -> None:
    suggestion = refusal_of(ask("nmap", "10.0.0.0/24", "-sn;id")).suggestion
    assert suggestion is not None
    assert suggestion.extra_args == "-sn"


def test_nmap_joins_scripts_given_in_several_pieces() -> None:
    words = argv("nmap", extra_args="--script http-title --script ssl-cert,http-title")
    assert words[words.index("--script") + 1] == "http-title,ssl-cert"


def test_an_abbreviation_of_nothing_but_forbidden_dig_options_is_forbidden() -> None:
    refused = refusal_of(ask("dig", "foo.lab.internal", "+tls-c=/etc/passwd"))
    assert refused.rule == "option.forbidden"


def test_dig_tells_which_type_was_too_many() -> None:
    assert refusal_of(ask("dig", "foo.lab.internal", "A AAAA")).offending == "AAAA"
