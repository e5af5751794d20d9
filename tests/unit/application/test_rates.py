"""Rates of many callers: each has its own, and their number is bounded."""

import sys

from netsonde.adapters.memory import FakeClock
from netsonde.application.rates import Rates
from netsonde.domain.bucket import Rate

TWO_A_MINUTE = Rate(tokens=2, per_s=60)


def emptied(rates: Rates, caller: str, what: str) -> None:
    """Take until there is nothing left."""
    while rates.take(caller, what) is None:
        pass


def test_each_caller_has_a_bucket_for_each_thing() -> None:
    rates = Rates(TWO_A_MINUTE, FakeClock())
    emptied(rates, "a", "ping")
    assert rates.take("a", "nmap") is None
    assert rates.take("b", "ping") is None
    assert rates.take("a", "ping") is not None


def test_without_a_rate_everything_is_allowed_and_nothing_remembered() -> None:
    rates = Rates(None, FakeClock())
    assert all(rates.take("a", "ping") is None for _ in range(100))
    assert (len(rates), rates.standing("a", "ping"), rates.empty("a", "ping")) == (0, None, None)


def test_looking_takes_nothing_and_remembers_nobody() -> None:
    rates = Rates(TWO_A_MINUTE, FakeClock())
    for _ in range(5):
        assert rates.empty("a", "ping") is None
        assert rates.standing("a", "ping") is not None
    assert len(rates) == 0
    emptied(rates, "a", "ping")
    assert rates.empty("a", "ping") == rates.take("a", "ping")


def test_the_standing_is_what_a_caller_has_left() -> None:
    clock = FakeClock()
    rates = Rates(TWO_A_MINUTE, clock)
    rates.take("a", "ping")
    first = rates.standing("a", "ping")
    assert first is not None
    assert (first.limit, first.remaining, first.reset_s) == (2, 1, 30)
    clock.advance(30)
    later = rates.standing("a", "ping")
    assert later is not None
    assert (later.remaining, later.reset_s) == (2, 0)


def test_the_stalest_caller_is_forgotten_first_and_begins_anew() -> None:
    rates = Rates(TWO_A_MINUTE, FakeClock(), max_callers=2)
    for caller in "ab":
        emptied(rates, caller, "ping")
    rates.take("a", "ping")  # refused, but seen
    rates.take("c", "ping")
    assert rates.empty("a", "ping") is not None
    assert rates.empty("b", "ping") is None


def test_a_million_callers_take_no_more_room_than_the_bound() -> None:
    rates = Rates(TWO_A_MINUTE, FakeClock(), max_callers=1000)
    for number in range(1_000_000):
        rates.take(str(number), "ping")
        if number % 100_000 == 5000:
            assert len(rates) == 1000
    assert len(rates) == 1000
    assert sys.getsizeof(rates._callers) < 300_000


def test_another_rate_holds_at_once_and_fewer_callers_too() -> None:
    rates = Rates(Rate(tokens=100, per_s=60), FakeClock(), max_callers=10)
    for caller in "abcdefgh":
        rates.take(caller, "ping")
    rates.set(Rate(tokens=1, per_s=60), 3)
    assert len(rates) == 3
    assert rates.take("h", "ping") is None
    assert rates.take("h", "ping") is not None
    rates.set(None, 3)
    assert rates.take("h", "ping") is None
