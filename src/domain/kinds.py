"""The kinds of value an option may have: each reads text into one canonical text, or says what is wrong.

Digits are ASCII digits: no sign, no 0x, no other script's numerals, whatever the program would take.
"""

import re
from enum import StrEnum
from typing import Any, ClassVar

import msgspec

from .target import Address


class Bad(msgspec.Struct, frozen=True):
    """Why a text is no value of a kind; `nearest` is a text that is, where one is close."""

    reason: str
    nearest: str | None = None


class Risk(StrEnum):
    """What policy makes of an option, or of a word in its value."""

    ALLOWED = "allowed"
    INTRUSIVE = "intrusive"  # only where the operator set allow_intrusive
    FORBIDDEN = "forbidden"  # never


class Risky(msgspec.Struct, frozen=True, kw_only=True):
    """A word in a value that is not for everybody; `without` is the value less all such words."""

    word: str
    risk: Risk
    why: str
    without: str = ""


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A set of texts. `read` is total, idempotent on what it returns, and linear in the text."""

    json_type: ClassVar[tuple[str, ...]] = ("string",)

    def read(self, text: str) -> str | Bad:
        """The canonical form of `text`, safe as one word of an argument vector."""
        raise NotImplementedError

    def addresses(self, canonical: str) -> tuple[Address, ...]:
        """The addresses that `canonical` makes the program talk to or speak of; policy judges them."""
        return ()

    def risky(self, canonical: str) -> tuple[Risky, ...]:
        """The words in `canonical` that are intrusive or forbidden; policy decides on them."""
        return ()

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the value in the typed `options` object."""
        return {"type": self.json_type[0] if len(self.json_type) == 1 else list(self.json_type)}

    def describe(self) -> str:
        """What a person may write, in a few words."""
        raise NotImplementedError


class Int(Kind, frozen=True, kw_only=True):
    """A whole number in a closed range."""

    min: int
    max: int
    multiple_of: int = 1
    json_type: ClassVar[tuple[str, ...]] = ("integer",)

    def read(self, text: str) -> str | Bad:
        if not re.fullmatch(r"[0-9]{1,18}", text):
            return Bad(f"not a plain decimal number; write {self.describe()}")
        value = int(text)
        if not self.min <= value <= self.max:
            nearest = min(max(value, self.min), self.max)
            return Bad(
                f"out of range; write {self.describe()}", str(nearest - nearest % self.multiple_of)
            )
        if value % self.multiple_of:
            return Bad(
                f"not a multiple of {self.multiple_of}", str(value - value % self.multiple_of)
            )
        return str(value)

    def schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "integer", "minimum": self.min, "maximum": self.max}
        if self.multiple_of != 1:
            schema["multipleOf"] = self.multiple_of
        return schema

    def describe(self) -> str:
        step = f", a multiple of {self.multiple_of}" if self.multiple_of != 1 else ""
        return f"{self.min} to {self.max}{step}"


class Float(Kind, frozen=True, kw_only=True):
    """A decimal number in a closed range."""

    min: float
    max: float
    json_type: ClassVar[tuple[str, ...]] = ("number",)

    def read(self, text: str) -> str | Bad:
        if not re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,6})?|\.[0-9]{1,6}", text):
            return Bad(f"not a plain decimal number; write {self.describe()}")
        value = float(text)
        if not self.min <= value <= self.max:
            return Bad(
                f"out of range; write {self.describe()}",
                _decimal(max(self.min, min(value, self.max))),
            )
        return _decimal(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "number", "minimum": self.min, "maximum": self.max}

    def describe(self) -> str:
        return f"{self.min:g} to {self.max:g}"


class Seconds(Kind, frozen=True, kw_only=True):
    """A duration as nmap writes it: a number with ms, s, m or h; seconds when there is no unit."""

    min_s: float
    max_s: float
    json_type: ClassVar[tuple[str, ...]] = ("string", "number")
    _UNITS: ClassVar[dict[str, float]] = {"ms": 0.001, "s": 1, "": 1, "m": 60, "h": 3600}

    def read(self, text: str) -> str | Bad:
        match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(ms|s|m|h|)", text)
        if match is None:
            return Bad(f"not a duration; write {self.describe()}")
        seconds = float(match[1]) * self._UNITS[match[2]]
        if not self.min_s <= seconds <= self.max_s:
            nearest = _decimal(max(self.min_s, min(seconds, self.max_s)))
            return Bad(f"out of range; write {self.describe()}", f"{nearest}s")
        return f"{_decimal(float(match[1]))}{match[2] or 's'}"

    def describe(self) -> str:
        return f"{self.min_s:g}s to {self.max_s:g}s, with a unit ms, s, m or h"


