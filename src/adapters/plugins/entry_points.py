"""Entry points that the operator switched on, loaded so that a broken one takes nothing else down."""

import contextlib
import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any

from ...application.catalog import Broken

TOOLS = "netsonde.tools"
HEALTH = "netsonde.health"
METRICS = "netsonde.metrics"
GROUPS = (TOOLS, HEALTH, METRICS)

_PASSED_OVER_PREFIXES = ("Test", "Mock", "Abstract", "_", "Example")
_PASSED_OVER_SUFFIXES = ("Base", "Mixin", "Interface")


def load_entry_points(
    group: str, wanted: Sequence[str]
) -> tuple[list[tuple[str, object]], list[Broken]]:
    """What the entry points of `group` hold, with their names, in the order wanted.

    A name that another group has is passed over; see `unknown_entry_points` for one that none has.
    """
    if not wanted:
        return [], []
    from importlib import metadata  # 25 ms, only for an operator who switched a plug-in on

    installed = {point.name: point for point in metadata.entry_points(group=group)}
    loaded: list[tuple[str, object]] = []
    broken: list[Broken] = []
    for name in dict.fromkeys(wanted):
        if name not in installed:
            continue
        found = guarded(source_of(name), installed[name].load)
        if isinstance(found, Broken):
            broken.append(found)
        else:
            loaded.append((name, found))
    return loaded, broken


def unknown_entry_points(wanted: Sequence[str]) -> list[Broken]:
    """Names that no group has."""
    if not wanted:
        return []
    from importlib import metadata  # as above

    points = metadata.entry_points()
    installed = {point.name for group in GROUPS for point in points.select(group=group)}
    there = ", ".join(sorted(installed)) or "none"
    reason = f"no installed package has it under {', '.join(GROUPS)}; installed: {there}"
    return [
        Broken(source=source_of(name), reason=reason)
        for name in dict.fromkeys(wanted)
        if name not in installed
    ]


def source_of(name: str) -> str:
    """How an entry point is called in a `Broken`."""
    return f"plug-in {name}"


def guarded(source: str, load: Callable[[], Any]) -> Any:
    """Call foreign code: it may raise anything, even SystemExit, and print into a protocol's stream."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # takes nothing else down
        return Broken(source=source, reason=_sentence(error))


def passed_over(kind: type) -> bool:
    """Whether a class is not meant to be used: by its name, or since something in it is missing."""
    name = kind.__name__
    return (
        name.startswith(_PASSED_OVER_PREFIXES)
        or name.endswith(_PASSED_OVER_SUFFIXES)
        or inspect.isabstract(kind)
    )


def _sentence(error: BaseException) -> str:
    said = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
