"""Finds health checks of third parties, under entry points that the operator switched on."""

import inspect
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from types import ModuleType
from typing import Any

import msgspec

from ...application.catalog import Broken
from ...application.ports import Check
from ...application.service_checks import OWN_NAMES
from ...domain.health import CheckResult, Priority
from .entry_points import HEALTH, guarded, load_entry_points, passed_over, source_of

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*")
_MAX_NAME = 64


class FoundChecks(msgspec.Struct, frozen=True, kw_only=True):
    """The checks, in the order found, and what could not be loaded."""

    checks: tuple[Check, ...] = ()
    broken: tuple[Broken, ...] = ()


class PluginCheck:
    """Meets the port `Check`: one of a plug-in, whose name and priority were read once and stay."""

    def __init__(self, name: str, priority: Priority, theirs: Any) -> None:
        self.name = name
        self.priority = priority
        self._theirs = theirs

    async def check(self) -> CheckResult:
        """Whatever theirs gives or raises; the monitor makes a result of it."""
        found: CheckResult = await self._theirs.check()
        return found


def discover_checks(wanted: Sequence[str]) -> FoundChecks:
    """Load the checks of entry points of `netsonde.health`; whatever fails becomes `Broken`.

    An entry point is a class made without arguments, a finished check, or a module: its list
    `CHECKS`, else every class in it that has `name`, `priority` and `check`.
    """
    loaded, broken = load_entry_points(HEALTH, wanted)
    checks: dict[str, Check] = {}
    for name, found in loaded:
        for source, candidate in _candidates(source_of(name), found):
            check = guarded(source, partial(_accepted, source, candidate))
            if isinstance(check, PluginCheck) and check.name in checks:
                check = Broken(source=source, reason=f"there is another check named {check.name}")
            if isinstance(check, Broken):
                broken.append(check)
            else:
                checks[check.name] = check
    return FoundChecks(checks=tuple(checks.values()), broken=tuple(broken))


def _candidates(source: str, found: object) -> Iterator[tuple[str, object]]:
    if not isinstance(found, ModuleType):
        yield source, found
        return
    listed = getattr(found, "CHECKS", None)
    if listed is None:
        listed = [kind for kind in _classes(found) if _looks_like_one(kind)]
    if not isinstance(listed, Iterable):
        yield source, listed
        return
    for one in listed:
        named = one if isinstance(one, type) else type(one)
        yield f"{source} ({found.__name__}.{named.__name__})", one


def _classes(module: ModuleType) -> Iterator[type]:
    """Those that the module defines itself and means to be used."""
    for value in tuple(vars(module).values()):
        if (
            isinstance(value, type)
            and value.__module__ == module.__name__
            and not passed_over(value)
        ):
            yield value


def _looks_like_one(kind: type) -> bool:
    return all(hasattr(kind, member) for member in ("name", "priority", "check"))


def _accepted(source: str, candidate: Any) -> PluginCheck | Broken:
    """The check, tried out as far as that can be done without making it."""
    theirs = candidate() if isinstance(candidate, type) else candidate
    if not inspect.iscoroutinefunction(getattr(theirs, "check", None)):
        return Broken(source=source, reason="it has no method `async def check(self)`")
    name, priority = getattr(theirs, "name", None), getattr(theirs, "priority", None)
    if not isinstance(name, str) or len(name) > _MAX_NAME or not _NAME.fullmatch(name):
        return Broken(source=source, reason="`name` must be a dotted name, such as acme.licence")
    if name.partition(".")[0] in OWN_NAMES:
        return Broken(source=source, reason=f"the name {name} belongs to netsonde's own checks")
    if priority not in tuple(Priority):
        return Broken(source=source, reason="`priority` must be a netsonde.domain.health.Priority")
    return PluginCheck(name, Priority(priority), theirs)
