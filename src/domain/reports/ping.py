"""What ping (iputils) prints: ping(8), and ping_common.c for the wording."""

import math
import re
from typing import Any

from .fields import MAX_LINE, clip, lines, number, whole

MAX_REPLIES = 10_000
"""Replies kept, and errors kept."""

_STAMP = r"(?:\[\d{1,12}\.\d{1,9}\] )?"
_HEADER = re.compile(r"PING .{1,600}? (\d{1,6})(?:\(\d{1,6}\) bytes of data\.| data bytes)")
_REPLY = re.compile(
    _STAMP + r"\d{1,6} bytes from .{1,300}?: icmp_seq=(\d{1,10}) ttl=(\d{1,3})"
    r"(?: time=(\d{1,12}(?:\.\d{1,6})?) ms)?"
)
_ERROR = re.compile(
    _STAMP + r"From (\S{1,300}?)(?: \(([^()\s]{1,64})\))?:? icmp_seq=(\d{1,10}) (.{1,1000})"
)
_SUMMARY = re.compile(
    r"(\d{1,12}) packets transmitted, (\d{1,12}) received(?:, \+(\d{1,12}) duplicates)?"
    r"(?:, \+\d{1,12} corrupted)?(?:, \+\d{1,12} errors)?(?:, ([\d.e+-]{1,20})% packet loss)?"
)
_NUMBER = r"(\d{1,12}(?:\.\d{1,6})?)"
_RTT = re.compile(rf"rtt min/avg/max/mdev = {_NUMBER}/{_NUMBER}/{_NUMBER}/{_NUMBER} ms")
_PROGRESS = re.compile(r"icmp_seq=(\d{1,10})\b")

# Below this payload there is no room for the time stamp, so no times are printed (ping(8), -s).
_BYTES_OF_A_TIME_STAMP = 16


def parse(stdout: bytes, report: bytes = b"", complete: bool = True) -> dict[str, Any] | None:
    """Read `{sent, received, loss_percent, duplicates, rtt_min_ms, ..., replies, errors}`.

    The times are `rtt_min_ms`, `rtt_avg_ms`, `rtt_max_ms` and `rtt_mdev_ms`;
    `replies` is `[{seq, ttl, rtt_ms}]`, duplicates included, `errors` `[{seq, from, message}]`:
    what a router or this host said instead of a reply. Times are milliseconds, null where none
    was measured. In a partial report without ping's own summary `sent` and `loss_percent` are
    null and the rest is computed from the replies that were seen (null if none was: `-q` shows
    none).
    """
    finished, rest = lines(stdout)
    header = summary = rtt = None
    replies: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    bounded = False
    for line in finished:
        line = line[:MAX_LINE]
        if found := _REPLY.match(line):
            bounded |= len(replies) == MAX_REPLIES
            if len(replies) < MAX_REPLIES:
                seq, ttl, time = found.groups()
                replies.append({"seq": int(seq), "ttl": int(ttl), "rtt_ms": number(time)})
        elif found := _ERROR.match(line):
            bounded |= len(errors) == MAX_REPLIES
            if len(errors) < MAX_REPLIES:
                name, literal, seq, message = found.groups()
                errors.append(
                    {"seq": int(seq), "from": clip(literal or name), "message": clip(message)}
                )
        else:
            header = header or _HEADER.match(line)
            summary = summary or _SUMMARY.match(line)
            rtt = rtt or _RTT.match(line)
    if not (header or replies or errors or summary):
        return None
    untimed = header is not None and int(header[1]) < _BYTES_OF_A_TIME_STAMP
    cut = bool(rest) or summary is None or not (rtt or untimed or summary[2] == "0")
    result = _summed(summary.groups()) if summary else _counted(replies)
    if rtt:
        for name, value in zip(("min", "avg", "max", "mdev"), rtt.groups(), strict=True):
            result[f"rtt_{name}_ms"] = number(value)
    result |= {"replies": replies, "errors": errors}
    if cut or bounded or not complete:
        result["partial"] = True
    return result


def progress(line: str, count: int) -> float | None:
    """How far a ping of `count` packets is after this line of it, in percent; None: no telling."""
    found = _PROGRESS.search(line[:MAX_LINE])
    return min(100.0, 100.0 * int(found[1]) / count) if found and count > 0 else None


def _summed(counts: tuple[str | None, ...]) -> dict[str, Any]:
    """The counts of ping's own summary line; times are yet to come."""
    sent, received, duplicates, loss = counts
    return {
        "sent": whole(sent),
        "received": whole(received),
        "loss_percent": number(loss),
        "duplicates": whole(duplicates or "0"),
    } | dict.fromkeys(("rtt_min_ms", "rtt_avg_ms", "rtt_max_ms", "rtt_mdev_ms"))


def _counted(replies: list[dict[str, Any]]) -> dict[str, Any]:
    """The counts and times of the replies seen, as ping would have put them."""
    times = [reply["rtt_ms"] for reply in replies if reply["rtt_ms"] is not None]
    # Those to a broadcast are counted by ping, too, but not marked `(DUP!)`.
    different = len({reply["seq"] for reply in replies})
    mean = math.fsum(times) / len(times) if times else None
    spread = math.fsum((t - mean) ** 2 for t in times) / len(times) if mean is not None else None
    return {
        "sent": None,
        "received": different or None,
        "loss_percent": None,
        "duplicates": len(replies) - different if replies else None,
        "rtt_min_ms": min(times, default=None),
        "rtt_avg_ms": None if mean is None else round(mean, 3),
        "rtt_max_ms": max(times, default=None),
        "rtt_mdev_ms": None if spread is None else round(math.sqrt(spread), 3),
    }
