"""Reads the files of requirements/, as uv writes them: what is pinned, by which hashes, for whom."""

import re
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REQUIREMENTS = Path(__file__).parent.parent / "requirements"
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class Malformed(Exception):
    """A line that is no pinned and hashed requirement."""


class Pinned(NamedTuple):
    """One line. `via` are the packages that want it, in canonical form; `applies` on this host."""

    name: str
    version: str
    hashes: tuple[str, ...]
    via: tuple[str, ...]
    applies: bool


def read_lock(text: str) -> tuple[Pinned, ...]:
    """Every requirement, in the order of the file; raises Malformed."""
    pinned: list[Pinned] = []
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line.lstrip().startswith("#"):
            comment = line.strip(" #").removeprefix("via").strip()
            if comment and pinned:
                name = canonicalize_name(comment.split(" ")[0])
                pinned[-1] = pinned[-1]._replace(via=(*pinned[-1].via, name))
            continue
        pinned.append(_read(line))
    return tuple(pinned)


def _read(line: str) -> Pinned:
    words, *rest = line.split(" --hash=", 1)
    hashes = tuple(_HASH.findall(f"--hash={rest[0]}")) if rest else ()
    left = _HASH.sub("", f"--hash={rest[0]}").strip() if rest else ""
    requirement = Requirement(words.strip())
    versions = list(requirement.specifier)
    exact = len(versions) == 1 and versions[0].operator == "=="
    if not exact or versions[0].version.endswith("*") or requirement.url or not hashes or left:
        raise Malformed(line.strip()[:200])
    return Pinned(
        name=canonicalize_name(requirement.name),
        version=versions[0].version,
        hashes=hashes,
        via=(),
        applies=requirement.marker is None or requirement.marker.evaluate(),
    )
