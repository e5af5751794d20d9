"""The port `EventLog`, for the log in memory, alone and with the lines it logs."""

import logging

import pytest

from netsonde.adapters.event_log import RecentEvents
from netsonde.adapters.log_events import LoggedEvents
from netsonde.application.ports import EventLog
from netsonde.domain.execution import (
    Event,
    Finished,
    Happening,
    Progressed,
    Requested,
    Started,
    Status,
    ToolOutput,
)


@pytest.fixture(params=["recent", "logged"])
def log(request: pytest.FixtureRequest) -> EventLog:
    recent = RecentEvents()
    return recent if request.param == "recent" else LoggedEvents(recent, logging.getLogger("test"))


def event(execution_id: str, what: Happening, at_s: float = 1.0) -> Event:
    return Event(execution_id=execution_id, at_s=at_s, what=what)


def finished(execution_id: str, stdout: str = "") -> Event:
    output = ToolOutput(
        execution_id=execution_id,
        tool="PingTool",
        target="10.0.0.1",
        status=Status.SUCCESS,
        stdout=stdout,
        started_at="",
        finished_at="",
    )
    return event(execution_id, Finished(output))


ASKED = Requested(tool="PingTool", target="10.0.0.1")


def test_an_event_is_there_at_once_and_in_order(log: EventLog) -> None:
    first, second = event("a", ASKED), event("a", Started())
    log.append(first)
    assert log.events("a") == (first,)
    log.append(second)
    assert log.events("a") == (first, second)


def test_executions_are_kept_apart(log: EventLog) -> None:
    log.append(event("a", ASKED))
    log.append(event("b", Started()))
    assert [type(e.what) for e in log.events("b")] == [Started]


def test_an_unknown_execution_has_no_events(log: EventLog) -> None:
    assert log.events("nobody") == ()


def test_of_progress_the_last_word_is_kept() -> None:
    log = RecentEvents()
    for percent in range(1000):
        log.append(event("a", Progressed(float(percent))))
    assert [e.what for e in log.events("a")] == [Progressed(999.0)]


def test_the_oldest_execution_is_forgotten_first() -> None:
    log = RecentEvents(max_executions=2)
    for name in "abc":
        log.append(event(name, ASKED))
    assert [bool(log.events(name)) for name in "abc"] == [False, True, True]


def test_large_answers_push_old_ones_out() -> None:
    log = RecentEvents(max_bytes=4000)
    for name in "abc":
        log.append(finished(name, "x" * 1200))
    assert [bool(log.events(name)) for name in "abc"] == [False, True, True]


def test_an_answer_larger_than_the_whole_bound_is_kept_while_it_is_the_newest() -> None:
    log = RecentEvents(max_bytes=10)
    log.append(finished("a", "x" * 100))
    assert log.events("a")
    log.append(finished("b"))
    assert not log.events("a")
