"""Requests: whatever is allowed keeps every promise (tests/unit/domain/promises.py)."""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import ip_address, ip_network
from typing import Any

import msgspec

from netsonde.adapters.cli.batch_line import Line, Unreadable, read_line
from netsonde.adapters.hosts_file import HostsResolver, parse_hosts
from netsonde.domain.planning import name_to_resolve
from netsonde.domain.policy import Policy
from netsonde.domain.privileges import Privileges
from netsonde.domain.refusal import Refused
from netsonde.domain.request import Request, read
from netsonde.domain.target import Hostname, Malformed, parse
from netsonde.domain.terms import Resolved, Terms, Unresolved
from tests.unit.domain.asking import TOOLS
from tests.unit.domain.generators import Ask
from tests.unit.domain.promises import check, decide

from .plain import assert_bounded

SEPARATOR = b"\xff"
"""Between the parts of a request: no UTF-8 text has this byte."""

_MOST_ASKED = 64 * 1024  # as the drivers bound a request's body
_ALL = (ip_network("0.0.0.0/0"), ip_network("::/0"))
_POLICIES = (
    Policy(),
    Policy(allow_intrusive=True),
    Policy(allowed_networks=_ALL, denied_networks=(ip_network("10.0.0.128/25"),)),
    Policy(
        allowed_networks=(ip_network("fd00::/8"), ip_network("10.0.0.0/24")),
        allowed_suffixes=("lab.internal", ".example.com"),
        max_hosts=3,
    ),
    Policy(allowed_networks=(), allowed_suffixes=()),
    Policy(
        allowed_networks=(*_ALL, ip_network("127.0.0.0/8"), ip_network("fe80::/10")),
        denied_networks=(ip_network("127.0.0.252/30"), ip_network("fd00::/120")),
        max_hosts=65536,
        max_args_len=60,
        allow_intrusive=True,
    ),
)
_TIMEOUTS = (None, 0.001, 30, 1e9)


def judge_as(program: str) -> Callable[[bytes], None]:
    """A target: setting (bytes), target, extra_args, options as JSON, profile, hosts(5).

    Of the setting the bytes choose policy, privileges (2 bits), time-out.
    """

    def judge(data: bytes) -> None:
        setting, target, args, options, profile, hosts, *_ = [*data.split(SEPARATOR), *[b""] * 5]
        # As the command line hands over what is no UTF-8.
        request = Request(
            target=target.decode("utf-8", "surrogateescape"),
            extra_args=args.decode("utf-8", "surrogateescape"),
            options=_object(options),
            profile=profile.decode("utf-8", "replace") or None,
            timeout_sec=_TIMEOUTS[_at(setting, 2) % len(_TIMEOUTS)],
        )
        policy = _POLICIES[_at(setting, 0) % len(_POLICIES)]
        bits = _at(setting, 1)
        privileges = Privileges(raw_sockets=not bits & 1, icmp_sockets=not bits & 2)
        _decide(program, request, policy, privileges, HostsResolver(_text(hosts)), data)

    return judge


def read_batch_line(data: bytes) -> None:
    """A line of `plan --batch`, and the judge's answer to it."""
    try:
        line = read_line(data)
    except Unreadable as why:
        assert len(str(why)) < 2000
        return
    assert isinstance(line, Line)
    request = read(line.members)
    if isinstance(request, Refused):
        assert request.rule in ("request.member", "request.type")
        assert_bounded(request.error(), data)
        return
    for program, tool in TOOLS.items():
        if line.tool in (program, tool.name):
            resolver = _Answers(line.dns)
            _decide(program, request, Policy(), Privileges(raw_sockets=True), resolver, data)


def parse_target(data: bytes) -> None:
    """A target, compared with what the standard library and libc read."""
    text = data.decode("utf-8", "surrogateescape")
    found = parse(text)
    match found:
        case Malformed(rule=rule, nearest=nearest):
            assert rule in ("target.characters", "target.spelling", "target.malformed")
            assert nearest is None or not isinstance(parse(nearest), Malformed)
        case Hostname(name=name):
            assert not list(_addresses(text)), "a name that some program takes for an address"
            assert name == text.lower().removesuffix(".")
            assert 0 < len(name) <= 253
            assert parse(name) == found
        case _:
            assert parse(str(found)) == found
            if "/" in text:
                assert ip_network(text, strict=False) == ip_network(found)
            else:
                assert ip_address(text) == found
                assert set(_addresses(text)) == {found}


def read_hosts(data: bytes) -> None:
    """A file in the format of hosts(5)."""
    text = data.decode("utf-8", "replace")
    names = parse_hosts(text)
    resolver = HostsResolver(text)
    assert sum(map(len, names.values())) <= len(data)
    for name, found in names.items():
        assert found
        assert len(set(found)) == len(found)
        if not name.endswith("."):  # more than one at its end: no name that is ever looked up
            assert resolver.look_up(name) == Resolved(found)


class _Answers:
    """The answers that a batch line brings along."""

    def __init__(self, answers: Any) -> None:
        self._answers = answers

    def look_up(self, name: str) -> Resolved | Unresolved:
        return self._answers.get(name, Unresolved("there is no such name"))  # type: ignore[no-any-return]  # of Line.dns


def _decide(
    program: str,
    request: Request,
    policy: Policy,
    privileges: Privileges,
    resolver: HostsResolver | _Answers,
    data: bytes,
) -> None:
    tool = TOOLS[program]
    terms = Terms(program=program, policy=policy, default_timeout_s=60.0, profiles=tool.profiles)
    name = name_to_resolve(tool, request, terms)
    ask = Ask(
        program=program,
        request=request,
        terms=terms,
        privileges=privileges,
        looked_up=resolver.look_up(name) if name is not None else None,
    )
    verdict = decide(ask)
    assert verdict == decide(ask)
    if isinstance(verdict, Refused) and verdict.rule == "request.profile":
        return
    check(ask, verdict)
    if isinstance(verdict, Refused) and _encodable(request):
        assert_bounded(verdict.error(), data)


def _addresses(text: str) -> Iterator[Any]:
    """What the standard library and inet_aton(3) take `text` for."""
    with suppress(ValueError):
        yield ip_address(text)
    # The C library reads as far as a space; Python refuses what is beyond ASCII, and NUL.
    with suppress(OSError, UnicodeEncodeError, ValueError):
        yield ip_address(socket.inet_aton(text))


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(data[:_MOST_ASKED])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _encodable(request: Request) -> bool:
    """JSON has no form for half of a surrogate pair; the command line shows it escaped."""
    return (request.target + request.extra_args).isprintable()


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _at(data: bytes, place: int) -> int:
    return data[place] if place < len(data) else 0
