"""The port `Clock`."""

import time

import pytest

from netsonde.adapters.clock import SystemClock, new_execution_id
from netsonde.adapters.memory import FakeClock
from netsonde.application.ports import Clock


@pytest.fixture(params=["system", "fake"])
def clock(request: pytest.FixtureRequest) -> Clock:
    return SystemClock() if request.param == "system" else FakeClock()


def test_it_never_goes_back(clock: Clock) -> None:
    times = [clock.monotonic_s() for _ in range(1000)]
    assert times == sorted(times)


def test_the_wall_shows_unix_time(clock: Clock) -> None:
    assert 1_600_000_000 < clock.wall_s() < 5_000_000_000


def test_the_systems_clock_is_the_systems() -> None:
    assert abs(SystemClock().wall_s() - time.time()) < 60


def test_a_fake_clock_moves_when_it_is_told() -> None:
    clock = FakeClock(wall_s=5.0)
    clock.advance(1.5)
    clock.advance(-3)
    assert (clock.monotonic_s(), clock.wall_s()) == (1.5, 6.5)


def test_a_fake_wall_clock_leaps_without_any_time_passing() -> None:
    clock = FakeClock(wall_s=5.0)
    clock.leap(-3)
    assert (clock.monotonic_s(), clock.wall_s()) == (0.0, 2.0)
    clock.leap(10)
    assert (clock.monotonic_s(), clock.wall_s()) == (0.0, 12.0)


def test_ids_are_unique_and_sort_by_time() -> None:
    ids = [new_execution_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert [one[:12] for one in ids] == sorted(one[:12] for one in ids)
    assert {len(one) for one in ids} == {32}
