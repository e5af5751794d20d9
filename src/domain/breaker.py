"""Circuit breaker: a table of states; the time is passed in, and a late answer of an earlier era is ignored."""

from enum import StrEnum

import msgspec


class State(StrEnum):
    """Closed lets everything pass, open nothing, half-open one probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Signal(StrEnum):
    """What can happen to a breaker."""

    SUCCESS = "success"
    FAILURE = "failure"  # one more than the threshold allows, when closed
    RECOVERED = "recovered"  # the recovery time is over
    ABANDONED = "abandoned"  # the probe was cancelled: it told nothing


TRANSITIONS: dict[State, dict[Signal, State]] = {
    State.CLOSED: {Signal.SUCCESS: State.CLOSED, Signal.FAILURE: State.OPEN},
    State.OPEN: {Signal.RECOVERED: State.HALF_OPEN},
    State.HALF_OPEN: {
        Signal.SUCCESS: State.CLOSED,
        Signal.FAILURE: State.OPEN,
        Signal.ABANDONED: State.HALF_OPEN,
    },
}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`failure_threshold` failures in a row open it; after `recovery_s` one probe is let through."""

    failure_threshold: int = 5
    recovery_s: float = 60.0


class Breaker(msgspec.Struct, frozen=True, kw_only=True):
    """A breaker's state. `era` counts its changes of state; `probing` says that the probe is out."""

    state: State = State.CLOSED
    failures: int = 0
    opened_at_s: float = 0.0
    era: int = 0
    probing: bool = False


class Admitted(msgspec.Struct, frozen=True, tag=True):
    """Go; report the result with `era`."""

    breaker: Breaker
    era: int


class Rejected(msgspec.Struct, frozen=True, tag=True):
    """Not now."""

    retry_after_s: float


def rejects(breaker: Breaker, settings: Settings, now_s: float) -> Rejected | None:
    """Whether `admit` would say no; asks without taking the probe's place."""
    if breaker.state is State.OPEN:
        wait_s = breaker.opened_at_s + settings.recovery_s - now_s
        return Rejected(wait_s) if wait_s > 0 else None
    if breaker.state is State.HALF_OPEN and breaker.probing:
        return Rejected(settings.recovery_s)
    return None


def admit(breaker: Breaker, settings: Settings, now_s: float) -> Admitted | Rejected:
    """Ask to run; when the breaker is half open, the caller becomes its probe."""
    rejected = rejects(breaker, settings, now_s)
    if rejected is not None:
        return rejected
    if breaker.state is State.OPEN:
        breaker = _move(breaker, Signal.RECOVERED)
    if breaker.state is State.HALF_OPEN:
        breaker = msgspec.structs.replace(breaker, probing=True)
    return Admitted(breaker, breaker.era)


def report(breaker: Breaker, settings: Settings, signal: Signal, era: int, now_s: float) -> Breaker:
    """Tell how an admitted run ended; an answer of an earlier era changes nothing."""
    if era != breaker.era:
        return breaker
    if breaker.state is State.CLOSED:
        if signal is not Signal.FAILURE:
            failures = 0 if signal is Signal.SUCCESS else breaker.failures
            return msgspec.structs.replace(breaker, failures=failures)
        failures = breaker.failures + 1
        if failures < settings.failure_threshold:
            return msgspec.structs.replace(breaker, failures=failures)
    moved = _move(breaker, signal)
    if moved.state is State.OPEN:
        return msgspec.structs.replace(moved, opened_at_s=now_s)
    return moved


def _move(breaker: Breaker, signal: Signal) -> Breaker:
    """Follow the table; KeyError on an illegal transition, which changes nothing."""
    state = TRANSITIONS[breaker.state][signal]
    changed = state is not breaker.state
    return Breaker(
        state=state, opened_at_s=breaker.opened_at_s, era=breaker.era + (1 if changed else 0)
    )
