"""The five programs as they are, apart from our tables: their options, and how each reads a command line."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

_DATA = Path(__file__).parents[2] / "data"


class Spelling(msgspec.Struct, frozen=True, rename={"risk": "class"}):
    """An option of a program, as its sources have it."""

    names: tuple[str, ...]
    arity: str
    risk: str
    negatable: bool = False
    raw: bool = False
    ipv6: bool = False
    good: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()


class Program(msgspec.Struct, frozen=True):
    """A program's options and, where it uses getopt(3), its string of short ones."""

    options: tuple[Spelling, ...]
    getopt: str = ""
    types: tuple[str, ...] = ()
    types_refused: tuple[str, ...] = ()


PROGRAMS: Mapping[str, Program] = msgspec.convert(
    tomllib.loads((_DATA / "option_spellings.toml").read_text()), dict[str, Program]
)
SCRIPTS: Mapping[str, frozenset[str]] = {
    risk: frozenset(names.split())
    for risk, names in tomllib.loads((_DATA / "nmap_scripts.toml").read_text()).items()
}
RISKS: Mapping[str, Mapping[str, str]] = {
    program: {name: row.risk for row in rows.options for name in row.names}
    for program, rows in PROGRAMS.items()
}

Options = list[tuple[str, str | None]]


class Misread(Exception):
    """The program would end with a usage error."""


def read(program: str, words: Sequence[str]) -> tuple[Options, list[str]]:
    """What `program` makes of `words`: its options with their values, and the words that are none."""
    match program:
        case "traceroute":
            return _traceroute(words)
        case "dig":
            return _dig(words)
    return _getopt(program, words, long_only=program == "nmap")


def _getopt(program: str, words: Sequence[str], long_only: bool) -> tuple[Options, list[str]]:
    """getopt_long(3) of glibc, which permutes; with `long_only`, getopt_long_only(3)."""
    short = _short(PROGRAMS[program].getopt)
    if program == "mtr":  # its string is built from the table of its long options
        short = {
            name[1:]: 1 if row.arity == "required" else 0
            for row in PROGRAMS[program].options
            for name in row.names
            if len(name) == 2
        }
    long = {
        name[2:]: row.arity
        for row in PROGRAMS[program].options
        for name in row.names
        if name.startswith("--")
    }
    options: Options = []
    rest: list[str] = []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if word == "--":
            return options, rest + queue
        if not word.startswith("-") or word == "-":
            rest.append(word)
            continue
        if long and (
            word.startswith("--") or (long_only and (len(word) > 2 or word[1] not in short))
        ):
            name, equals, value = word.lstrip("-").partition("=")
            near = [full for full in long if full.startswith(name)]
            full = name if name in long else near[0] if len(near) == 1 else None
            if full is not None:
                if long[full] == "required":
                    options.append((f"--{full}", value if equals else _next(queue, word)))
                elif equals and long[full] == "none":
                    raise Misread(word)
                else:
                    options.append((f"--{full}", value if equals else None))
                continue
            if word.startswith("--") or word[1] not in short:
                raise Misread(word)
        _cluster(word, short, queue, options)
    return options, rest


def _cluster(word: str, short: Mapping[str, int], queue: list[str], options: Options) -> None:
    body = word[1:]
    while body:
        letter, body = body[0], body[1:]
        if letter not in short:
            raise Misread(word)
        if short[letter] == 0:
            options.append((f"-{letter}", None))
            continue
        if short[letter] == 1:
            options.append((f"-{letter}", body or _next(queue, word)))
        else:
            options.append((f"-{letter}", body or None))
        return


def _short(text: str) -> dict[str, int]:
    """How many colons follow each letter."""
    return {
        letter: len(text[i + 1 : i + 3]) - len(text[i + 1 : i + 3].lstrip(":"))
        for i, letter in enumerate(text)
        if letter != ":"
    }


def _traceroute(words: Sequence[str]) -> tuple[Options, list[str]]:
    arity = {name: row.arity for row in PROGRAMS["traceroute"].options for name in row.names}
    options: Options = []
    rest: list[str] = []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        name, equals, value = word.partition("=")
        if word == "--":
            return options, rest + queue
        if not word.startswith("-"):
            rest.append(word)
        elif word.startswith("--"):
            if name not in arity or bool(equals) != (arity[name] == "required"):
                raise Misread(word)
            options.append((name, value if equals else None))
        elif word in arity:
            options.append((word, _next(queue, word) if arity[word] == "required" else None))
        else:
            raise Misread(word)  # a cluster or a glued value, which nobody should write here
    return options, rest


def _dig(words: Sequence[str]) -> tuple[Options, list[str]]:
    rows = PROGRAMS["dig"].options
    arity = {name: row.arity for row in rows for name in row.names}
    for row in rows:
        if row.negatable:
            arity.update((f"+no{name[1:]}", "none") for name in row.names)
    options: Options = []
    rest: list[str] = []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        name, equals, value = word.partition("=")
        if word.startswith("@"):
            options.append(("@", word[1:]))
        elif word.startswith("+"):
            if name not in arity or (equals and arity[name] == "none"):
                raise Misread(word)
            if not equals and arity[name] == "required":
                raise Misread(word)
            options.append((name, value if equals else None))
        elif word.startswith("-"):
            if word not in arity:
                raise Misread(word)
            options.append((word, _next(queue, word) if arity[word] == "required" else None))
        else:
            rest.append(word)
    return options, rest


def _next(queue: list[str], word: str) -> str:
    if not queue:
        raise Misread(word)
    return queue.pop(0)


def risk(program: str, name: str, value: str | None) -> str | None:
    """The class of an option that `read` returned; None for what the program does not have."""
    known = RISKS[program]
    if name == "@" and program == "dig":
        return "bounded"
    if name in ("-s", "-P") and program == "nmap" and value:
        name = f"{name}{value[0]}"
    if name.startswith("+no") and name not in known:
        name = f"+{name[3:]}"
    return known.get(name)


def names(program: str, risks: Iterable[str]) -> list[str]:
    """The spellings of the options of these classes."""
    wanted = set(risks)
    return [name for name, risk in RISKS[program].items() if risk in wanted]
