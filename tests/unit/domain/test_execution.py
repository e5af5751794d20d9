"""An execution is the fold of its events; its table says which may follow which."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.domain.execution import (
    TRANSITIONS,
    Event,
    Execution,
    Finished,
    Happening,
    IllegalTransition,
    Planned,
    Progressed,
    Requested,
    Started,
    Status,
    ToolOutput,
    fold,
)
from tests.unit.domain.asking import ask, plan_of

PLAN = plan_of(ask("ping"))
FINAL = [Status.SUCCESS, Status.FAILED, Status.TIMEOUT, Status.CANCELLED, Status.REFUSED]
REQUESTED = Requested(tool="PingTool", target="10.0.0.1", caller="me")


def output(status: Status) -> ToolOutput:
    return ToolOutput(
        execution_id="x", tool="PingTool", target="10.0.0.1", status=status, started_at="", finished_at=""
    )  # fmt: skip


def events(*happenings: Happening) -> list[Event]:
    return [
        Event(execution_id="x", at_s=float(i), what=what) for i, what in enumerate(happenings, 10)
    ]


def ended(status: Status) -> Finished:
    return Finished(output(status))


_WAY: dict[Status, tuple[Happening, ...]] = {
    Status.REQUESTED: (REQUESTED,),
    Status.WAITING: (REQUESTED, Planned(PLAN)),
    Status.RUNNING: (REQUESTED, Planned(PLAN), Started()),
    Status.SUCCESS: (REQUESTED, Planned(PLAN), Started(), ended(Status.SUCCESS)),
    Status.FAILED: (REQUESTED, Planned(PLAN), Started(), ended(Status.FAILED)),
    Status.TIMEOUT: (REQUESTED, Planned(PLAN), Started(), ended(Status.TIMEOUT)),
    Status.CANCELLED: (REQUESTED, Planned(PLAN), Started(), ended(Status.CANCELLED)),
    Status.REFUSED: (REQUESTED, ended(Status.REFUSED)),
}
_NEXT: list[tuple[Happening, Status]] = [
    (Planned(PLAN), Status.WAITING),
    (Started(), Status.RUNNING),
    (Progressed(5.0), Status.RUNNING),
    *((ended(status), status) for status in FINAL),
]


def test_every_status_has_a_row() -> None:
    assert set(TRANSITIONS) == set(Status)
    assert {status for status in Status if status.final} == set(FINAL)


def test_every_status_can_be_reached() -> None:
    for status, way in _WAY.items():
        assert fold(events(*way)).status is status


@pytest.mark.parametrize(
    ("status", "what", "to"), [(status, *step) for status, step in product(Status, _NEXT)]
)
def test_the_table_alone_says_what_may_follow(status: Status, what: Happening, to: Status) -> None:
    way = events(*_WAY[status], what)
    if to in TRANSITIONS[status]:
        assert fold(way).status is to
    else:
        before = fold(way[:-1])
        with pytest.raises(IllegalTransition):
            fold(way)
        assert fold(way[:-1]) == before


def test_a_program_that_could_not_be_started_after_all_folds_to_a_refusal() -> None:
    folded = fold(events(REQUESTED, Planned(PLAN), Started(), ended(Status.REFUSED)))
    assert folded.status is Status.REFUSED


def test_a_fold_tells_what_the_events_told() -> None:
    execution = fold(
        events(REQUESTED, Planned(PLAN), Started(), Progressed(40.0), ended(Status.SUCCESS))
    )
    assert execution == Execution(
        execution_id="x",
        status=Status.SUCCESS,
        tool="PingTool",
        target="10.0.0.1",
        caller="me",
        requested_at_s=10.0,
        plan=PLAN,
        percent=40.0,
        output=output(Status.SUCCESS),
    )


@pytest.mark.parametrize("first", [what for what, _ in _NEXT])
def test_nothing_comes_before_the_request(first: Happening) -> None:
    with pytest.raises(IllegalTransition):
        fold(events(first))


def test_a_request_comes_once() -> None:
    with pytest.raises(IllegalTransition):
        fold(events(REQUESTED, REQUESTED))


def test_no_events_are_no_execution() -> None:
    with pytest.raises(IllegalTransition):
        fold([])


@given(st.lists(st.sampled_from([REQUESTED, *(what for what, _ in _NEXT)]), max_size=8))
def test_any_events_fold_or_raise(happenings: list[Happening]) -> None:
    try:
        execution = fold(events(*happenings))
    except IllegalTransition:
        return
    assert execution.status.final is (execution.output is not None)
