"""Frames of the event stream, and the states of executions that stand in them."""

import json

import pytest

from netsonde.adapters.event_log import RecentEvents
from netsonde.adapters.http.frames import EventId, Frame, Kind, encode, read_id, with_id
from netsonde.adapters.http.states import States
from netsonde.domain.audit import Denied
from netsonde.domain.execution import Progressed, Recorded
from tests.contract.recordings import event, finished, life

DENIED = event("", Denied(caller="", address="::1", action="GET /", rule="access.token"))


def data(frame: Frame | None) -> dict[str, object]:
    assert frame is not None
    found = json.loads(frame.body.partition(b"data: ")[2])
    assert isinstance(found, dict)
    return found


def test_an_event_has_its_id_first_and_ends_with_an_empty_line() -> None:
    body = encode(Kind.HEALTH, {"status": "healthy", "text": "two\nlines"})
    text = with_id(7, "ax1", body).decode()
    assert text == ('id: 7-ax1\nevent: health\ndata: {"status":"healthy","text":"two\\nlines"}\n\n')


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("7-ax1", EventId(7, "ax1")),
        ("0", EventId(0)),
        ("", None),
        ("-1", None),
        ("7-", None),
        ("7-A", None),
        ("\u0667", None),
        ("1" * 19, None),
        ("7-" + "a" * 41, None),
        ("7-ax1\n", None),
    ],
)
def test_only_ids_of_ours_are_read(text: str, read: EventId | None) -> None:
    assert read_id(text) == read


def test_each_event_shows_how_the_execution_stands_after_it() -> None:
    states = States(RecentEvents())
    first, planned, started, last = life("a")
    happened = (first, planned, started, event("a", Progressed(40.0)), last)
    frames = [states.frame(Recorded(n, one)) for n, one in enumerate(happened, 1)]
    stands = [data(frame)["execution"]["status"] for frame in frames]  # type: ignore[index]  # a dict
    assert stands == ["requested", "waiting", "running", "running", "success"]
    assert [frame.asked_by for frame in frames if frame] == ["ops"] * 5


@pytest.mark.parametrize("first_told", [1, 2, 3, 4])
def test_what_was_before_is_looked_up_and_nothing_that_came_after(first_told: int) -> None:
    log = RecentEvents()
    happened = (*life("a")[:3], event("a", Progressed(40.0)), finished("a"))
    for one in happened:
        log.append(one)
    states = States(log)
    told = data(states.frame(Recorded(first_told + 1, happened[first_told])))["execution"]
    assert isinstance(told, dict)
    assert told["status"] == ["waiting", "running", "running", "success"][first_told - 1]
    assert told["percent"] == (40.0 if first_told == 3 else None if first_told != 2 else 0.0)


def test_what_was_let_go_of_is_looked_up_again() -> None:
    log = RecentEvents(max_executions=10_000)
    states = States(log)
    lives = [life(f"e{n}") for n in range(1100)]
    for one in lives:
        log.append(one[0])
        states.frame(Recorded(1, one[0]))
    for one in lives:
        assert data(states.frame(Recorded(2, one[1])))["event"] == "planned"


def test_events_of_the_service_have_no_frame() -> None:
    assert States(RecentEvents()).frame(Recorded(1, DENIED)) is None
