"""One word for the health of all checks."""

from itertools import product

import pytest

from netsonde.domain.health import CheckResult, HealthStatus, Priority, roll_up

HEALTHY, DEGRADED, UNHEALTHY = HealthStatus


def result(status: HealthStatus, priority: Priority) -> CheckResult:
    return CheckResult(name="one", status=status, priority=priority)


@pytest.mark.parametrize(
    ("status", "priority", "overall"),
    [
        *((HEALTHY, priority, HEALTHY) for priority in Priority),
        *((DEGRADED, priority, DEGRADED) for priority in Priority),
        (UNHEALTHY, Priority.CRITICAL, UNHEALTHY),
        (UNHEALTHY, Priority.HIGH, UNHEALTHY),
        (UNHEALTHY, Priority.MEDIUM, UNHEALTHY),
        (UNHEALTHY, Priority.LOW, DEGRADED),
        (UNHEALTHY, Priority.INFORMATIONAL, DEGRADED),
    ],
)
def test_a_check_counts_by_its_priority(
    status: HealthStatus, priority: Priority, overall: HealthStatus
) -> None:
    assert roll_up([result(status, priority)]) is overall


def test_nothing_that_was_checked_is_healthy() -> None:
    assert roll_up([]) is HEALTHY


def test_the_worst_result_counts_wherever_it_stands() -> None:
    order = [HEALTHY, DEGRADED, UNHEALTHY]
    for one, two in product(product(HealthStatus, Priority), repeat=2):
        alone = [roll_up([result(*one)]), roll_up([result(*two)])]
        assert roll_up([result(*one), result(*two)]) is max(alone, key=order.index)
