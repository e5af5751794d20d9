"""Requests people make, and attacks: data/redteam.jsonl, which `netsonde plan --batch` reads too."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from netsonde.domain.planning import Allowed
from netsonde.domain.policy import Policy
from netsonde.domain.refusal import Refused
from tests.unit.domain.asking import ask

_DATA = Path(__file__).parents[2] / "data"


class Case(msgspec.Struct, frozen=True, rename={"kind": "class"}):
    """A request with what must come of it; `rule` is how the refusal begins."""

    tool: str
    target: str
    expect: str
    kind: str
    extra_args: str = ""
    rule: str = ""
    why: str = ""
    dns: Mapping[str, tuple[str, ...]] = {}


CASES = [
    msgspec.json.decode(line, type=Case)
    for line in (_DATA / "redteam.jsonl").read_text().splitlines()
]
_KINDS = sorted({(case.tool, case.kind) for case in CASES})


def _hosts() -> dict[str, tuple[str, ...]]:
    hosts: dict[str, tuple[str, ...]] = {}
    for line in (_DATA / "redteam-hosts").read_text().splitlines():
        address, *names = line.split()
        for name in names:
            hosts[name] = (*hosts.get(name, ()), address)
    return hosts


HOSTS = _hosts()


@pytest.mark.parametrize(("tool", "kind"), _KINDS)
def test_every_case_comes_out_as_it_must(tool: str, kind: str) -> None:
    wrong = []
    for case in CASES:
        if (case.tool, case.kind) != (tool, kind):
            continue
        verdict = ask(tool, case.target, case.extra_args, hosts={**HOSTS, **case.dns})
        if isinstance(verdict, Refused):
            held = case.expect == "refuse" and verdict.rule.startswith(case.rule)
            came = verdict.rule
        else:
            held, came = case.expect == "allow", "allowed"
        if not held:
            wrong.append((case.target, case.extra_args, came))
    assert wrong == []


def test_every_suggestion_of_a_case_is_allowed() -> None:
    given = 0
    for case in CASES:
        verdict = ask(case.tool, case.target, case.extra_args, hosts=HOSTS)
        if isinstance(verdict, Refused) and verdict.suggestion is not None:
            given += 1
            better = verdict.suggestion
            assert isinstance(
                ask(case.tool, better.target, better.extra_args, hosts=HOSTS), Allowed
            )
    assert given > 300


def test_no_attack_is_let_through_by_an_operator_who_allows_intrusive_requests() -> None:
    """Permission to be intrusive opens what is intrusive, and nothing else."""
    opened = set()
    for case in CASES:
        if case.expect == "refuse":
            verdict = ask(
                case.tool,
                case.target,
                case.extra_args,
                hosts=HOSTS,
                policy=Policy(allow_intrusive=True),
            )
            if isinstance(verdict, Allowed):
                opened.add(case.rule)
    assert opened <= {"option.intrusive"}


def test_every_refusal_says_what_is_expected_of_it() -> None:
    assert [case for case in CASES if case.expect == "refuse" and not case.rule] == []
    assert len(CASES) > 450
