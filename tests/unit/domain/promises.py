"""What holds for every verdict, whoever asked: for the tests of properties and for the fuzzer.

Plans are read back by the programs' own grammars (programs.py), which share nothing with the
tables that made them, and addresses are judged anew by intervals, not by the policy's code.
"""

import re
import socket
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address, ip_network

from netsonde.domain.options import Option
from netsonde.domain.plan import REPORT_FD, Plan
from netsonde.domain.planning import Allowed, Verdict, judge
from netsonde.domain.policy import Policy
from netsonde.domain.refusal import Refused, Suggestion
from netsonde.domain.request import Request
from netsonde.domain.target import Address, Hostname, Network, parse
from netsonde.domain.terms import Resolved
from tests.unit.domain import programs
from tests.unit.domain.asking import TOOLS
from tests.unit.domain.generators import Ask, parse_address, parse_network

RULES = frozenset(
    """
    access.network argument.characters argument.length
    option.forbidden option.intrusive option.positional option.privilege option.unknown option.value
    request.profile
    target.characters target.denied target.link_local target.loopback target.malformed target.multicast
    target.not_allowed target.not_one_host target.public target.rebinding target.reserved
    target.spelling target.suffix target.too_large target.unresolved
    """.split()
)

# Rows whose values the program takes for text, never for a host: it sends or compares them.
_TEXTS = {"nmap": ("--data-string", "--data"), "dig": ("+tls-hostname", "+subnet"), "ping": ("-p",)}
_FIXED: Mapping[str, set[tuple[str, str | None]]] = {
    "nmap": {
        ("--oX", f"/dev/fd/{REPORT_FD}"),
        ("--privileged", None),
        ("--unprivileged", None),
    },
    "dig": {("-q", "SUBJECT"), ("-x", "SUBJECT")},
}
_ALLOWED_RISKS = {False: ("safe", "bounded"), True: ("safe", "bounded", "intrusive")}


def decide(ask: Ask, request: Request | None = None) -> Verdict:
    """The judge's answer."""
    return judge(
        TOOLS[ask.program], request or ask.request, ask.terms, ask.privileges, ask.looked_up
    )


def check(ask: Ask, verdict: Verdict) -> None:
    """All that holds for a verdict."""
    if isinstance(verdict, Allowed):
        check_plan(ask, verdict.plan)
    else:
        check_refusal(ask, verdict)


# --- plans -----------------------------------------------------------------------------------------


def check_plan(ask: Ask, plan: Plan) -> None:
    """What an operator relies on."""
    policy = ask.terms.policy
    assert plan.argv[0] == ask.terms.program
    words = plan.argv[1:]
    assert all(re.fullmatch(r"[ -~]+", word) for word in words), "a control character, or nothing"
    assert not re.search(r"[;&|`$><\\\n]", "".join(words))
    for text in (*plan.addresses, *plan.named_addresses):
        assert_permitted(policy, text)
    if isinstance(parse(ask.request.target), Hostname) and ask.program != "dig":
        assert isinstance(ask.looked_up, Resolved)
        assert all(permitted(policy, address) for address in ask.looked_up.addresses)
    assert plan.limits.timeout_s <= ask.terms.max_timeout_s
    assert plan.limits.timeout_s > 0

    subject = subject_of(ask, plan)
    check_table(ask, plan, subject)
    options, rest = programs.read(ask.program, words)
    if ask.program == "dig":
        assert rest == []
        assert sum(name in ("-q", "-x") for name, _ in options) == 1
        assert words[0] == "-r"
    else:
        assert rest == [subject]
        assert words[-2:] == ("--", subject)
        assert plan.addresses == (subject,)
    for name, value in options:
        fixed = _FIXED.get(ask.program, set())
        seen = (name, "SUBJECT" if value == subject else value)
        risk = programs.risk(ask.program, name, value)
        assert seen in fixed or risk in _ALLOWED_RISKS[policy.allow_intrusive], (name, value)
        if name == "--script":
            assert value is not None
            check_scripts(value, policy)
        if value is not None and name not in _TEXTS.get(ask.program, ()) and value != subject:
            for literal in literals(value):
                assert str(literal) in plan.named_addresses, (name, value)
    check_networks(policy, plan)