class Choice(Kind, frozen=True, kw_only=True):
    """One of a few words; `ignore_case` writes them as the table does."""

    values: tuple[str, ...]
    ignore_case: bool = False

    def read(self, text: str) -> str | Bad:
        for value in self.values:
            if text == value or (
                self.ignore_case and text.isascii() and text.upper() == value.upper()
            ):
                return value
        return Bad(f"write one of {self.describe()}")

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.values)}

    def describe(self) -> str:
        return ", ".join(self.values)


class Words(Kind, frozen=True, kw_only=True):
    """A comma list of words, and of `word=number` where the word is in `numbers` (word -> max)."""

    values: tuple[str, ...]
    numbers: dict[str, int] = {}
    intrusive: tuple[str, ...] = ()

    def risky(self, canonical: str) -> tuple[Risky, ...]:
        items = canonical.split(",")
        rest = ",".join(item for item in items if item.partition("=")[0] not in self.intrusive)
        return tuple(
            Risky(word=item, risk=Risk.INTRUSIVE, why="a crafted packet", without=rest)
            for item in items
            if item.partition("=")[0] in self.intrusive
        )

    def read(self, text: str) -> str | Bad:
        for item in text.split(","):
            word, equals, number = item.partition("=")
            if equals and word in self.numbers:
                if not re.fullmatch(r"[0-9]{1,10}", number) or int(number) > self.numbers[word]:
                    return Bad(f"{word} takes 0 to {self.numbers[word]}")
            elif item not in self.values:
                return Bad(f"{item!r} is not known; write {self.describe()}")
        return text

    def describe(self) -> str:
        numbered = tuple(f"{word}=0..{most}" for word, most in self.numbers.items())
        return "a comma list of " + ", ".join((*self.values, *numbered))


class Level(Kind, frozen=True, kw_only=True):
    """nmap's -v and -d: a digit, or the letter again (-vvv is level 3)."""

    letter: str
    max: int
    json_type: ClassVar[tuple[str, ...]] = ("integer", "boolean")

    def read(self, text: str) -> str | Bad:
        level = len(text) + 1 if set(text) == {self.letter} else None
        if level is None and re.fullmatch(r"[0-9]{1,2}", text):
            level = int(text)
        if level is None:
            return Bad(f"write {self.describe()}")
        if not 1 <= level <= self.max:
            return Bad(f"out of range; write {self.describe()}", str(min(max(level, 1), self.max)))
        return str(level)

    def describe(self) -> str:
        return f"a level from 1 to {self.max}, glued on"


class Hex(Kind, frozen=True, kw_only=True):
    """Hexadecimal digits."""

    min_digits: int = 1
    max_digits: int
    even: bool = False

    def read(self, text: str) -> str | Bad:
        if (
            not re.fullmatch(r"[0-9a-fA-F]+", text)
            or not self.min_digits <= len(text) <= self.max_digits
        ):
            return Bad(f"write {self.describe()}")
        if self.even and len(text) % 2:
            return Bad("an even number of hex digits is needed: two make a byte")
        return text

    def describe(self) -> str:
        return f"{self.min_digits} to {self.max_digits} hex digits"


class Text(Kind, frozen=True, kw_only=True):
    """Text that matches `pattern` as a whole (which must exclude a leading dash)."""

    pattern: str
    what: str

    def read(self, text: str) -> str | Bad:
        return text if re.fullmatch(self.pattern, text) else Bad(f"write {self.what}")

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^(?:{self.pattern})$"}

    def describe(self) -> str:
        return self.what


class Waits(Kind, frozen=True, kw_only=True):
    """traceroute's -w: one to three decimal numbers, MAX[,HERE[,NEAR]]."""

    number: Float
    json_type: ClassVar[tuple[str, ...]] = ("string", "number")

    def read(self, text: str) -> str | Bad:
        items = text.split(",")
        if len(items) > 3:
            return Bad("at most three numbers: MAX,HERE,NEAR")
        read = [self.number.read(item) for item in items]
        for value in read:
            if isinstance(value, Bad):
                return value
        return ",".join(str(value) for value in read)

    def describe(self) -> str:
        return f"seconds, {self.number.describe()}; or MAX,HERE,NEAR"


def _decimal(value: float) -> str:
    """`value` without exponent and without needless zeros."""
    return f"{value:.6f}".rstrip("0").rstrip(".")
