"""The table of statuses."""

import msgspec
import pytest

from netsonde.adapters import wire
from netsonde.domain.errors import ErrorType, ToolError
from netsonde.domain.execution import Status, ToolOutput
from netsonde.domain.health import HealthStatus


def error(kind: ErrorType, **metadata: str) -> ToolError:
    return ToolError(error_type=kind, message="", recovery_suggestion="", metadata=metadata)


def output(status: Status, failure: ToolError | None = None) -> ToolOutput:
    return ToolOutput(
        execution_id="a",
        tool="T",
        target="t",
        status=status,
        started_at="",
        finished_at="",
        error=failure,
    )


def test_every_cause_has_a_row() -> None:
    assert set(wire.CODES) == set(ErrorType)


@pytest.mark.parametrize(
    ("kind", "http", "status"),
    [
        (ErrorType.VALIDATION_ERROR, 422, 3),
        (ErrorType.POLICY_DENIED, 403, 3),
        (ErrorType.DISABLED, 409, 5),
        (ErrorType.RATE_LIMITED, 429, 5),
        (ErrorType.CIRCUIT_BREAKER_OPEN, 503, 5),
        (ErrorType.RESOURCE_EXHAUSTED, 503, 5),
        (ErrorType.NOT_FOUND, 503, 5),
    ],
)
def test_a_refusal_is_called_as_the_contract_has_it(
    kind: ErrorType, http: int, status: int
) -> None:
    refused = output(Status.REFUSED, error(kind))
    assert (wire.http_status(refused), wire.exit_status(refused)) == (http, status)


@pytest.mark.parametrize(
    ("status", "exit_status"),
    [(Status.SUCCESS, 0), (Status.FAILED, 1), (Status.TIMEOUT, 4), (Status.CANCELLED, 130)],
)
def test_whatever_ran_is_200_and_has_its_exit_status(status: Status, exit_status: int) -> None:
    assert wire.http_status(output(status)) == 200
    assert wire.exit_status(output(status)) == exit_status


def test_a_run_that_a_limit_ended_has_failed_not_been_unavailable() -> None:
    ended = output(Status.FAILED, error(ErrorType.RESOURCE_EXHAUSTED))
    assert (wire.http_status(ended), wire.exit_status(ended)) == (200, 1)


def test_an_unknown_tool_is_not_a_missing_program() -> None:
    unknown = error(ErrorType.NOT_FOUND, rule="tool.unknown")
    assert (wire.http_status_of(unknown), wire.exit_status_of(unknown)) == (404, 2)
    refused = msgspec.structs.replace(output(Status.REFUSED), error=unknown)
    assert wire.exit_status(refused) == 2


@pytest.mark.parametrize(
    ("rule", "http"),
    [
        *(("request.malformed", 400), ("request.host", 400), ("request.path", 404)),
        *(("request.method", 405), ("request.accept", 406), ("request.size", 413)),
        *(("request.media_type", 415), ("request.member", 422), ("access.host", 421)),
        *(("access.origin", 403), ("access.scope", 403), ("execution.unknown", 404)),
    ],
)
def test_a_rule_may_have_a_status_of_its_own(rule: str, http: int) -> None:
    kind = ErrorType.POLICY_DENIED if rule.startswith("access") else ErrorType.VALIDATION_ERROR
    assert wire.http_status_of(error(kind, rule=rule)) == http
    assert wire.exit_status_of(error(kind, rule=rule)) == 3


def test_the_statuses_of_health_are_told_apart() -> None:
    assert list(wire.HEALTH.values()) == [200, 207, 503]
    assert set(wire.HEALTH) == set(HealthStatus)
    assert wire.READY[False] in wire.WAITS
