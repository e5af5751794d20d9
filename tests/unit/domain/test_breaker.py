"""The circuit breaker: its table, its eras, and a machine that plays with it."""

from itertools import product

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from netsonde.domain.breaker import (
    TRANSITIONS,
    Admitted,
    Breaker,
    Rejected,
    Settings,
    Signal,
    State,
    admit,
    rejects,
    report,
)

SETTINGS = Settings(failure_threshold=3, recovery_s=60.0)


def failed(times: int, now_s: float = 0.0) -> Breaker:
    """A breaker after so many failures in a row."""
    breaker = Breaker()
    for _ in range(times):
        breaker = report(breaker, SETTINGS, Signal.FAILURE, breaker.era, now_s)
    return breaker


def admitted(breaker: Breaker, now_s: float) -> Admitted:
    answer = admit(breaker, SETTINGS, now_s)
    assert isinstance(answer, Admitted)
    return answer


def test_every_state_has_a_row() -> None:
    assert set(TRANSITIONS) == set(State)
    assert all(set(row) <= set(Signal) for row in TRANSITIONS.values())
    assert {state for row in TRANSITIONS.values() for state in row.values()} == set(State)


@pytest.mark.parametrize(
    ("state", "signal"),
    [
        (s, g)
        for s, g in product(State, Signal)
        if g not in TRANSITIONS[s] and s is not State.CLOSED
    ],
)
def test_an_illegal_transition_raises_and_changes_nothing(state: State, signal: Signal) -> None:
    breaker = Breaker(state=state, era=4, probing=True)
    with pytest.raises(KeyError):
        report(breaker, SETTINGS, signal, 4, 0.0)
    assert breaker == Breaker(state=state, era=4, probing=True)


def test_failures_in_a_row_open_it() -> None:
    assert failed(2).state is State.CLOSED
    assert failed(3).state is State.OPEN


def test_a_success_between_starts_the_count_anew() -> None:
    breaker = report(failed(2), SETTINGS, Signal.SUCCESS, 0, 0.0)
    assert breaker.failures == 0
    assert report(breaker, SETTINGS, Signal.FAILURE, 0, 0.0).state is State.CLOSED


def test_an_abandoned_run_tells_nothing() -> None:
    breaker = failed(2)
    assert report(breaker, SETTINGS, Signal.ABANDONED, 0, 0.0) == breaker


def test_an_open_breaker_rejects_until_the_recovery_time_is_over() -> None:
    breaker = failed(3, now_s=100.0)
    answer = admit(breaker, SETTINGS, 130.0)
    assert answer == Rejected(30.0)
    assert isinstance(admit(breaker, SETTINGS, 159.9), Rejected)
    assert isinstance(admit(breaker, SETTINGS, 160.0), Admitted)


def test_asking_whether_it_rejects_takes_no_place() -> None:
    breaker = failed(3)
    assert rejects(breaker, SETTINGS, 60.0) is None
    assert rejects(breaker, SETTINGS, 60.0) is None
    assert isinstance(rejects(breaker, SETTINGS, 59.0), Rejected)


def test_one_probe_is_let_through_when_half_open() -> None:
    first = admitted(failed(3), 60.0)
    assert first.breaker.state is State.HALF_OPEN
    assert isinstance(admit(first.breaker, SETTINGS, 60.0), Rejected)


def test_a_probe_that_succeeds_closes_it() -> None:
    probe = admitted(failed(3), 60.0)
    breaker = report(probe.breaker, SETTINGS, Signal.SUCCESS, probe.era, 61.0)
    assert (breaker.state, breaker.failures, breaker.probing) == (State.CLOSED, 0, False)


def test_a_probe_that_fails_opens_it_again_for_the_whole_time() -> None:
    probe = admitted(failed(3), 60.0)
    breaker = report(probe.breaker, SETTINGS, Signal.FAILURE, probe.era, 70.0)
    assert breaker.state is State.OPEN
    assert admit(breaker, SETTINGS, 129.0) == Rejected(1.0)


def test_an_abandoned_probe_gives_its_place_back() -> None:
    probe = admitted(failed(3), 60.0)
    breaker = report(probe.breaker, SETTINGS, Signal.ABANDONED, probe.era, 61.0)
    assert isinstance(admit(breaker, SETTINGS, 61.0), Admitted)


@pytest.mark.parametrize("signal", Signal)
def test_the_answer_of_an_earlier_era_changes_nothing(signal: Signal) -> None:
    early = admitted(Breaker(), 0.0)
    opened = failed(3)
    assert report(opened, SETTINGS, signal, early.era, 1.0) == opened
    probe = admitted(opened, 60.0)
    assert report(probe.breaker, SETTINGS, signal, early.era, 61.0) == probe.breaker


class Machine(RuleBasedStateMachine):
    """Callers come, run and report, late or never; the clock moves on."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker()
        self.now_s = 0.0
        self.out: list[int] = []
        self.probe: int | None = None

    @rule(step=st.sampled_from([0.0, 1.0, 30.0, 60.0]))
    def wait(self, step: float) -> None:
        self.now_s += step

    @rule()
    def ask(self) -> None:
        before = self.breaker
        answer = admit(before, SETTINGS, self.now_s)
        asked = rejects(before, SETTINGS, self.now_s)
        assert (asked is None) is isinstance(answer, Admitted)
        if isinstance(answer, Rejected):
            assert 0 < answer.retry_after_s <= SETTINGS.recovery_s
            assert before.state is not State.CLOSED
            return
        self.breaker = answer.breaker
        self.out.append(answer.era)
        if answer.breaker.state is State.HALF_OPEN:
            assert self.probe != answer.era, "two probes at once"
            self.probe = answer.era

    @rule(
        signal=st.sampled_from([Signal.SUCCESS, Signal.FAILURE, Signal.ABANDONED]),
        which=st.integers(0, 5),
    )
    def tell(self, signal: Signal, which: int) -> None:
        if not self.out:
            return
        era = self.out.pop(which % len(self.out))
        before = self.breaker
        self.breaker = report(before, SETTINGS, signal, era, self.now_s)
        if era != before.era:
            assert self.breaker == before
        if era == self.probe:
            self.probe = None

    @invariant()
    def it_is_sound(self) -> None:
        breaker = self.breaker
        assert breaker.failures < SETTINGS.failure_threshold
        assert breaker.probing is (breaker.state is State.HALF_OPEN and self.probe == breaker.era)
        assert breaker.era >= max(self.out, default=0)


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=50, stateful_step_count=30)
