"""Finds tools: in a package, and under entry points that the operator switched on."""

import contextlib
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from types import ModuleType
from typing import Any

import msgspec

from ..application.catalog import Broken
from ..domain.options import Problem
from ..domain.tool import Tool
from ..domain.words import BAD_CHARACTERS, split

GROUP = "netsonde.tools"
_PASSED_OVER_PREFIXES = ("Test", "Mock", "Abstract", "_", "Example")
_PASSED_OVER_SUFFIXES = ("Base", "Mixin", "Interface")


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The tools, in the order found, and what could not be loaded."""

    tools: tuple[Tool, ...]
    broken: tuple[Broken, ...] = ()


def discover(package: str, entry_points: Sequence[str] = ()) -> Found:
    """Load the tools of `package`, then those of the entry points; whatever fails becomes `Broken`.

    A package that has a literal list `TOOLS` is taken at its word; another is searched.
    """
    tools: dict[str, Tool] = {}
    broken: list[Broken] = []
    for source, found in _sources(package, entry_points):
        if isinstance(found, type) and _passed_over(found.__name__):
            continue
        tool = _made(found, source) if isinstance(found, type) else found
        if isinstance(tool, Tool) and tool.name in tools:
            tool = Broken(source=source, reason=f"there is another tool named {tool.name}")
        if isinstance(tool, Broken):
            broken.append(tool)
        else:
            tools[tool.name] = tool
    return Found(tools=tuple(tools.values()), broken=tuple(broken))


def chosen(
    tools: Iterable[Tool], include: Sequence[str], exclude: Sequence[str]
) -> tuple[Tool, ...]:
    """The tools to offer: those included (all, if none is named) and not excluded."""
    return tuple(
        tool for tool in tools if (not include or tool.name in include) and tool.name not in exclude
    )


_Finding = tuple[str, type[Tool] | Broken]


def _sources(package: str, entry_points: Sequence[str]) -> Iterator[_Finding]:
    yield from _in_package(package)
    if entry_points:
        yield from _at_entry_points(entry_points)


def _in_package(name: str) -> Iterator[_Finding]:
    package = _imported(name)
    if isinstance(package, Broken):
        yield name, package
        return
    listed = getattr(package, "TOOLS", None)
    if listed is not None:
        for tool in listed:
            yield name, tool if _is_tool(tool) else _no_tool(name, tool)
        return
    yield from _in_module(package)
    for info in pkgutil.iter_modules(getattr(package, "__path__", ()), f"{name}."):
        module = _imported(info.name)
        if isinstance(module, Broken):
            yield info.name, module
        else:
            yield from _in_module(module)


def _in_module(module: ModuleType) -> Iterator[_Finding]:
    """Classes that the module defines itself, not those that it imports."""
    for value in tuple(vars(module).values()):
        if _is_tool(value) and value.__module__ == module.__name__:
            yield module.__name__, value


def _at_entry_points(wanted: Sequence[str]) -> Iterator[_Finding]:
    from importlib import metadata  # 25 ms, only for an operator who switched a plug-in on

    installed = {point.name: point for point in metadata.entry_points(group=GROUP)}
    for name in wanted:
        source = f"plug-in {name}"
        point = installed.get(name)
        if point is None:
            there = ", ".join(sorted(installed)) or "none"
            reason = f"no installed package has it under {GROUP}; installed: {there}"
            yield source, Broken(source=source, reason=reason)
            continue
        loaded = _guarded(source, point.load)
        if isinstance(loaded, Broken):
            yield source, loaded
        elif isinstance(loaded, ModuleType):
            for module, finding in _in_package(loaded.__name__):
                yield f"{source} ({module})", finding
        else:
            yield source, loaded if _is_tool(loaded) else _no_tool(source, loaded)


def _imported(name: str) -> Any:
    return _guarded(name, lambda: importlib.import_module(name))


def _guarded(source: str, load: Any) -> Any:
    """Foreign code: it may raise anything, even SystemExit, and print into a protocol's stream."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # takes nothing else down
        return Broken(source=source, reason=_sentence(error))


def _made(kind: type[Tool], source: str) -> Tool | Broken:
    """The tool, tried out as far as that can be done without running it."""
    tool = _guarded(f"{source}.{kind.__name__}", kind)
    if not isinstance(tool, Tool):
        return tool if isinstance(tool, Broken) else _no_tool(source, tool)
    flaw = _guarded(f"{source}.{kind.__name__}", lambda: _flaw(tool))
    if isinstance(flaw, str):
        return Broken(source=f"{source}.{kind.__name__}", reason=flaw)
    return flaw if isinstance(flaw, Broken) else tool


def _flaw(tool: Tool) -> str | None:
    if not tool.command_name or not isinstance(tool.command_name, str) or "/" in tool.command_name:
        return "command_name must be the bare name of a program"
    if not tool.grammar.options:
        return "it has neither a table nor allowed_flags"
    for name, text in tool.profiles.items():
        if (problem := profile_problem(tool, text)) is not None:
            return f"profile {name}: {problem}"
    return None


def profile_problem(tool: Tool, text: str) -> str | None:
    """Why `text` can't be a profile of `tool`, or None: it passes the grammar of extra_args."""
    if (bad := BAD_CHARACTERS.search(text)) is not None:
        return f"the character {bad[0]!a} is not taken"
    words = split(text)
    if words is None:
        return "a quotation mark is not closed"
    reasons = [
        f"{item.reason} ({item.rule}: {item.offending})"
        for item in tool.grammar.read_words(words)
        if isinstance(item, Problem)
    ]
    return "; ".join(reasons) or None


def _is_tool(value: Any) -> bool:
    return (
        isinstance(value, type)
        and issubclass(value, Tool)
        and value is not Tool
        and (not inspect.isabstract(value))
    )


def _passed_over(name: str) -> bool:
    return name.startswith(_PASSED_OVER_PREFIXES) or name.endswith(_PASSED_OVER_SUFFIXES)


def _no_tool(source: str, value: Any) -> Broken:
    return Broken(
        source=source, reason=f"{value!r:.80} is no subclass of netsonde.domain.tool.Tool"
    )


def _sentence(error: BaseException) -> str:
    said = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
