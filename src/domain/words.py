"""Words: how extra_args is split, and how words are written so that they split back. Not a shell."""

import re
from collections.abc import Iterable

import msgspec

# What a shell would act on, every control character, and all that is not ASCII.
BAD_CHARACTERS = re.compile(r"[^ -~]|[;&|`$><\\]")


class Word(msgspec.Struct, frozen=True):
    """A word of extra_args; `quoted` when it began with a quotation mark."""

    text: str
    quoted: bool = False


def split(text: str) -> list[Word] | None:
    """Split extra_args into words at spaces; quotation marks may enclose (part of) a value.

    No escapes, no variables, no globs: not a shell. Characters were checked before. None if a
    quotation mark is not closed.
    """
    if '"' not in text and "'" not in text:
        return [Word(part) for part in text.split()]
    words = []
    for match in re.finditer(r"(?:[^\s\"']|\"[^\"]*\"|'[^']*')+|[\"']", text):
        raw = match[0]
        if raw in "\"'":
            return None
        words.append(Word(re.sub(r"\"([^\"]*)\"|'([^']*)'", _unquote, raw), raw[0] in "\"'"))
    # A quoted word after an option is its value: "--data-string 'a b'". It can't hide an option.
    return [
        Word(word.text, word.quoted and (i == 0 or word.text[:1] in "-+@"))
        for i, word in enumerate(words)
    ]


def quote(words: Iterable[str]) -> str:
    """Text that `split` reads back as `words`."""
    return " ".join(f'"{word}"' if not word or " " in word else word for word in words)


def _unquote(match: re.Match[str]) -> str:
    return match[1] if match[1] is not None else match[2]
