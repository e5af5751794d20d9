"""Fields of reports: text cleaned and clipped, numbers and addresses that are what they claim."""

import ipaddress
import math
import re

MAX_NAME = 255
"""Characters of a name or a short phrase (a DNS name has at most 255)."""

MAX_TEXT = 4096
"""Characters of the longest text of all: a script's output, the data of a DNS record."""

MAX_LINE = 8192
"""Characters of a line that are looked at, in reports made of short lines."""

# Everything of category Cc but tab and newline: these texts end in terminals and in prompts.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]+")
_NUMBER = re.compile(r"\d{1,16}(?:\.\d{1,16})?(?:e[+-]?\d{1,3})?", re.ASCII)


def clip(text: str, limit: int = MAX_NAME) -> str:
    """`text` without control characters, cut to `limit` characters, the last of them then `…`."""
    text = _CONTROLS.sub("", text[: 4 * limit + 1])
    return text if len(text) <= limit else text[: limit - 1] + "…"


def phrase(text: str | None, limit: int = MAX_NAME) -> str | None:
    """Like `clip`, and None for what is empty or missing."""
    return clip(text, limit) or None if text else None


def number(text: str | None) -> float | None:
    """A finite number from 0 to 10^15, or None."""
    found = _NUMBER.fullmatch(text) if text else None
    value = float(found[0]) if found else math.nan
    return value if 0 <= value <= 1e15 else None


def whole(text: str | None) -> int | None:
    """A whole number from 0 to 10^15, or None."""
    plain = text is not None and len(text) <= 16 and text.isascii() and text.isdigit()
    return int(text) if plain and text else None


def address(text: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that `text` is, or None. What follows a `%` may be anything, in Python's opinion."""
    if not text or len(text) > 64 or not (text.isascii() and text.isprintable()):
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def lines(data: bytes) -> tuple[list[str], str]:
    """The finished lines, and what follows the last newline (empty unless the text is cut)."""
    *finished, rest = data.decode("utf-8", "replace").split("\n")
    return finished, rest
