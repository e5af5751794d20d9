"""A caller's request, read from JSON once: known members, right types, bounded sizes."""

from collections.abc import Mapping
from typing import Any

import msgspec

from .refusal import Refused

_MOST_SECONDS = 1e9
MEMBERS = ("target", "extra_args", "options", "profile", "timeout_sec")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller asks of one tool (product contract, section 2)."""

    target: str
    extra_args: str = ""
    options: dict[str, Any] = {}
    profile: str | None = None
    timeout_sec: float | None = None


def read(members: Mapping[str, Any]) -> Request | Refused:
    """Read a decoded JSON object; unknown members and wrong types are refused by name."""
    for member, value in members.items():
        if member not in MEMBERS:
            return _refuse(
                "request.member",
                member,
                f"there is no member {member!r}",
                f"The members are {', '.join(MEMBERS)}; the program's options go into extra_args or options.",
            )
        if value is None and member != "target":
            continue  # many clients send null for what they leave out
        if member == "timeout_sec":
            if isinstance(value, bool) or not isinstance(value, int | float) or not _usable(value):
                return _refuse(
                    "request.type",
                    member,
                    "timeout_sec is no positive number",
                    "Give seconds, such as 30.",
                )
        elif not isinstance(value, dict if member == "options" else str):
            wanted = "an object" if member == "options" else "a string"
            return _refuse(
                "request.type", member, f"{member} is not {wanted}", f"Give {member} as {wanted}."
            )
    if "target" not in members:
        return _refuse(
            "request.member",
            "target",
            "the member target is missing",
            "Give the address or name to examine.",
        )
    return Request(**{name: value for name, value in members.items() if value is not None})


def _usable(seconds: float) -> bool:
    return 0 < seconds < _MOST_SECONDS  # false for NaN; an int too large for a float is no trouble


def _refuse(rule: str, offending: str, reason: str, recovery: str) -> Refused:
    return Refused(rule=rule, offending=offending, reason=reason, recovery=recovery)
