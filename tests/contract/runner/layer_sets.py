"""The sets of layers that this host allows, as tests run everything against each of them.

`poorest` is a host without setpriv; `basic` one without anything but util-linux; `landlock` what an
unprivileged container has (no namespace, no cgroup, no egress guard); `full` everything that this host has.
"""

import sys
from functools import cache
from pathlib import Path
from typing import Final

import msgspec
import pytest

from netsonde.adapters.process.find_chain import Wanted, find_chain
from netsonde.adapters.process.launch_chain import BasicChain, LaunchChain, find_basic_chain
from netsonde.adapters.programs import InstalledPrograms
from netsonde.domain.layer import Layer, LayerMode


class Without:
    """A host on which some programs aren't installed. Meets `Programs`."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def find(self, name: str) -> str | None:
        """See the port."""
        return None if name in self._names else InstalledPrograms().find(name)

    def flaws(self, name: str) -> tuple[str, ...]:
        return ()

    def objection(self, path: str, sha256: str = "") -> str | None:
        return InstalledPrograms().objection(path, sha256)


def readable(directory: Path) -> tuple[str, ...]:
    """What the tests' programs need: their own folder, and the interpreter that runs them."""
    python = Path(sys.executable).resolve().parent.parent
    return (str(directory), str(python), str(Path(sys.executable).parent.parent))


def made(
    name: str,
    directory: Path,
    *,
    max_processes: int = 128,
    egress: LayerMode = LayerMode.AUTO,
) -> LaunchChain:
    """That set of layers, as far as this host has it; programs under `directory` can be run."""
    wanted = Wanted(readable=readable(directory), max_processes=max_processes, egress=egress)
    match name:
        case "poorest":
            return BasicChain(setpriv=None)
        case "basic":
            return find_basic_chain(InstalledPrograms())
        case "landlock":
            poorer = msgspec.structs.replace(wanted, cgroup=LayerMode.OFF, egress=LayerMode.OFF)
            return find_chain(Without("bwrap"), poorer)
        case _:
            return find_chain(InstalledPrograms(), wanted)


SETS: Final = ("poorest", "basic", "landlock", "full")
LAYERED: Final = ("basic", "landlock", "full")


@cache
def chain_of(name: str, directory: Path, egress: LayerMode = LayerMode.AUTO) -> LaunchChain:
    """The set of that name, or a skipped test; found once, as a server does it, not for each test.

    Programs under `directory` can be run.
    """
    chain = made(name, directory, egress=egress)
    if reason := lacking(name, chain.layers()):
        pytest.skip(reason)
    return chain


def active(chain: LaunchChain) -> dict[str, bool]:
    """Which layers are in force, by name."""
    return {layer.name: layer.active for layer in chain.layers()}


def lacking(name: str, layers: tuple[Layer, ...]) -> str | None:
    """Why this host doesn't have that set, as its layers tell; None if it has."""
    wanted = {
        "landlock": {"filesystem", "seccomp"},
        "full": {"filesystem", "seccomp", "pid_namespace"},
    }.get(name, set())
    missing = [layer for layer in layers if layer.name in wanted and not layer.active]
    return "; ".join(f"{layer.name}: {layer.reason}" for layer in missing) or None
