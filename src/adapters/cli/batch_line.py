"""One line of a policy test: a request, and what is expected to become of it."""

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

import msgspec

from ...domain.request import MEMBERS
from ...domain.target import Hostname, parse
from ...domain.terms import Resolved, Unresolved

MAX_BYTES = 64 * 1024
_OWN = ("tool", "expect", "rule", "dns")
_KNOWN = frozenset((*MEMBERS, *_OWN))
_VERDICTS: Mapping[str, str] = {"allow": "allowed", "refuse": "refused"}
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Unreadable(Exception):
    """Why a line is no request."""


class Line(msgspec.Struct):
    """A line that was read. `verdict` is the expected one, `rule` a prefix of the expected rule."""

    tool: str
    members: dict[str, Any]
    verdict: str | None = None
    rule: str | None = None
    dns: Mapping[str, Resolved | Unresolved] = {}


def read_line(data: bytes) -> Line:
    """Read a line; raises Unreadable. Members that are not known are remarks, but not near-misses."""
    if len(data) > MAX_BYTES:
        raise Unreadable(f"longer than {MAX_BYTES} bytes")
    try:
        given = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"no JSON object: {error}") from error
    members = {}
    for name, value in given.items():
        if name in MEMBERS:
            members[name] = value
        elif name not in _KNOWN and (near := _near(name)):
            raise Unreadable(f"the member {name[:40]!a} is unknown; did you mean {near!r}?")
    tool = given.get("tool")
    if not isinstance(tool, str):
        raise Unreadable("the member 'tool' is missing or no text")
    line = Line(tool, members)
    if "expect" in given or "rule" in given:
        line.verdict, line.rule = _expectation(given.get("expect"), given.get("rule"))
    if "dns" in given:
        line.dns = _dns(given["dns"])
    return line


def _expectation(expect: Any, rule: Any) -> tuple[str | None, str | None]:
    if rule is not None and (not isinstance(rule, str) or not rule):
        raise Unreadable("'rule' is no text")
    if expect is None:
        return ("refused" if rule else None), rule
    verdict = _VERDICTS.get(expect) if isinstance(expect, str) else None
    if verdict is None:
        raise Unreadable("'expect' is neither 'allow' nor 'refuse'")
    if rule and verdict == "allowed":
        raise Unreadable("'rule' goes with a refusal, but 'expect' is 'allow'")
    return verdict, rule


def _dns(names: Any) -> dict[str, Resolved | Unresolved]:
    if not isinstance(names, dict):
        raise Unreadable("'dns' is no object of names and their addresses")
    answers: dict[str, Resolved | Unresolved] = {}
    for name, literals in names.items():
        hostname = parse(name)
        if not isinstance(hostname, Hostname) or not isinstance(literals, list):
            raise Unreadable("'dns' is no object of names and their addresses")
        try:
            addresses = tuple(
                ip_address(literal) for literal in literals if isinstance(literal, str)
            )
        except ValueError as error:
            raise Unreadable(f"'dns': {error}") from error
        if len(addresses) != len(literals):
            raise Unreadable("'dns': an address is no text")
        answers[hostname.name] = (
            Resolved(addresses) if addresses else Unresolved("the line says that it has no address")
        )
    return answers


@lru_cache(maxsize=1024)
def _near(name: str) -> str | None:
    """The known member that `name` is perhaps meant to be: `expcet` must not pass for a remark."""
    import difflib

    found = difflib.get_close_matches(name, _KNOWN, 1, cutoff=0.8)
    return found[0] if found else None
