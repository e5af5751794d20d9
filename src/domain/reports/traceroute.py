"""What traceroute (Dmitry Butskoy's, Debian's) prints: traceroute(8), print_probe in its source."""

import re
from typing import Any

from .fields import MAX_LINE, address, clip, lines, number

MAX_HOPS = 255
"""Hops kept: a TTL has eight bits."""

MAX_PROBES = 64
"""Probes kept of a hop (`-q` takes at most 10)."""

_HEADER = re.compile(r"traceroute to (\S{1,300}) \(([^()\s]{1,64})\), (\d{1,3}) hops max")
_HOP = re.compile(r" {0,2}(\d{1,3})  ?(\S.*)")
_ANNOTATION = re.compile(r"![A-Z]?(?:<\d{1,3}>|-\d{1,5})?|F=\d{1,5}")
# An annotation that may go on after a cut: `!F-14` of `!F-1400`.
_OPEN_ENDED = re.compile(r"!|!F-\d*|!<\d*|F=\d*")
# The destination itself says that the packet arrived but isn't wanted: it has been reached.
_ARRIVED = frozenset({"!P", "!X"})


def parse(stdout: bytes, report: bytes = b"", complete: bool = True) -> dict[str, Any] | None:
    """Read `{hops: [{ttl, probes: [{address, hostname, rtt_ms, annotation}]}], reached}`.

    A probe without an answer (`*`) is all null; `hostname` is null under `-n` and for nameless
    addresses. `annotation` is what the answer said, as traceroute marks it (`!H` host, `!N`
    network, `!P` protocol unreachable, `!X` prohibited, `!F-1400` too big, `F=1400` the MTU found
    by `--mtu`), several with a space between. `reached`: in the last hop that answered at all, the
    destination of the header line answered, and not to say that it can't be delivered (`!H`,
    `!N`, ...); its own `!X` or `!P` counts as reached. A report that ends neither there, nor at a
    final `!`, nor at the last allowed hop is partial.
    """
    finished, rest = lines(stdout)
    header = None
    hops: list[dict[str, Any]] = []
    bounded = False
    for line in [*finished, rest]:
        line = line[:MAX_LINE]
        if header is None:
            header = _HEADER.match(line)
        elif found := _HOP.match(line):
            words = found[2].split()
            if line is rest[:MAX_LINE] and rest and _OPEN_ENDED.fullmatch(words[-1]):
                words.pop()
            probes = _probes(words)
            bounded |= len(hops) == MAX_HOPS or len(probes) > MAX_PROBES
            if probes and len(hops) < MAX_HOPS:
                hops.append({"ttl": int(found[1]), "probes": probes[:MAX_PROBES]})
    if header is None:
        return None
    reached = _reached(hops, header[2])
    ended = bool(hops) and (
        reached
        or hops[-1]["ttl"] >= int(header[3])
        or any("!" in mark for mark in _marks(hops[-1]))
    )
    result: dict[str, Any] = {"hops": hops, "reached": reached}
    if rest or not ended or bounded or not complete:
        result["partial"] = True
    return result


def _probes(words: list[str]) -> list[dict[str, Any]]:
    """The probes of a hop. An address is printed only where it differs from the one before."""
    probes: list[dict[str, Any]] = []
    literal = hostname = None
    for word, after in zip(words, [*words, ""][1:], strict=True):
        if word == "*":
            probes.append(dict.fromkeys(("address", "hostname", "rtt_ms", "annotation")))
        elif after == "ms":
            probes.append(
                {
                    "address": literal,
                    "hostname": hostname,
                    "rtt_ms": number(word),
                    "annotation": None,
                }
            )
        elif _ANNOTATION.fullmatch(word):
            if probes:
                probes[-1]["annotation"] = clip(f"{probes[-1]['annotation'] or ''} {word}".strip())
        elif after.startswith("(") and after.endswith(")") and address(after[1:-1]):
            literal = after[1:-1]
            hostname = None if word == literal else clip(word)
        elif address(word):
            literal, hostname = word, None
    return probes


def _marks(hop: dict[str, Any]) -> list[str]:
    return [probe["annotation"] for probe in hop["probes"] if probe["annotation"]]


def _reached(hops: list[dict[str, Any]], destination: str) -> bool:
    wanted = address(destination)
    for hop in reversed(hops):
        answers = [probe for probe in hop["probes"] if probe["address"]]
        if answers:
            return wanted is not None and any(
                address(probe["address"]) == wanted
                and {mark for mark in (probe["annotation"] or "").split() if mark[0] == "!"}
                <= _ARRIVED
                for probe in answers
            )
    return False
