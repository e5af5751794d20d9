"""Finds tools: in a package, and under entry points that the operator switched on."""

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeGuard

import msgspec

from ...application.catalog import Broken
from ...application.provenance import Provenance
from ...domain.options import Problem
from ...domain.tool import Tool
from ...domain.words import BAD_CHARACTERS, split
from .entry_points import (
    TOOLS,
    guarded,
    load_entry_points,
    passed_over,
    source_of,
    unknown_entry_points,
)
from .vetting import Vetted

_OURS = __name__.split(".")[0]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The tools, in the order found, and what could not be loaded.

    `entry_points` has the entry point of each tool that isn't of the package. `provenances` are
    those of the tools that aren't netsonde's own, by the tool's name; `plugins` those of all that
    the operator switched on, whatever they hold.
    """

    tools: tuple[Tool, ...]
    broken: tuple[Broken, ...] = ()
    entry_points: Mapping[str, str] = {}
    provenances: Mapping[str, Provenance] = {}
    plugins: tuple[Provenance, ...] = ()


def find_tools(package: str, vetted: Vetted) -> Found:
    """`discover`, with the provenance of what it found."""
    found = discover(package, vetted.names)
    of_package = None if package.split(".")[0] == _OURS else _package_provenance(package)
    provenances = {}
    for tool in found.tools:
        name = found.entry_points.get(tool.name)
        provenance = of_package if name is None else vetted.of(name)
        if provenance is not None and type(tool).__module__.split(".")[0] != _OURS:
            provenances[tool.name] = provenance
    return msgspec.structs.replace(
        found,
        broken=(*found.broken, *vetted.broken),
        provenances=provenances,
        plugins=(*((of_package,) if of_package else ()), *vetted.provenances),
    )


def discover(package: str, entry_points: Sequence[str] = ()) -> Found:
    """Load the tools of `package`, then those of the entry points; whatever fails becomes `Broken`.

    A package that has a literal list `TOOLS` is taken at its word; another is searched.
    """
    tools: dict[str, Tool] = {}
    broken: list[Broken] = []
    points: dict[str, str] = {}
    for point, source, found in _sources(package, entry_points):
        if isinstance(found, type) and passed_over(found):
            continue
        tool = _made(found, source) if isinstance(found, type) else found
        if isinstance(tool, Tool) and tool.name in tools:
            tool = Broken(source=source, reason=f"there is another tool named {tool.name}")
        if isinstance(tool, Broken):
            broken.append(tool)
        else:
            tools[tool.name] = tool
            if point:
                points[tool.name] = point
    return Found(tools=tuple(tools.values()), broken=tuple(broken), entry_points=points)


def chosen(
    tools: Iterable[Tool], include: Sequence[str], exclude: Sequence[str]
) -> tuple[Tool, ...]:
    """The tools to offer: those included (all, if none is named) and not excluded."""
    return tuple(
        tool for tool in tools if (not include or tool.name in include) and tool.name not in exclude
    )


_Finding = tuple[str, type[Tool] | Broken]


def _package_provenance(package: str) -> Provenance:
    """Of a package that is imported already; of its distribution if that is known."""
    from importlib import metadata

    from .distribution_files import Digest, package_digest

    owners = metadata.packages_distributions().get(package.split(".")[0], [])
    distribution = metadata.distribution(owners[0]) if len(set(owners)) == 1 else None
    module = sys.modules.get(package)
    folders = [*getattr(module, "__path__", ())] or [getattr(module, "__file__", None)]
    digest = package_digest(Path(folders[0])) if folders[0] and len(folders) == 1 else None
    known = isinstance(digest, Digest)
    return Provenance(
        name=package,
        distribution=distribution.name if distribution else "",
        version=distribution.version if distribution else "",
        sha256=digest.sha256 if isinstance(digest, Digest) else None,
        files=digest.files if isinstance(digest, Digest) else 0,
        groups=(TOOLS,),
        note="of the package's modules" if known else "the package's files can't be read",
    )


def _sources(
    package: str, entry_points: Sequence[str]
) -> Iterator[tuple[str, str, type[Tool] | Broken]]:
    """The entry point ("" for the package), the source, and what is there."""
    for source, finding in _in_package(package):
        yield "", source, finding
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


def _at_entry_points(
    wanted: Sequence[str],
) -> Iterator[tuple[str, str, type[Tool] | Broken]]:
    loaded, broken = load_entry_points(TOOLS, wanted)
    for one in (*broken, *unknown_entry_points(wanted)):
        yield "", one.source, one
    for name, found in loaded:
        source = source_of(name)
        if isinstance(found, ModuleType):
            for module, finding in _in_package(found.__name__):
                yield name, f"{source} ({module})", finding
        else:
            yield name, source, found if _is_tool(found) else _no_tool(source, found)


def _imported(name: str) -> Any:
    return guarded(name, lambda: importlib.import_module(name))


def _made(kind: type[Tool], source: str) -> Tool | Broken:
    """The tool, tried out as far as that can be done without running it."""
    tool = guarded(f"{source}.{kind.__name__}", kind)
    if not isinstance(tool, Tool):
        return tool if isinstance(tool, Broken) else _no_tool(source, tool)
    flaw = guarded(f"{source}.{kind.__name__}", lambda: _flaw(tool))
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


def _is_tool(value: object) -> TypeGuard[type[Tool]]:
    return (
        isinstance(value, type)
        and issubclass(value, Tool)
        and value is not Tool
        and (not inspect.isabstract(value))
    )


def _no_tool(source: str, value: Any) -> Broken:
    return Broken(
        source=source, reason=f"{value!r:.80} is no subclass of netsonde.domain.tool.Tool"
    )
