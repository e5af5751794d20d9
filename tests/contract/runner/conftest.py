"""A runner of real processes that is seen to leave nothing behind."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from netsonde.adapters.process.launch_chain import LaunchChain
from netsonde.adapters.process.subprocess_runner import SubprocessRunner
from netsonde.application.ports import Ended
from netsonde.domain.plan import Plan

from .layer_sets import LAYERED, SETS, chain_of
from .leak_check import holdings, processes_naming

each_chain = pytest.mark.parametrize("chain", SETS, indirect=True)


@pytest.fixture(params=LAYERED)
def chain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LaunchChain:
    """Every set of layers in turn."""
    return chain_of(request.param, tmp_path_factory.getbasetemp())


class MakeRunner(Protocol):
    """Makes a runner whose private directories are in `base_dir`."""

    def __call__(self, chain: LaunchChain, grace_s: float = ...) -> SubprocessRunner: ...


@pytest.fixture
def base_dir(tmp_path: Path) -> Path:
    path = tmp_path / "runs"
    path.mkdir()
    return path


@pytest.fixture
def make_runner(base_dir: Path, tmp_path: Path, chain: LaunchChain) -> Iterator[MakeRunner]:
    """When the test ends, no child, descriptor or directory may be left of any run."""

    def make(chain: LaunchChain, grace_s: float = 1.0) -> SubprocessRunner:
        return SubprocessRunner(chain, grace_s=grace_s, base_dir=str(base_dir))

    make(chain)  # takes the report descriptor, for good
    before = holdings(base_dir)
    yield make
    assert holdings(base_dir) == before
    assert processes_naming(str(tmp_path)) == {}


@pytest.fixture
def runner(make_runner: MakeRunner, chain: LaunchChain) -> SubprocessRunner:
    return make_runner(chain)


def run(runner: SubprocessRunner, plan: Plan) -> Ended:
    return asyncio.run(runner.run(plan))
