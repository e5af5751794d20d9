"""Options that a program does not take together, each seen to end it with an error in the lab."""

from ipaddress import ip_network

import pytest

from netsonde.domain.planning import Allowed
from netsonde.domain.policy import Policy
from netsonde.domain.refusal import Refused

from .asking import INTRUSIVE, NOT_RAW, ask, plan_of

WITH_IPV6 = Policy(allow_intrusive=True, allowed_networks=(ip_network("fd77::/16"),))

CLASHES = [
    # "You cannot use -F (fast scan) or -p (explicit port selection) when not doing a port scan"
    ("nmap", "-sn -p 80", "-p"),
    ("nmap", "-sn -F", "-F"),
    ("nmap", "-sL --top-ports 10", "--top-ports"),
    ("nmap", "-sn --port-ratio 0.5", "--port-ratio"),
    ("nmap", "-sn --exclude-ports 80", "--exclude-ports"),
    # "-sL and -sn (skip port scan) are not valid with any other scan types"
    ("nmap", "-sn -sS", "-sS"),
    ("nmap", "-sL -sU", "-sU"),
    # "OS Scan is unreliable without a port scan"
    ("nmap", "-sn -O", "-O"),
    ("nmap", "-sL -A", "-A"),
    # "Option --defeat-rst-ratelimit works only with a SYN scan (-sS)"
    ("nmap", "--defeat-rst-ratelimit -sT", "--defeat-rst-ratelimit"),
    ("nmap", "--defeat-rst-ratelimit -sU", "--defeat-rst-ratelimit"),
    ("nmap", "--defeat-rst-ratelimit -sn", "--defeat-rst-ratelimit"),
    # "Option --defeat-icmp-ratelimit works only with a UDP scan (-sU)"
    ("nmap", "--defeat-icmp-ratelimit", "--defeat-icmp-ratelimit"),
    ("nmap", "--defeat-icmp-ratelimit -sS", "--defeat-icmp-ratelimit"),
    # "Only one -PB, -PA, or -PT option is allowed"
    ("nmap", "-PA80 -PB", "-PB"),
    # "Fragscan only works with TCP, ICMP Timestamp or ICMP Mask (mtu=8) ping types or ACK, FIN, ..."
    ("nmap", "-f -sL", "-f"),
    ("nmap", "--mtu 16 -Pn -sU", "--mtu"),
    ("nmap", "-f -PE -sT", "-f"),
    # "Unknown protocol 0"; "Protocols specified must be between 0 and 255 inclusive"
    ("nmap", "-sO --traceroute", "--traceroute"),
    ("nmap", "-sO -A", "-A"),
    ("nmap", "-sO -sS", "-sS"),
    ("nmap", "-sO -p 256", "-p"),
    ("nmap", "-sO -p 65000-", "-p"),
    ("nmap", "-sO --exclude-ports http", "--exclude-ports"),
    # "--min-rtt-timeout must be less than or equal to --max-rtt-timeout", and its like
    ("nmap", "--min-rtt-timeout 2s --max-rtt-timeout 1500ms", "--min-rtt-timeout"),
    ("nmap", "--min-parallelism 10 --max-parallelism 5", "--min-parallelism"),
    ("nmap", "--min-parallelism 2 -T 0", "--min-parallelism"),
    ("nmap", "-T polite --min-parallelism 2", "--min-parallelism"),
    ("nmap", "--min-hostgroup 10 --max-hostgroup 5", "--min-hostgroup"),
    ("nmap", "--min-rate 10 --max-rate 5", "--min-rate"),
    # "first hop out of range"
    ("traceroute", "-f 31", "-f"),
    ("traceroute", "-f 5 -m 4", "-f"),
    # "arguments are not allowed"
    ("traceroute", "-I -O syn", "-O"),
    ("traceroute", "-T -O raw", "-O"),
    ("traceroute", "-UL -O coverage=8,ecn", "-O"),
    ("traceroute", "-M icmp -O ecn", "-O"),
    ("traceroute", "-P 50 -O info", "-O"),
    # "socket: Invalid argument"
    ("traceroute", "-P 50 -p 300", "-p"),
    ("traceroute", "-M raw -p 255", "-p"),
]

