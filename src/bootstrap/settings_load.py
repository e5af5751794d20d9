"""Loads the settings: command line over environment over file over defaults, every problem at once."""

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

import msgspec

from .settings import HIDDEN, Settings
from .settings_env import CONFIG_FILE, variables
from .settings_file import leaves, read_file
from .settings_of_tools import OneTool, Section
from .settings_problems import ConfigError, Problem, nearest
from .settings_table import ANY_TOOL, Row, by_key, general_rows, tool_rows
from .settings_values import Wrong, clamp, from_file, from_text

DEFAULT = "default"
_MOST_PROBLEMS = 50  # of one source: each takes a search for what was meant


class Clamped(msgspec.Struct, frozen=True, kw_only=True):
    """A value that was out of its range, and what it was made."""

    param: str
    original: str
    new: str


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """A setting in force: its value (a secret one hidden) and where it came from."""

    key: str
    value: Any
    source: str
    variable: str


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """Settings, where each one that is no default came from, and what had to be clamped."""

    settings: Settings
    sources: Mapping[str, str] = {}
    clamped: tuple[Clamped, ...] = ()

    def described(self, *, reveal: bool = False) -> tuple[Described, ...]:
        """Every setting in force, in a stable order; of `tools` only what was set.

        `reveal` shows secrets, to compare them; such a result is for no eyes.
        """
        rows = [(row, _value(self.settings, row.path)) for row in general_rows()]
        for name in sorted(self.settings.tools):
            mine = (row.of_tool(name) for row in tool_rows())
            rows += [
                (row, getattr(self.settings.tools[name], row.path[-1]))
                for row in mine
                if row.key in self.sources
            ]
        return tuple(
            Described(
                key=row.key,
                value=HIDDEN if row.secret and value and not reveal else value,
                source=self.sources.get(row.key, DEFAULT),
                variable=row.variable.replace(ANY_TOOL.upper(), row.path[1].upper())
                if row.path[0] == "tools"
                else row.variable,
            )
            for row, value in rows
        )

    def for_tools(self, names: Iterable[str], *, complete: bool = True) -> "Loaded":
        """The same with `tools` under the tools' own names; raises ConfigError for a name of no tool.

        Not `complete` (a plug-in is broken, its tools unknown): such a name is let be.
        """
        folded = {name.casefold(): name for name in names}
        problems = []
        renamed = {}
        for name, mine in self.settings.tools.items():
            own = folded.get(name.casefold())
            if own is None and complete:
                problems.append(self._no_tool(f"tools.{name}", name, folded.values()))
            renamed[own or name] = mine
        for key in ("tool.include", "tool.exclude"):
            listed = (
                self.settings.tool.include if key == "tool.include" else self.settings.tool.exclude
            )
            for name in listed:
                if name not in folded.values() and complete:
                    problems.append(self._no_tool(key, name, folded.values()))
        if problems:
            raise ConfigError(problems)
        sources = {_own_key(key, folded): source for key, source in self.sources.items()}
        settings = msgspec.structs.replace(self.settings, tools=renamed)
        return msgspec.structs.replace(self, settings=settings, sources=sources)

    def _no_tool(self, key: str, name: str, known: Iterable[str]) -> Problem:
        source = next(
            (s for k, s in self.sources.items() if k == key or k.startswith(f"{key}.")), ""
        )
        known = list(known)
        by_fold = {tool.casefold(): tool for tool in known}
        near = nearest(name.casefold(), by_fold)
        hint = f"; did you mean {by_fold[near]}?" if near else f"; there are {', '.join(known)}"
        return Problem(source or DEFAULT, key, f"names no tool: {name[:60]!a}{hint}")


def load(
    environ: Mapping[str, str],
    *,
    config: str | None = None,
    command_line: Mapping[str, Any] | None = None,
) -> Loaded:
    """Read all settings; raises ConfigError with every problem found.

    `config` is a file to use instead of MCP_CONFIG_FILE, `command_line` values by key.
    """
    reading = _Reading()
    path = config or environ.get(CONFIG_FILE) or None
    if path is not None:
        reading.file(path)
    reading.environment(environ)
    for key, value in (command_line or {}).items():
        reading.take("command line", by_key()[key], value, from_file(by_key()[key], value))
    return reading.finish(environ)