def subject_of(ask: Ask, plan: Plan) -> str:
    """What is examined: for dig the name or the address asked about, else the one address."""
    subject = plan.argv[-1]
    if ask.program != "dig":
        return subject
    place = len(plan.argv) - 1
    if plan.argv[-2] == "-t":
        assert plan.argv[-4] == "-q"
        subject = plan.argv[-3]
        place -= 2
        name = ask.request.target.lower().removesuffix(".")
        assert subject == name
        suffixes = ask.terms.policy.allowed_suffixes
        if name.endswith(".arpa") and not any(name.endswith(suffix) for suffix in suffixes):
            assert_reverse(ask.terms.policy, name)
            return subject
        assert any(f".{name}".endswith(f".{suffix.removeprefix('.')}") for suffix in suffixes)
        return subject
    assert plan.argv[place - 1] == "-x"
    assert_permitted(ask.terms.policy, subject)
    return subject


def assert_reverse(policy: Policy, name: str) -> None:
    """`name` is the reverse look-up of one address, and that address is permitted."""
    labels = name.split(".")[-3::-1]
    text = ".".join(labels)
    if name.endswith(".ip6.arpa"):
        text = re.sub("(....)(?!$)", r"\1:", "".join(labels))
    address = parse_address(text)
    assert address is not None
    assert address.reverse_pointer == name
    assert permitted(policy, address)


def check_table(ask: Ask, plan: Plan, subject: str) -> None:
    """Every word is the name of a row that may be given, a value of it in canonical form, or fixed."""
    tool = TOOLS[ask.program]
    rows = {name: option for option in tool.grammar.options for name in option.names}
    queue = list(plan.argv[1:])
    while queue:
        word = queue.pop(0)
        if word == "--":
            assert queue == [subject]
            return
        if ask.program == "dig" and word == "-q":
            assert queue[0] == subject
            assert queue[1] == "-t"
            queue.pop(0)
            continue
        if ask.program == "dig" and word == "-x":
            assert queue == [subject]
            return
        if ask.program == "nmap" and word in ("--privileged", "--unprivileged"):
            assert (word == "--privileged") is ask.privileges.raw_sockets
            continue
        if word == "-oX":
            assert queue.pop(0) == f"/dev/fd/{REPORT_FD}"
            assert plan.reads_report
            continue
        option, value = _row(rows, word)
        if option.takes_value and not value:
            value = queue.pop(0)
        assert option.risk != "forbidden", word
        assert option.risk != "intrusive" or ask.terms.policy.allow_intrusive, word
        assert not option.raw or ask.privileges.raw_sockets, word
        if not value:
            assert option.kind is None or option.value_optional, word
        elif option.names[0] not in ("--script", "--script-help"):
            assert option.kind is not None, word
            assert option.kind.read(value) == value


def _row(rows: dict[str, Option], word: str) -> tuple[Option, str]:
    if word in rows:
        return rows[word], ""
    name, equals, value = word.partition("=")
    if equals and name in rows:
        return rows[name], value
    for size in (3, 2, 1):
        option = rows.get(word[:size])
        if option is not None and (option.value_optional or word.startswith("@")):
            return option, word[size:]
    raise AssertionError(f"no row is named {word}")


def check_scripts(value: str, policy: Policy) -> None:
    """Exact names only, of scripts whose class is allowed."""
    for name in value.split(","):
        assert name not in programs.SCRIPTS["never"]
        assert name in programs.SCRIPTS["safe"] or (
            policy.allow_intrusive and name in programs.SCRIPTS["intrusive"]
        ), name


def literals(value: str) -> Iterator[Address]:
    """The addresses that a resolver could see in `value`, however they are spelt."""
    for part in re.split(r"[,=@/ #]", value):
        if re.fullmatch(r"[0-9.]+", part) and part.count(".") == 1:
            continue  # a decimal number to every program, where options want numbers
        if part.isdigit() or (re.fullmatch(r"[0-9.]+(ms|s|m|h)?", part) and part.count(".") < 2):
            continue
        try:
            yield IPv4Address(socket.inet_aton(part))
        except OSError:
            address = parse_address(part)
            if address is not None:
                yield address


