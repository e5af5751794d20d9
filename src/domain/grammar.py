"""The grammar of a program's command line: a reader that turns text or JSON into rows of its table.

Nothing that is read here is copied to an argument vector: `Given.words` writes the row's own name
and the canonical value. A word that no row explains is a `Problem`, with a `fix` where one is near.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from .kinds import Bad, Risk
from .options import Given, Item, Option, Problem
from .words import Word, quote


class Syntax(msgspec.Struct, frozen=True, kw_only=True):
    """How a program's own parser reads its command line."""

    one_dash_long: bool = False  # getopt_long_only: -script is --script
    equals_only: bool = False  # a long option's value must follow "=", never the next word
    families: str = ""  # letters whose followers may be joined: "s" makes -sSV be -sS -sV
    ends_options: bool = True  # understands "--"


class Grammar:
    """A program's table and syntax, indexed once. Pure: the same text gives the same items."""

    def __init__(self, options: Iterable[Option], syntax: Syntax) -> None:
        self.options = tuple(options)
        self.syntax = syntax
        self._by_name: dict[str, Option] = {}
        self.by_key: dict[str, Option] = {}
        for option in self.options:
            for name in option.names:
                if name in self._by_name:
                    raise ValueError(f"two rows are named {name}")
                self._by_name[name] = option
            if option.key:
                if option.key in self.by_key:
                    raise ValueError(f"two rows have the key {option.key}")
                self.by_key[option.key] = option
        self._long = sorted(name for name in self._by_name if name.startswith("--"))

    def given(self, option: Option, value: str = "", written: str = "") -> Given:
        """`option` with a canonical value, to be written in this grammar's way."""
        return Given(option, value, self.syntax.equals_only, written)

    def named(self, name: str, value: str = "") -> Given:
        """The row called `name`, for defaults that the service itself adds."""
        return self.given(self._by_name[name], value)

    def read_words(self, words: Iterable[Word]) -> list[Item]:
        """Read a command line, each word as the program's parser would, reporting every problem."""
        items: list[Item] = []
        queue = list(words)
        queue.reverse()
        while queue:
            word = queue.pop()
            if word.quoted:
                items.append(
                    Problem(
                        rule="argument.characters",
                        offending=word.text,
                        reason="quotation marks go around a value, not around a whole word",
                    )
                )
            elif word.text == "--":
                items.append(
                    Problem(
                        rule="option.positional",
                        offending="--",
                        reason="the end of the options is set by the service",
                    )
                )
            elif word.text.startswith("-") and len(word.text) > 1:
                items.extend(self._read_option(word.text, queue))
            else:
                items.append(self.read_positional(word.text))
        return items

    def read_positional(self, text: str) -> Item:
        """A word that is no option: nothing here, since the only target is the judged one."""
        return Problem(
            rule="option.positional",
            offending=text,
            reason="extra_args holds options only; the one target goes into `target`",
        )

    def _read_option(self, text: str, queue: list[Word]) -> list[Item]:
        name, equals, value = text.partition("=")
        if option := self._exact(text):
            return [self._with_next(option, text, queue)]
        if equals and (option := self._exact(name)):
            return [self._with_equals(option, text, value)]
        if text.startswith("--"):
            return [self._unknown_long(text, name, equals + value, queue)]
        short = self._read_short(text[1:], text, queue)
        if short is not None:
            return short
        return [self._unknown_long(text, "-" + name, equals + value, queue)]

    def _exact(self, name: str) -> Option | None:
        option = self._by_name.get(name)
        if option is None and self.syntax.one_dash_long and not name.startswith("--"):
            option = self._by_name.get("-" + name)
        return option

    def _with_next(self, option: Option, text: str, queue: list[Word]) -> Item:
        if not option.takes_value:
            return self._judge(option, "", text)
        if self.syntax.equals_only and text.startswith("--"):
            if option.risk is Risk.FORBIDDEN:
                return self._judge(option, queue.pop().text if queue else "", text)
            return Problem(
                rule="option.value",
                offending=text,
                reason=f"{text} needs a value, joined by '='",
                fix=self._repair(option, queue.pop().text) if queue else "",
            )
        if not queue:
            if option.risk is Risk.FORBIDDEN:
                return self._judge(option, "", text)
            return Problem(
                rule="option.value",
                offending=text,
                reason=f"{text} needs a value: {option.kind.describe() if option.kind else ''}",
                narrows=option.narrows,
            )
        return self._judge(option, queue.pop().text, text)

    def _with_equals(self, option: Option, text: str, value: str) -> Item:
        if option.risk is Risk.FORBIDDEN:
            return self._judge(option, value, text)
        name = text.partition("=")[0]
        long = name.startswith("--") or (self.syntax.one_dash_long and "-" + name in self._by_name)
        if not long or (option.kind is None):
            reason = "takes no value" if option.kind is None else "takes its value without '='"
            return Problem(
                rule="option.value",
                offending=text,
                reason=f"{name} {reason}",
                fix=self._repair(option, value),
                narrows=option.narrows,
            )
        return self._judge(option, value, text)

    def _read_short(self, body: str, text: str, queue: list[Word]) -> list[Item] | None:
        """Read the letters after one dash, joined or with a glued value; None if the first is unknown."""
        items: list[Item] = []
        while body:
            whole = self._by_name.get("-" + body)
            if whole is not None:
                return [*items, self._with_next(whole, text, queue)]
            size, option = self._longest(body)
            if option is not None and (option.takes_value or option.value_optional):
                return [*items, self._judge(option, body[size:], text)]
            if option is None and body[0] in self.syntax.families and len(body) > 2:
                family, rest = body[0], body[2:]
                body, option = rest, self._by_name.get(f"-{body[:2]}")
                if option is not None:
                    items.append(self._judge(option, "", text))
                    body = family + rest
                    continue
            if option is None:
                if not items:
                    return None
                return [*items, self._unknown_letter(body, text)]
            if size > 1:  # -Pn80: the program drops the rest without a word
                return [*items, self._judge_rest(option, body[size:], text)]
            items.append(self._judge(option, "", text))
            body = body[size:]
        return items

    def _longest(self, body: str) -> tuple[int, Option | None]:
        for size in (2, 1):
            option = self._by_name.get("-" + body[:size])
            if option is not None and len(body) > size:
                if size == 2 and body[0] in self.syntax.families and not option.value_optional:
                    return 0, None
                return size, option
        return 0, None

    def _judge_rest(self, option: Option, rest: str, text: str) -> Item:
        return Problem(
            rule="option.value",
            offending=text,
            reason=f"{option.names[0]} takes no value, but {rest!r} is glued to it",
            fix=option.names[0],
        )

    def _unknown_letter(self, body: str, text: str) -> Problem:
        return Problem(
            rule="option.unknown",
            offending=text,
            reason=f"-{body[0]} in {text} is not in the option table",
        )

    def _unknown_long(self, text: str, name: str, value: str, queue: list[Word]) -> Item:
        """`name` is no full name: say what it is short for, and refuse as that row would be."""
        name = name if name.startswith("--") else "-" + name
        rows = {id(self._by_name[long]): long for long in self._long if long.startswith(name)}
        exact = tuple(rows.values()) if len(name) > 2 else ()
        if len(exact) > 1:  # --scr: the one that all the others begin with, if there is one
            exact = tuple(n for n in exact if all(o.startswith(n) for o in exact)) or exact
        forbidden = exact and all(self._by_name[n].risk is Risk.FORBIDDEN for n in exact)
        if len(exact) != 1 and not forbidden:
            close = f"; it could be {', '.join(exact[:4])}" if exact else ""
            return Problem(
                rule="option.unknown",
                offending=text,
                reason=f"{text.partition('=')[0]} is not in the option table{close}",
            )
        option = self._by_name[exact[0]]
        if option.risk is Risk.FORBIDDEN:
            return self._judge(option, value, text)
        after = value[1:]
        if not value and option.takes_value and queue and not queue[-1].text.startswith("-"):
            after = queue.pop().text
        return Problem(
            rule="option.unknown",
            offending=text,
            reason=f"{text.partition('=')[0]} is short for {exact[0]}; abbreviations are not taken",
            fix=self._repair(option, after),
        )

    def _repair(self, option: Option, value: str) -> str:
        """Text for the row with this value, or with the nearest that its kind takes; "" if none."""
        if option.kind is None:
            return option.names[0]
        read = option.kind.read(value)
        if isinstance(read, Bad):
            if read.nearest is None:
                return option.names[0] if option.value_optional else ""
            read = read.nearest
        return quote(self.given(option, read).words)

    def _judge(self, option: Option, value: str, text: str) -> Item:
        """Give the row if its value can be read; class FORBIDDEN is told apart here, once."""
        if option.risk is Risk.FORBIDDEN:
            return Problem(
                rule="option.forbidden", offending=text, reason=option.help, fix=option.instead
            )
        written = text if not value or text.endswith(value) else value
        if option.kind is None or (option.value_optional and not value):
            return self.given(option, "", written)
        read = option.kind.read(value)
        if isinstance(read, Bad):
            shown = text if text.endswith(value) else f"{text} {value}"
            return Problem(
                rule="option.value",
                offending=written,
                reason=f"{shown}: {read.reason}",
                fix=self._repair(option, value),
                narrows=option.narrows,
            )
        return self.given(option, read, written)

    def read_json(self, options: Mapping[str, Any]) -> list[Item]:
        """Read the typed form: keys of the table, values of the row's JSON type."""
        items: list[Item] = []
        for key, value in options.items():
            option = self.by_key.get(key)
            if option is None:
                items.append(_unknown_key(key, self.by_key))
                continue
            text = _json_text(value)
            if option.kind is None:
                if value is True:
                    items.append(self._judge(option, "", key))
                elif value is not False:
                    items.append(_wrong_json(key, value, "true or false"))
            elif value is True and option.value_optional:
                items.append(self.given(option, "", key))
            elif text is None:
                items.append(_wrong_json(key, value, option.kind.describe()))
            else:
                items.append(self._judge(option, text, key))
        return items


def _json_text(value: Any) -> str | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value) if value.bit_length() <= 64 else None  # str() raises on 4301 digits
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    if isinstance(value, list):
        parts = [None if isinstance(item, list) else _json_text(item) for item in value]
        if parts and not any(part is None or "," in part for part in parts):
            return ",".join(str(part) for part in parts)
    return None


def _unknown_key(key: str, known: Mapping[str, Option]) -> Problem:
    import difflib  # only on the way to a refusal: 3 ms at start-up otherwise

    near = difflib.get_close_matches(key, known, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return Problem(
        rule="option.unknown", offending=key, reason=f"no option has the key {key!r}{hint}"
    )


def _wrong_json(key: str, value: Any, wanted: str) -> Problem:
    return Problem(
        rule="option.value",
        offending=key,
        reason=f"{key}: {type(value).__name__} given, {wanted} wanted",
    )
