"""Looks at plug-ins before their code is loaded: whose are they, and are they what was pinned."""

from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ...application.catalog import Broken
from ...application.provenance import Provenance
from .entry_points import GROUPS, source_of

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

PIN = "@sha256:"


class Vetted(msgspec.Struct, frozen=True, kw_only=True):
    """`names` are the entry points that may be loaded, in the order wanted, unknown ones among them."""

    names: tuple[str, ...] = ()
    provenances: tuple[Provenance, ...] = ()
    broken: tuple[Broken, ...] = ()

    def of(self, name: str) -> Provenance | None:
        """Where an entry point comes from; None if it is unknown."""
        return next((one for one in self.provenances if one.name == name), None)


def vet(wanted: Sequence[str]) -> Vetted:
    """Each of `wanted` is `name` or `name@sha256:HEX`, the digest of the distribution's files.

    A name must be one distribution's alone; a digest that differs, or that can't be computed, or
    doesn't cover the module that would be imported, makes it `Broken`. Nothing is imported here.
    """
    if not wanted:
        return Vetted()
    pins = {name: pin for name, _, pin in (text.partition(PIN) for text in wanted)}
    names, provenances, broken = [], [], []
    for name, pin in pins.items():
        found = _vetted(name, pin)
        if isinstance(found, str):
            broken.append(Broken(source=source_of(name), reason=found))
            continue
        names.append(name)
        if found is not None:
            provenances.append(found)
    return Vetted(names=tuple(names), provenances=tuple(provenances), broken=tuple(broken))


def _vetted(name: str, pin: str) -> Provenance | str | None:
    """Where it comes from, why it may not be loaded, or None where there is no such entry point."""
    from importlib import metadata  # 25 ms, only for an operator who switched a plug-in on

    points = [point for group in GROUPS for point in metadata.entry_points(group=group, name=name)]
    if not points:
        return None
    owners = {point.dist.name: point.dist for point in points if point.dist is not None}
    if len(owners) != 1:
        there = ", ".join(sorted(owners)) or "none that is known"
        return f"exactly one installed package must have this name; there are: {there}"
    (distribution,) = owners.values()
    return _provenance(name, pin, points, distribution)


def _provenance(
    name: str, pin: str, points: "Sequence[EntryPoint]", distribution: "Distribution"
) -> Provenance | str:
    from .distribution_files import Digest, distribution_digest, listed_files

    files = {path.resolve() for path in (listed_files(distribution) or {}).values()}
    digest = distribution_digest(distribution)
    whose = f"{distribution.name} {distribution.version}"
    if isinstance(digest, Digest):
        stray = next((found for point in points if (found := _stray(point.module, files))), "")
        note = f"{whose} {stray}" if stray else ""
    else:
        note = f"{whose} {digest.reason}"
    if pin and note:
        return f"can't be compared with its pinned SHA-256: {note}"
    if pin and isinstance(digest, Digest) and digest.sha256 != pin:
        return f"the SHA-256 of {whose} is {digest.sha256}, but {pin} is pinned"
    return Provenance(
        name=name,
        distribution=distribution.name,
        version=distribution.version,
        sha256=digest.sha256 if isinstance(digest, Digest) else None,
        files=digest.files if isinstance(digest, Digest) else 0,
        groups=tuple(sorted({point.group for point in points})),
        pinned=bool(pin),
        note=note,
    )


def _stray(module: str, files: set[Path]) -> str | None:
    """What a module's import would run, itself and its parents, that isn't in these files.

    Looked for as the import system does, but without importing the parents.
    """
    from .distribution_files import modules_in

    path: Sequence[str] | None = None
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        name = ".".join(parts[:depth])
        spec = PathFinder.find_spec(name, path)
        if spec is None:
            return f"names {module}, which is not there as files"
        if spec.origin is not None and Path(spec.origin).resolve() not in files:
            return f"names {module}, but {spec.origin} is not among its files"
        path = spec.submodule_search_locations
    for folder in path or ():  # a package may be searched for plug-ins
        for found in modules_in(Path(folder)):
            if found.resolve() not in files:
                return f"names {module}, but {found} is not among its files"
    return None