def check_networks(policy: Policy, plan: Plan) -> None:
    """No network is too large, or has an address in it that is not permitted."""
    for text in plan.addresses:
        network = ip_network(text)
        if network.num_addresses == 1:
            continue
        assert network.num_addresses <= policy.max_hosts
        assert plan.host_count == network.num_addresses
        for corner in _corners(network, policy):
            assert_permitted(policy, str(corner))


# --- the policy, anew ------------------------------------------------------------------------------

_SPECIAL: tuple[Network, ...] = tuple(
    map(
        ip_network,
        "0.0.0.0/8 127.0.0.0/8 169.254.0.0/16 224.0.0.0/4 240.0.0.0/4 ::/128 ::1/128 ::/96 "
        "::ffff:0:0/96 64:ff9b::/96 2002::/16 fe80::/10 ff00::/8".split(),
    )
)


def permitted(policy: Policy, address: Address) -> bool:
    """Whether the operator opened `address`: by the least of the special ranges that it is in."""
    if any(address in denied for denied in policy.denied_networks):
        return False
    special = [network for network in _SPECIAL if address in network]
    least = max((network.prefixlen for network in special), default=0)
    return any(
        address in allowed and allowed.prefixlen >= least for allowed in policy.allowed_networks
    )


def assert_permitted(policy: Policy, text: str) -> None:
    network = parse_network(text)
    assert network is not None, text
    assert permitted(policy, network.network_address), text
    assert permitted(policy, network.broadcast_address), text


def _corners(network: Network, policy: Policy) -> Iterator[Address]:
    """Every address of `network` at which a permission could begin or end."""
    first, last = int(network.network_address), int(network.broadcast_address)
    kind = type(network.network_address)
    for other in (*policy.allowed_networks, *policy.denied_networks, *_SPECIAL):
        if other.version != network.version:
            continue
        low, high = int(other.network_address), int(other.broadcast_address)
        for number in (low - 1, low, high, high + 1):
            if first <= number <= last:
                yield kind(number)


# --- refusals --------------------------------------------------------------------------------------


def check_refusal(ask: Ask, refused: Refused) -> None:
    """What a caller relies on."""
    assert refused.rule in RULES
    assert refused.reason
    assert refused.recovery
    assert "{" not in refused.recovery
    assert refused.error().metadata["rule"] == refused.rule
    if refused.suggestion is not None:
        check_suggestion(ask, refused.suggestion)


def check_suggestion(ask: Ask, suggestion: Suggestion) -> None:
    """It is allowed as it stands, and examines nothing that was not asked for."""
    request = Request(target=suggestion.target, extra_args=suggestion.extra_args)
    verdict = decide(ask, request)
    assert isinstance(verdict, Allowed), suggestion
    check_plan(ask, verdict.plan)
    asked = ask.request
    assert (suggestion.target, suggestion.extra_args) != (asked.target, asked.extra_args) or (
        asked.options or asked.profile
    )
    if suggestion.target == asked.target:
        return
    network, wanted = parse_network(suggestion.target), None
    assert network is not None
    try:
        wanted = ip_network(asked.target, strict=False)
    except ValueError:
        assert network.num_addresses == 1
        address = network.network_address
        assert isinstance(address, IPv4Address)
        assert socket.inet_aton(asked.target.removesuffix(".")) == address.packed
        return
    if isinstance(wanted, IPv6Network) and isinstance(network, IPv4Network):
        mapped = wanted.network_address.ipv4_mapped
        assert mapped is not None
        assert ip_network(mapped) == network
        return
    assert _covers(wanted, network)
    if network.num_addresses > 1 and not ask.terms.policy.denied_networks:
        assert ip_address(asked.target.partition("/")[0]) in network


def _covers(outer: Network, inner: Network) -> bool:
    return (
        outer.version == inner.version
        and inner.network_address in outer
        and inner.broadcast_address in outer
    )
