"""What is counted of the event log."""

import ast
import re
from pathlib import Path

import pytest

from netsonde.adapters.telemetry.series import ENDS, RULES
from netsonde.adapters.telemetry.tally import Ran, Tally
from netsonde.application.ports import ToolCounts
from netsonde.domain.errors import ErrorType, ToolError
from netsonde.domain.execution import Requested, Status
from tests.unit.adapters.telemetry.watched import STARTED, TOOLS, ended, event, planned, refused

SOURCE = Path(__file__).parents[4] / "src"
_RULE = re.compile(r"(target|option|argument|request|access|service|record|tool)\.[a-z_]+\Z")
_BEFORE_ANY_TOOL = {"access.guessing", "access.missing", "access.token"}


@pytest.fixture
def tally() -> Tally:
    return Tally(TOOLS)


def test_every_end_is_counted_by_its_status(tally: Tally) -> None:
    for status in ENDS:
        tally.note(event(ended(status)))
    assert tally.ended() == {("PingTool", status): 1 for status in ENDS}


def test_a_program_that_ran_tells_how_long(tally: Tally) -> None:
    assert tally.note(event(planned())) is None
    assert tally.note(event(STARTED)) is None
    assert tally.active() == {"PingTool": 1}
    assert tally.note(event(ended(Status.SUCCESS, duration_s=1.5))) == Ran("PingTool", 1.5)
    assert tally.active() == {}


def test_a_cancelled_program_ran_too(tally: Tally) -> None:
    tally.note(event(planned()))
    tally.note(event(STARTED))
    ran = tally.note(event(ended(Status.CANCELLED, duration_s=2.5)))
    assert ran == Ran("PingTool", 2.5)


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.REFUSED])
def test_what_ended_while_it_waited_did_not_run(tally: Tally, status: Status) -> None:
    tally.note(event(planned()))
    assert tally.note(event(ended(status))) is None
    assert tally.active() == {}


def test_a_program_that_could_not_be_started_did_not_run(tally: Tally) -> None:
    tally.note(event(planned()))
    tally.note(event(STARTED))
    assert tally.note(event(refused(ErrorType.EXECUTION_ERROR))) is None
    assert tally.active() == {}
    assert tally.refused() == {("PingTool", "execution_error"): 1}


def test_a_refusal_is_counted_by_its_rule_or_else_its_error_type(tally: Tally) -> None:
    tally.note(event(refused(ErrorType.POLICY_DENIED, "target.public")))
    tally.note(event(refused(ErrorType.CIRCUIT_BREAKER_OPEN)))
    tally.note(event(ended(Status.REFUSED)))
    assert tally.refused() == {
        ("PingTool", "target.public"): 1,
        ("PingTool", "circuit_breaker_open"): 1,
        ("PingTool", "unknown"): 1,
    }


def test_a_violation_is_counted_by_its_rule_and_as_a_run(tally: Tally) -> None:
    error = ToolError(
        error_type=ErrorType.POLICY_DENIED,
        message="",
        recovery_suggestion="",
        metadata={"rule": "egress.violation", "offending": "10.0.0.9 tcp 80"},
    )
    tally.note(event(planned()))
    tally.note(event(STARTED))
    end = ended(Status.FAILED, duration_s=0.5, error=error)
    assert tally.note(event(end)) == Ran("PingTool", 0.5)
    assert tally.refused() == {("PingTool", "egress.violation"): 1}
    assert tally.ended() == {("PingTool", Status.FAILED): 1}


def test_a_refusal_for_the_rate_is_counted_apart(tally: Tally) -> None:
    tally.note(event(refused(ErrorType.RATE_LIMITED)))
    assert tally.refused() == {}
    assert tally.limited() == {"PingTool": 1}
    assert tally.ended() == {("PingTool", Status.REFUSED): 1}


@pytest.mark.parametrize("rule", ["made.up", 7, ["target.public"], {}])
def test_a_rule_that_is_not_ours_is_counted_as_other(tally: Tally, rule: object) -> None:
    tally.note(event(refused(ErrorType.POLICY_DENIED, rule)))
    assert tally.refused() == {("PingTool", "other"): 1}


def test_ten_thousand_names_and_rules_make_two_labels(tally: Tally) -> None:
    for number in range(10_000):
        name = f"tool{number}"
        tally.note(event(Requested(tool=name, target=""), name))
        tally.note(event(refused(ErrorType.NOT_FOUND, f"r.{number}", name), name))
    assert tally.refused() == {("unknown", "other"): 10_000}
    assert tally.ended() == {("unknown", Status.REFUSED): 10_000}


def test_a_tool_that_leaves_the_catalog_keeps_its_counts_and_one_that_comes_has_its_own(
    tally: Tally,
) -> None:
    tally.adopt(["DigTool"])
    tally.note(event(ended(Status.SUCCESS, "PingTool")))
    tally.note(event(ended(Status.SUCCESS, "DigTool")))
    assert tally.ended() == {
        ("PingTool", Status.SUCCESS): 1,
        ("DigTool", Status.SUCCESS): 1,
    }
    assert list(tally.counts()) == ["DigTool"]


def test_counts_are_of_every_tool_and_the_mean_is_of_those_that_ran(tally: Tally) -> None:
    for number, seconds in enumerate((1.0, 2.0)):
        tally.note(event(planned(), str(number)))
        tally.note(event(STARTED, str(number)))
        status = Status.TIMEOUT if number else Status.SUCCESS
        tally.note(event(ended(status, duration_s=seconds), str(number)))
    tally.note(event(refused(ErrorType.DISABLED)))
    tally.note(event(planned(), "running"))
    tally.note(event(STARTED, "running"))
    assert tally.counts() == {
        "NmapTool": ToolCounts(),
        "PingTool": ToolCounts(executions=3, successes=1, failures=1, avg_duration=1.5, active=1),
    }


def test_every_rule_in_the_source_that_an_execution_can_be_refused_by_is_a_label() -> None:
    written = {
        node.value
        for folder in ("domain", "application")
        for path in (SOURCE / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and _RULE.match(node.value)
    }
    settings_and_checks = {name for name in written if name not in RULES} - _BEFORE_ANY_TOOL
    assert "target.public" in written
    assert settings_and_checks == set()
