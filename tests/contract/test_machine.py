"""The port `Machine`, for this host and for the one in memory."""

import timeit
from pathlib import Path

import pytest

from netsonde.adapters.clock import SystemClock
from netsonde.adapters.machine import HostMachine
from netsonde.adapters.memory import FakeMachine
from netsonde.application.ports import Machine


@pytest.fixture(params=["host", "memory"])
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    if request.param == "memory":
        return FakeMachine()
    return HostMachine(str(tmp_path), SystemClock())


def test_percentages_are_from_0_to_100(machine: Machine) -> None:
    usage = machine.usage()
    for percent in (usage.cpu_percent, usage.memory_percent, usage.disk_percent):
        assert 0 <= percent <= 100


def test_some_descriptors_are_open_and_none_above_the_limit(machine: Machine) -> None:
    usage = machine.usage()
    assert 0 < usage.descriptors <= usage.max_descriptors


def test_it_is_asked_in_well_under_a_millisecond(machine: Machine) -> None:
    # The best of many: a machine that is busy with something else is no fault of the adapter's.
    assert min(timeit.repeat(machine.usage, number=1, repeat=50)) < 0.001
