"""The sets of layers that this host allows, as tests run everything against each of them.

`poorest` is a host without setpriv; `basic` one without anything but util-linux; `landlock` what an
unprivileged container has (no namespace, no cgroup); `full` everything that this host has.
"""

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

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


def readable(directory: Path) -> tuple[str, ...]:
    """What the tests' programs need: their own folder, and the interpreter that runs them."""
    python = Path(sys.executable).resolve().parent.parent
    return (str(directory), str(python), str(Path(sys.executable).parent.parent))


def _found(directory: Path, *missing: str, cgroup: LayerMode = LayerMode.AUTO) -> LaunchChain:
    wanted = Wanted(readable=readable(directory), cgroup=cgroup)
    return find_chain(Without(*missing), wanted)


_MAKERS: Final[dict[str, Callable[[Path], LaunchChain]]] = {
    "poorest": lambda _: BasicChain(setpriv=None),
    "basic": lambda _: find_basic_chain(InstalledPrograms()),
    "landlock": lambda directory: _found(directory, "bwrap", cgroup=LayerMode.OFF),
    "full": lambda directory: _found(directory),
}
SETS: Final = tuple(_MAKERS)
LAYERED: Final = ("basic", "landlock", "full")


@cache
def chain_of(name: str, directory: Path) -> LaunchChain:
    """The set of that name, or a skipped test; found once, as a server does it, not for each test.

    Programs under `directory` can be run.
    """
    chain = _MAKERS[name](directory)
    if reason := _lacking(name, chain.layers()):
        pytest.skip(reason)
    return chain


def active(chain: LaunchChain) -> dict[str, bool]:
    """Which layers are in force, by name."""
    return {layer.name: layer.active for layer in chain.layers()}


def _lacking(name: str, layers: tuple[Layer, ...]) -> str | None:
    """Why this host doesn't have that set, as its layers tell; None if it has."""
    wanted = {
        "landlock": {"filesystem", "seccomp"},
        "full": {"filesystem", "seccomp", "pid_namespace"},
    }.get(name, set())
    missing = [layer for layer in layers if layer.name in wanted and not layer.active]
    return "; ".join(f"{layer.name}: {layer.reason}" for layer in missing) or None