NEIGHBOURS = [
    ("nmap", "-sn -PS22"),
    ("nmap", "-sn --traceroute --script safe"),
    ("nmap", "-O -F"),
    ("nmap", "--defeat-rst-ratelimit"),
    ("nmap", "--defeat-rst-ratelimit -sU -sS"),
    ("nmap", "--defeat-rst-ratelimit -sT --open"),
    ("nmap", "--defeat-icmp-ratelimit -sU"),
    ("nmap", "-PA80 -PS443"),
    ("nmap", "-f"),
    ("nmap", "-f -sn"),
    ("nmap", "-f -Pn -sS"),
    ("nmap", "-f -Pn -sU -sA"),
    ("nmap", "-f -PP -sU"),
    ("nmap", "-sO -p 1,6,17-20,200-,-3,-,255"),
    ("nmap", "--min-parallelism 1 -T 0"),
    ("nmap", "--min-parallelism 2 -T 3"),
    ("nmap", "--min-rtt-timeout 1500ms --max-rtt-timeout 2s"),
    ("traceroute", "-f 30"),
    ("traceroute", "-f 31 -m 40"),
    ("traceroute", "-O ecn"),
    ("traceroute", "-T -O syn,ack,mss=1400"),
    ("traceroute", "-I -O raw"),
    ("traceroute", "-UL -O coverage=8"),
    ("traceroute", "-D -O service=1"),
    ("traceroute", "-P 50 -p 254"),
    ("traceroute", "-I -p 300"),
]


@pytest.mark.parametrize(("program", "extra_args", "offending"), CLASHES)
def test_what_the_program_does_not_take_together_is_refused(
    program: str, extra_args: str, offending: str
) -> None:
    verdict = ask(program, extra_args=extra_args, policy=INTRUSIVE)
    assert isinstance(verdict, Refused)
    assert (verdict.rule, verdict.offending) == ("option.value", offending)


@pytest.mark.parametrize(("program", "extra_args", "offending"), CLASHES)
def test_the_suggestion_leaves_one_of_them_out(
    program: str, extra_args: str, offending: str
) -> None:
    verdict = ask(program, extra_args=extra_args, policy=INTRUSIVE)
    assert isinstance(verdict, Refused)
    assert verdict.suggestion is not None
    assert offending not in verdict.suggestion.extra_args.split()
    assert isinstance(
        ask(program, extra_args=verdict.suggestion.extra_args, policy=INTRUSIVE), Allowed
    )


@pytest.mark.parametrize(("program", "extra_args"), NEIGHBOURS)
def test_what_looks_like_it_and_is_taken_is_planned(program: str, extra_args: str) -> None:
    plan_of(ask(program, extra_args=extra_args, policy=INTRUSIVE))


def test_two_ip_options_in_one_ping_exclude_each_other() -> None:
    verdict = ask("ping", extra_args="-R -T tsonly", policy=INTRUSIVE)
    assert isinstance(verdict, Refused)
    assert verdict.rule == "option.value"


@pytest.mark.parametrize("row", ["-PP", "-PM", "-PB", "-f", "--mtu 16"])
def test_what_nmap_has_for_ipv4_alone_is_refused_for_ipv6(row: str) -> None:
    verdict = ask("nmap", "fd77::1", row, policy=WITH_IPV6)
    assert isinstance(verdict, Refused)
    assert verdict.rule == "option.value"


@pytest.mark.parametrize("number", ["0", "255"])
def test_traceroute_has_no_raw_packets_of_protocols_that_no_socket_can_send(number: str) -> None:
    verdict = ask("traceroute", extra_args=f"-P {number}", policy=INTRUSIVE)
    assert isinstance(verdict, Refused)
    assert verdict.rule == "option.value"


def test_the_method_raw_is_as_intrusive_as_the_option_for_it() -> None:
    for extra_args in ("-M raw", "-P 50"):
        verdict = ask("traceroute", extra_args=extra_args)
        assert isinstance(verdict, Refused)
        assert verdict.rule == "option.intrusive"


def test_without_raw_sockets_a_method_by_name_is_refused_as_its_own_option_is() -> None:
    for extra_args in ("-M tcp", "-T"):
        verdict = ask("traceroute", extra_args=extra_args, privileges=NOT_RAW)
        assert isinstance(verdict, Refused)
        assert verdict.rule == "option.privilege"


def test_without_raw_sockets_the_aggressive_scan_asks_for_versions() -> None:
    plan = plan_of(ask("nmap", extra_args="-A", policy=INTRUSIVE, privileges=NOT_RAW))
    assert "-sV" in plan.argv
    assert not {"-A", "-O", "--traceroute"} & set(plan.argv)
    assert any("-sV" in note for note in plan.notes)


def test_a_script_timeout_is_in_whole_seconds_since_nmap_formats_it_as_an_integer() -> None:
    plan = plan_of(ask("nmap", extra_args="-sC --script-timeout 1500ms"))
    assert plan.argv[plan.argv.index("--script-timeout") + 1] == "2s"
