"""The settings file: YAML, TOML or JSON by its suffix, bounded, as plain values under known keys."""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from ..domain.text import has_long_path
from .settings_problems import Problem, unknown
from .settings_table import Row, by_key, general_rows, tool_rows

MAX_BYTES = 1024 * 1024
_SUFFIXES = (".yaml", ".yml", ".toml", ".json")


class Unreadable(Exception):
    """Why a file's text is no table of settings."""


def read_file(path: str) -> Mapping[str, Any] | Problem:
    """The file's top-level table."""
    try:
        return _decode(PurePath(path).suffix.lower(), _read(path))
    except Unreadable as error:
        return Problem(path, "", str(error))
    except OSError as error:
        return Problem(path, "", f"can't be read: {error.strerror}")
    except ValueError:  # a NUL in the path
        return Problem(path.replace("\0", "\\0"), "", "is no path of a file")


def leaves(path: str, tree: Mapping[str, Any]) -> Iterator[tuple[Row, Any] | Problem]:
    """Each setting in the tree with its value; each key that does not exist as a problem.

    A key may be written dotted (`security.max_hosts`) or in its section, but not both ways.
    """
    seen: set[str] = set()
    for leaf in _leaves(path, tree):
        if not isinstance(leaf, Problem):
            if leaf[0].key in seen:
                leaf = Problem(path, leaf[0].key, "is there twice, dotted and in its section")
            else:
                seen.add(leaf[0].key)
        yield leaf


def _leaves(path: str, tree: Mapping[str, Any]) -> Iterator[tuple[Row, Any] | Problem]:
    sections = {row.path[0] for row in general_rows()} | {"tools"}
    for name, value in tree.items():
        if name == "tools" and isinstance(value, Mapping):
            yield from _tool_leaves(path, value)
        elif (row := by_key().get(name)) is not None:
            yield row, value
        elif name not in sections:
            yield unknown(path, str(name), [*sections, *by_key()])
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                row = by_key().get(f"{name}.{key}")
                yield (row, inner) if row else unknown(path, f"{name}.{key}", by_key())
        elif value is not None:  # `security:` with everything under it commented out
            yield Problem(path, str(name), "is a section: a table of settings is wanted")


def _tool_leaves(path: str, tools: Mapping[str, Any]) -> Iterator[tuple[Row, Any] | Problem]:
    rows = {row.path[-1]: row for row in tool_rows()}
    spelled: dict[str, str] = {}
    for name, settings in tools.items():
        key = f"tools.{name}"
        if not isinstance(name, str) or not name.isidentifier():
            yield Problem(path, key, "is no name of a tool")
        elif spelled.setdefault(name.casefold(), name) != name:
            yield Problem(path, key, f"is there twice, also as {spelled[name.casefold()]}")
        elif not isinstance(settings, Mapping):
            yield Problem(path, key, "is a section: a table of settings is wanted")
        else:
            for inner, value in settings.items():
                row = rows.get(inner)
                known = [f"{key}.{other}" for other in rows]
                yield (row.of_tool(name), value) if row else unknown(path, f"{key}.{inner}", known)


def _read(path: str) -> str:
    # O_NONBLOCK: a named pipe must not hold up the start. The type is asked of what was opened.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Unreadable("is no regular file")
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise Unreadable(f"is larger than {MAX_BYTES} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"is not UTF-8 at byte {error.start}") from error


def _decode(suffix: str, text: str) -> Mapping[str, Any]:
    tree: Any
    # Each format is imported only when there is such a file: it would be a tenth of our start.
    try:
        match suffix:
            case ".yaml" | ".yml":
                from .settings_yaml import decode

                tree = decode(text)
            case ".toml":
                import tomllib

                if has_long_path(text):
                    raise Unreadable("has a key of far too many parts")
                tree = tomllib.loads(text)
            case ".json":
                from .settings_json import decode

                tree = decode(text)
            case _:
                raise Unreadable(f"has none of the suffixes {', '.join(_SUFFIXES)}")
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"can't be read: {_first_line(error)}") from error
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise Unreadable("is no table of settings")
    return tree


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
