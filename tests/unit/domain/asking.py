"""Asks the judge on behalf of tests: the five tools, and a request in one line."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from netsonde.domain.planning import Allowed, Verdict, judge, name_to_resolve
from netsonde.domain.policy import Policy
from netsonde.domain.privileges import Privileges
from netsonde.domain.refusal import Refused
from netsonde.domain.request import Request
from netsonde.domain.terms import Resolved, Terms, Unresolved
from netsonde.domain.tool import Plan, Tool
from netsonde.domain.tools import TOOLS as CLASSES

TOOLS: Mapping[str, Tool] = {cls.command_name: cls() for cls in CLASSES}
HOSTS: Mapping[str, tuple[str, ...]] = {"foo.lab.internal": ("10.0.0.20",)}
RAW = Privileges(raw_sockets=True)
NOT_RAW = Privileges(raw_sockets=False)
INTRUSIVE = Policy(allow_intrusive=True)


def ask(
    program: str,
    target: str = "10.0.0.1",
    extra_args: str = "",
    *,
    options: Mapping[str, Any] | None = None,
    profile: str | None = None,
    timeout_sec: float | None = None,
    policy: Policy | None = None,
    terms: Terms | None = None,
    privileges: Privileges = RAW,
    hosts: Mapping[str, tuple[str, ...]] = HOSTS,
) -> Verdict:
    """The verdict on a request, with look-ups answered from `hosts`."""
    tool = TOOLS[program]
    request = Request(
        target=target,
        extra_args=extra_args,
        options=dict(options or {}),
        profile=profile,
        timeout_sec=timeout_sec,
    )
    if terms is None:
        terms = Terms(program=program, policy=policy or Policy(), profiles=tool.profiles)
    name = name_to_resolve(tool, request, terms)
    looked_up: Resolved | Unresolved | None = None
    if name is not None:
        looked_up = Unresolved("there is no such name")
        if name in hosts:
            looked_up = Resolved(tuple(map(ip_address, hosts[name])))
    return judge(tool, request, terms, privileges, looked_up)


def plan_of(verdict: Verdict) -> Plan:
    """The plan, where the verdict is expected to be yes."""
    assert isinstance(verdict, Allowed), verdict
    return verdict.plan


def refusal_of(verdict: Verdict) -> Refused:
    """The refusal, where the verdict is expected to be no."""
    assert isinstance(verdict, Refused), verdict
    return verdict


def argv(program: str, target: str = "10.0.0.1", extra_args: str = "", **more: Any) -> list[str]:
    """The words after the program's name."""
    return list(plan_of(ask(program, target, extra_args, **more)).argv[1:])


def rule(program: str, target: str = "10.0.0.1", extra_args: str = "", **more: Any) -> str:
    """The rule of the refusal."""
    return refusal_of(ask(program, target, extra_args, **more)).rule
