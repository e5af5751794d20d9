"""What `mtr --json` prints: mtr(8), report.c (json_close)."""

import json
import re
from typing import Any

from .fields import address, clip, number

MAX_HOPS = 255
"""Hops kept: a TTL has eight bits."""

_HUBS = re.compile(r'"hubs"\s{0,99}:\s{0,99}\[')
_BETWEEN = re.compile(r"[\s,]*+")
_BOTH = re.compile(r"(\S{1,1025}) \(([^()\s]{1,64})\)")


def parse(stdout: bytes, report: bytes = b"", complete: bool = True) -> dict[str, Any] | None:
    """Read `{hops: [{ttl, address, hostname, loss_percent, sent, last_ms, avg_ms, ...}]}`.

    The rest of a hop is `best_ms`, `worst_ms`, `stdev_ms`: milliseconds, null where nothing came
    back (mtr prints 0.0) and where `-o` left the field out. `address` is null for a hop that never
    answered (`???`) and for one that mtr gave by name only: run it with `-n`, or with `-b` for
    both. Output other than JSON gives None. From cut JSON the finished hops are read.
    """
    text = stdout.decode("utf-8", "replace")
    hubs, cut = _whole(text), False
    if hubs is None:
        hubs, cut = _finished(text), True
    if hubs is None:
        return None
    hops = [_hop(hub) for hub in hubs[:MAX_HOPS] if isinstance(hub, dict)]
    result: dict[str, Any] = {"hops": hops}
    if cut or not complete or len(hops) < len(hubs):
        result["partial"] = True
    return result


def _whole(text: str) -> list[Any] | None:
    try:
        hubs = json.loads(text)["report"]["hubs"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return None
    return hubs if isinstance(hubs, list) else None


def _finished(text: str) -> list[Any] | None:
    """The finished members of the list `hubs`, whatever comes after them."""
    found = _HUBS.search(text)
    if found is None or '"report"' not in text[: found.start()]:
        return None
    hubs: list[Any] = []
    decoder, at = json.JSONDecoder(), found.end()
    while len(hubs) <= MAX_HOPS:
        at = _BETWEEN.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing too
        if not text.startswith("{", at):
            break
        try:
            hub, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        hubs.append(hub)
    return hubs


def _hop(hub: dict[str, Any]) -> dict[str, Any]:
    host = hub.get("host")
    host = host if isinstance(host, str) and host != "???" else ""
    both = _BOTH.fullmatch(host)
    name, literal = both.groups() if both else (host, host)
    loss, sent = _number(hub.get("Loss%")), _number(hub.get("Snt"))
    silent = not host or loss == 100 or sent == 0
    times = {
        name: None if silent else _number(hub.get(key))
        for name, key in (
            ("last_ms", "Last"),
            ("avg_ms", "Avg"),
            ("best_ms", "Best"),
            ("worst_ms", "Wrst"),
            ("stdev_ms", "StDev"),
        )
    }
    ttl = _number(hub.get("count"))
    return {
        "ttl": None if ttl is None else int(ttl),
        "address": literal if address(literal) else None,
        "hostname": None if not name or address(name) else clip(name),
        "loss_percent": loss,
        "sent": None if sent is None else int(sent),
    } | times


def _number(value: Any) -> float | None:
    """A number that JSON can say again; older versions of mtr put `count` in quotes."""
    if isinstance(value, str):
        return number(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= 1e15 else None
