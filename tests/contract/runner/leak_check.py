"""What a process holds, as the kernel tells it: to see that nothing is left of a run."""

import gc
import os
from collections import Counter
from pathlib import Path

import msgspec


class Holdings(msgspec.Struct, frozen=True, kw_only=True):
    """Children (dead ones too), kinds of open descriptors, and entries of a directory."""

    children: tuple[int, ...]
    descriptors: dict[str, int]
    entries: tuple[str, ...]


def holdings(directory: Path) -> Holdings:
    """Of this process, now; what an earlier test left to be collected is not there any more."""
    gc.collect()
    return Holdings(
        children=tuple(sorted(children())),
        descriptors=_descriptors(),
        entries=tuple(sorted(os.listdir(directory))),
    )


def children() -> list[int]:
    """A thread that ends meanwhile hands its children to another: then all is read anew."""
    while True:
        try:
            return [
                int(pid)
                for path in Path("/proc/self/task").glob("*/children")
                for pid in path.read_text().split()
            ]
        except (FileNotFoundError, ProcessLookupError):
            continue


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
