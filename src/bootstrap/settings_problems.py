"""What is wrong with the settings: where, which key, and what was perhaps meant."""

from collections.abc import Iterable

import msgspec


class Problem(msgspec.Struct, frozen=True):
    """One thing wrong. `source` is a file, a variable or `command line`."""

    source: str
    key: str
    reason: str

    def __str__(self) -> str:
        return f"{self.source}: {f'{self.key} ' if self.key else ''}{self.reason}"


class ConfigError(Exception):
    """The service can't start with these settings."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known word most like `word`, or None."""
    import difflib  # only on the way to an error

    found = difflib.get_close_matches(word, list(known), 1, cutoff)
    return found[0] if found else None


def unknown(source: str, key: str, known: Iterable[str]) -> Problem:
    """A key that does not exist, with the nearest that does."""
    known = list(known)
    last = key.rpartition(".")[2]
    near = nearest(key, known) or next(
        (name for name in known if nearest(last, [name.rpartition(".")[2]], 0.8)), None
    )
    hint = f"; did you mean {near}?" if near else f"; there are {', '.join(known[:12])}"
    return Problem(source, key, f"is unknown{hint}")
