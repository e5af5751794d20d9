"""Foreign bytes made fit for people, terminals and JSON."""

import re

# Unicode category Cc, less tab and newline: no terminal escapes, no NUL.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


# A name has at most 127 labels (RFC 1035, 2.3.4), so that no name in a string is meant.
_LONG_PATH = re.compile(
    r"""(?<![A-Za-z0-9_-])(?:(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){128}"""
)


def has_long_path(text: str) -> bool:
    """Whether TOML has a key of more than 128 parts: `tomllib` takes time with their square."""
    return _LONG_PATH.search(text) is not None


def clean(data: bytes) -> str:
    """`data` as UTF-8 with replacement characters, without control characters but tab and newline."""
    return _CONTROL.sub("", data.decode("utf-8", "replace"))
