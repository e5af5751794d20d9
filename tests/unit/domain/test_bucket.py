"""The token bucket: what it lets through, and what time does to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.domain.bucket import Bucket, Empty, Rate, Taken, full, give_back, level, take

RATE = Rate(tokens=10, per_s=60)


def taken(bucket: Bucket, now_s: float, times: int) -> tuple[Bucket, int]:
    """The bucket after `times` tries, and how many of them got a token."""
    got = 0
    for _ in range(times):
        answer = take(bucket, RATE, now_s)
        bucket = answer.bucket
        got += isinstance(answer, Taken)
    return bucket, got


def test_a_new_client_has_a_full_bucket() -> None:
    _, got = taken(full(RATE, 5.0), 5.0, 30)
    assert got == 10


def test_an_empty_bucket_says_when_the_next_token_is_there() -> None:
    bucket, _ = taken(full(RATE, 0.0), 0.0, 10)
    answer = take(bucket, RATE, 0.0)
    assert isinstance(answer, Empty)
    assert answer.retry_after_s == pytest.approx(6.0)
    assert isinstance(take(answer.bucket, RATE, 5.9), Empty)
    assert isinstance(take(answer.bucket, RATE, 6.0), Taken)


def test_a_refused_call_costs_nothing() -> None:
    bucket, _ = taken(full(RATE, 0.0), 0.0, 10)
    pressed, got = taken(bucket, 3.0, 1000)
    assert got == 0
    assert isinstance(take(pressed, RATE, 6.0), Taken)


def test_a_bucket_holds_no_more_than_when_full() -> None:
    bucket, _ = taken(full(RATE, 0.0), 0.0, 10)
    _, got = taken(bucket, 1e9, 30)
    assert got == 10


def test_a_clock_that_went_back_counts_as_one_that_stood_still() -> None:
    bucket, _ = taken(full(RATE, 100.0), 100.0, 10)
    back = take(bucket, RATE, 40.0)
    assert isinstance(back, Empty)
    assert back.bucket.at_s == 100.0
    assert isinstance(take(back.bucket, RATE, 105.0), Empty)


@given(
    st.builds(
        Rate,
        tokens=st.integers(1, 50).map(float),
        per_s=st.floats(0.5, 600, allow_nan=False, allow_infinity=False),
    ),
    st.lists(st.floats(0, 30, allow_nan=False), max_size=60),
)
def test_no_stretch_of_time_gives_more_than_the_rate_and_one_bucket(
    rate: Rate, steps: list[float]
) -> None:
    bucket, now_s, got = full(rate, 0.0), 0.0, 0
    for step in steps:
        now_s += step
        answer = take(bucket, rate, now_s)
        bucket = answer.bucket
        got += isinstance(answer, Taken)
        assert 0 <= bucket.level <= rate.tokens
        if isinstance(answer, Empty):
            assert 0 < answer.retry_after_s <= rate.per_s / rate.tokens + 1e-6
    assert got <= rate.tokens + now_s * rate.tokens / rate.per_s + 1e-6


def test_a_token_that_is_given_back_was_never_taken() -> None:
    before, _ = taken(full(RATE, 0.0), 0.0, 4)
    after = give_back(take(before, RATE, 1.0).bucket, RATE, 1.0)
    assert level(after, RATE, 1.0) == pytest.approx(level(before, RATE, 1.0))


def test_a_full_bucket_takes_nothing_back() -> None:
    assert level(give_back(full(RATE, 0.0), RATE, 0.0), RATE, 0.0) == RATE.tokens
