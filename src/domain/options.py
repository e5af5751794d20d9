"""Options: the rows of a program's table, rows that were given, and words that could not be taken."""

from typing import Any

import msgspec

from .kinds import Kind, Risk
from .target import Address


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a program's table. `names[0]` is the spelling that goes into argv."""

    names: tuple[str, ...]
    key: str
    help: str
    kind: Kind | None = None
    value_optional: bool = False  # a value only when glued to the name (-PS22), never the next word
    risk: Risk = Risk.ALLOWED
    takes_value: bool = False
    group: str = ""  # rows of one group exclude each other; the last source to speak wins
    narrows: bool = False  # without it more would be examined: never left out by a suggestion
    repeats: bool = False  # a comma list that may be given in several pieces
    raw: bool = False  # needs raw sockets
    unprivileged: str = ""  # the row that does the same, less well, without raw sockets
    family: int = 0  # 4 or 6: only for a target of that IP version
    instead: str = ""  # what to write where this is refused: text for extra_args

    @property
    def exclusion(self) -> str:
        """The name of the set of rows of which one may be given."""
        return self.group or self.names[0]


def flag(*names: str, key: str, help: str, **more: Any) -> Option:
    """A row without a value."""
    return Option(names=names, key=key, help=help, **more)


def valued(*names: str, key: str, kind: Kind, help: str, **more: Any) -> Option:
    """A row with a value of `kind`."""
    return Option(names=names, key=key, kind=kind, help=help, takes_value=True, **more)


def glued(*names: str, key: str, kind: Kind, help: str, **more: Any) -> Option:
    """A row whose value is optional and only ever glued to the name."""
    return Option(names=names, key=key, kind=kind, help=help, value_optional=True, **more)


def never(*names: str, why: str, takes_value: bool = False, **more: Any) -> Option:
    """A row that is refused whatever the policy says."""
    return Option(
        names=names, key="", help=why, takes_value=takes_value, risk=Risk.FORBIDDEN, **more
    )


class Given(msgspec.Struct, frozen=True):
    """A row with its canonical value ("" where it has none)."""

    option: Option
    value: str = ""
    equals_only: bool = False
    written: str = ""  # the word it was read from; "" for what the service adds

    @property
    def words(self) -> tuple[str, ...]:
        """The words of argv."""
        name = self.option.names[0]
        if not self.value:
            return (name,)
        if self.equals_only and name.startswith(("--", "+")):
            return (f"{name}={self.value}",)
        if self.option.value_optional or name == "@":
            return (name + self.value,)
        return (name, self.value)

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Addresses in the value, for policy to judge."""
        return self.option.kind.addresses(self.value) if self.option.kind and self.value else ()


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A word that can't be taken. `fix` is the text to write instead; "" means leave it out."""

    rule: str
    offending: str
    reason: str
    fix: str = ""
    narrows: bool = False  # with no fix there is no suggestion: leaving it out would widen


Item = Given | Problem