class _Reading:
    """What has been read so far; a later value takes an earlier one's place."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[Row, Any]] = {}
        self._sources: dict[str, str] = {}
        self._clamped: dict[str, Clamped] = {}
        self._spelled: dict[str, str] = {}  # a tool's name, as the first source spells it
        self._problems: list[Problem] = []

    def file(self, path: str) -> None:
        tree = read_file(path)
        if isinstance(tree, Problem):
            self._problems.append(tree)
            return
        for leaf in leaves(path, tree):
            if len(self._problems) >= _MOST_PROBLEMS:
                self._problems.append(Problem(path, "", "has more that is wrong"))
                break
            if isinstance(leaf, Problem):
                self._problems.append(leaf)
            else:
                self.take(path, leaf[0], leaf[1], from_file(*leaf))

    def environment(self, environ: Mapping[str, str]) -> None:
        before = len(self._problems)
        for found in variables(environ):
            if len(self._problems) - before >= _MOST_PROBLEMS:
                self._problems.append(Problem("environment", "", "has more that is wrong"))
                break
            if isinstance(found, Problem):
                self._problems.append(found)
            else:
                variable, row, text = found
                self.take(variable, row, text, from_text(row, text))

    def take(self, source: str, row: Row, original: Any, value: Any | Wrong) -> None:
        if row.path[0] == "tools":
            row = row.of_tool(row.path[1])
            spelled = self._spelled.setdefault(row.path[1].casefold(), row.path[1])
            row = msgspec.structs.replace(row, path=("tools", spelled, row.path[-1]))
        if isinstance(value, Wrong):
            self._problems.append(Problem(source, row.key, value.reason))
            return
        self._clamped.pop(row.key, None)
        if (inside := clamp(row, value)) != value:
            self._clamped[row.key] = Clamped(
                param=row.key,
                original=str(original).strip()[:40],
                new=f"{inside:g}" if isinstance(inside, float) else str(inside),
            )
        self._values[row.key] = (row, inside)
        self._sources[row.key] = source

    def finish(self, environ: Mapping[str, str]) -> Loaded:
        if self._problems:
            raise ConfigError(self._problems)
        tree: dict[str, Any] = {}
        tools: dict[str, dict[str, Any]] = {}
        for row, value in self._values.values():
            match row.path:
                case (name,):
                    tree[name] = value
                case ("tools", name, field):
                    tools.setdefault(name, {})[field] = value
                case (section, field):
                    tree.setdefault(section, {})[field] = value
        state = tree.setdefault("state", {})
        state["dir"] = state.get("dir") or _state_folder(environ)
        parts = {name: _built(name, value) for name, value in tree.items()}
        settings = Settings(
            **parts, tools={name: OneTool(**values) for name, values in tools.items()}
        )
        return Loaded(
            settings=settings, sources=self._sources, clamped=tuple(self._clamped.values())
        )


def _built(name: str, value: Any) -> Any:
    default = getattr(Settings(), name)
    return type(default)(**value) if isinstance(default, Section) else value


def _value(settings: Settings, path: tuple[str, ...]) -> Any:
    value: Any = settings
    for part in path:
        value = getattr(value, part)
    return value


def _own_key(key: str, folded: Mapping[str, str]) -> str:
    parts = key.split(".")
    if parts[0] == "tools":
        parts[1] = folded.get(parts[1].casefold(), parts[1])
    return ".".join(parts)


def _state_folder(environ: Mapping[str, str]) -> str:
    """XDG Base Directory Specification; a relative path in the variable is to be ignored."""
    configured = environ.get("XDG_STATE_HOME", "")
    if configured.startswith("/"):
        return str(PurePosixPath(configured, "netsonde"))
    home = environ.get("HOME") or "/"
    return str(PurePosixPath(home, ".local/state/netsonde"))
