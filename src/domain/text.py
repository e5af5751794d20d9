"""Foreign bytes made fit for people, terminals and JSON."""

import re

# Unicode category Cc, less tab and newline: no terminal escapes, no NUL.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def clean(data: bytes) -> str:
    """`data` as UTF-8 with replacement characters, without control characters but tab and newline."""
    return _CONTROL.sub("", data.decode("utf-8", "replace"))
