"""What a process holds, as the kernel tells it: to see that nothing is left of a run."""

import os
from collections import Counter
from contextlib import suppress
from pathlib import Path

import msgspec


class Holdings(msgspec.Struct, frozen=True, kw_only=True):
    """Children (dead ones too), kinds of open descriptors, and entries of a directory."""

    children: tuple[int, ...]
    descriptors: dict[str, int]
    entries: tuple[str, ...]


def holdings(directory: Path) -> Holdings:
    """Of this process, now."""
    return Holdings(
        children=tuple(sorted(children())),
        descriptors=_descriptors(),
        entries=tuple(sorted(os.listdir(directory))),
    )


def children() -> list[int]:
    found = []
    for path in Path("/proc/self/task").glob("*/children"):
        with suppress(FileNotFoundError):  # a thread that has just ended
            found += [int(pid) for pid in path.read_text().split()]
    return found


def processes_naming(marker: str) -> dict[int, str]:
    """Processes anywhere on this host with that text in their command line."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if marker in line and int(path.parent.name) != os.getpid():
            found[int(path.parent.name)] = line
    return found


def _descriptors() -> dict[str, int]:
    kinds = Counter[str]()
    for number in os.listdir("/proc/self/fd"):
        try:
            kinds[os.readlink(f"/proc/self/fd/{number}").partition(":[")[0]] += 1
        except FileNotFoundError:
            continue  # the listing itself
    return dict(kinds)
