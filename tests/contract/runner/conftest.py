"""A runner of real processes that is seen to leave nothing behind."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from netsonde.adapters.process.launch_chain import BasicChain, LaunchChain
from netsonde.adapters.process.subprocess_runner import SubprocessRunner
from netsonde.adapters.programs import InstalledPrograms
from netsonde.application.ports import Ended
from netsonde.domain.plan import Plan

from .leak_check import holdings, processes_naming

SETPRIV, PRLIMIT = (InstalledPrograms().find(name) for name in ("setpriv", "prlimit"))
CHAINS = {
    "setpriv+prlimit": BasicChain(setpriv=SETPRIV, prlimit=PRLIMIT),
    "setpriv+shell": BasicChain(setpriv=SETPRIV, prlimit=None),
    "prlimit": BasicChain(setpriv=None, prlimit=PRLIMIT),
    "shell": BasicChain(setpriv=None, prlimit=None),
}
each_chain = pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS.keys())


class MakeRunner(Protocol):
    """Makes a runner whose private directories are in `base_dir`."""

    def __call__(self, chain: LaunchChain = ..., grace_s: float = ...) -> SubprocessRunner: ...


@pytest.fixture
def base_dir(tmp_path: Path) -> Path:
    path = tmp_path / "runs"
    path.mkdir()
    return path


@pytest.fixture
def make_runner(base_dir: Path, tmp_path: Path) -> Iterator[MakeRunner]:
    """When the test ends, no child, descriptor or directory may be left of any run."""

    def make(
        chain: LaunchChain = CHAINS["setpriv+prlimit"], grace_s: float = 1.0
    ) -> SubprocessRunner:
        return SubprocessRunner(chain, grace_s=grace_s, base_dir=str(base_dir))

    make()  # takes the report descriptor, for good
    before = holdings(base_dir)
    yield make
    assert holdings(base_dir) == before
    assert processes_naming(str(tmp_path)) == {}


@pytest.fixture
def runner(make_runner: MakeRunner) -> SubprocessRunner:
    return make_runner()


def run(runner: SubprocessRunner, plan: Plan) -> Ended:
    return asyncio.run(runner.run(plan))
