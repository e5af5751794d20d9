"""The monitor of the service's health, over checks that do what checks must not."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.adapters.memory import FakeClock
from netsonde.application.findings import MAX_METADATA_BYTES, sane
from netsonde.application.health import HealthMonitor, HealthReport
from netsonde.application.health_answer import to_wire
from netsonde.application.loop_lag import LoopLag
from netsonde.domain.health import CheckResult, HealthStatus, Priority, roll_up
from tests.unit.application.world import run

HEALTHY, DEGRADED, UNHEALTHY = HealthStatus


class Doing:
    """A check that does as it is told."""

    def __init__(
        self,
        name: str,
        do: Callable[[], Awaitable[Any]],
        priority: Priority = Priority.HIGH,
    ) -> None:
        self.name = name
        self.priority = priority
        self.begun = 0
        self._do = do

    async def check(self) -> CheckResult:
        self.begun += 1
        found: CheckResult = await self._do()
        return found


def saying(
    name: str,
    status: Any = HEALTHY,
    priority: Priority = Priority.HIGH,
    **more: Any,
) -> Doing:
    async def do() -> CheckResult:
        await asyncio.sleep(0)
        return CheckResult(name=name, status=status, priority=priority, **more)

    return Doing(name, do, priority)


def hanging(name: str) -> Doing:
    async def do() -> None:
        await asyncio.Event().wait()

    return Doing(name, do)


class Stubborn(Doing):
    """Ignores its cancellation until it is let go."""

    def __init__(self, name: str) -> None:
        super().__init__(name, self._stay)
        self.let_go = asyncio.Event()

    async def _stay(self) -> HealthStatus:
        while not self.let_go.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await self.let_go.wait()
        return HEALTHY


def monitor(*checks: Any, clock: FakeClock | None = None, timeout_s: float = 0.02) -> HealthMonitor:
    return HealthMonitor(checks, clock=clock or FakeClock(), interval_s=10, timeout_s=timeout_s)


def found(report: HealthReport, name: str) -> CheckResult:
    return next(check for check in report.checks if check.name == name)


async def others_end() -> None:
    """Wait for the tasks of checks that were cancelled."""
    while len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110  # the tasks' ends are all there is
        await asyncio.sleep(0)
    await asyncio.sleep(0)  # and what is called when they are done


RESULTS = st.lists(
    st.builds(
        CheckResult,
        name=st.just("x"),
        status=st.sampled_from(HealthStatus),
        priority=st.sampled_from(Priority),
    )
)


@given(RESULTS)
def test_only_what_is_important_can_fail_the_whole(results: list[CheckResult]) -> None:
    important = [r for r in results if r.priority <= Priority.MEDIUM]
    overall = roll_up(results)
    assert (overall is UNHEALTHY) == any(r.status is UNHEALTHY for r in important)
    assert (overall is HEALTHY) == all(r.status is HEALTHY for r in results)


def test_before_the_first_round_nothing_is_claimed_and_callers_may_come() -> None:
    report = monitor(saying("a", priority=Priority.CRITICAL)).report()
    assert report.status is DEGRADED
    assert {check.name: check.message for check in report.checks} == {
        "loop.lag": "not examined yet",
        "a": "not examined yet",
    }
    assert report.ready


def test_a_round_makes_every_check_and_the_report_comes_from_memory() -> None:
    async def scene() -> None:
        a, b = saying("a"), saying("b", UNHEALTHY, Priority.LOW)
        health = monitor(a, b)
        await health.examine()
        reports = [health.report() for _ in range(100)]
        assert (a.begun, b.begun) == (1, 1)
        assert reports[0].status is DEGRADED
        assert [check.name for check in reports[0].checks] == ["loop.lag", "a", "b"]

    run(scene())


def test_only_something_critical_turns_callers_away() -> None:
    async def scene() -> None:
        health = monitor(saying("a", UNHEALTHY, Priority.HIGH))
        await health.examine()
        assert health.report().status is UNHEALTHY
        assert health.report().ready
        health.replace([saying("a", UNHEALTHY, Priority.CRITICAL)])
        await health.examine()
        assert not health.report().ready

    run(scene())


def test_a_check_that_hangs_is_cancelled_and_holds_no_other_up() -> None:
    async def scene() -> None:
        slow, quick = hanging("slow"), saying("quick")
        health = monitor(slow, quick)
        await health.examine()
        late = found(health.report(), "slow")
        assert (late.status, late.duration_sec) == (UNHEALTHY, 0.02)
        assert found(health.report(), "quick").status is HEALTHY
        await others_end()
        await health.examine()
        assert slow.begun == 2  # it ended when it was cancelled, so it is made again

    run(scene())


def test_a_check_that_ignores_its_cancellation_is_not_made_again_until_it_ends() -> None:
    async def scene() -> None:
        stubborn, quick = Stubborn("stubborn"), saying("quick")
        clock = FakeClock()
        health = monitor(stubborn, quick, clock=clock)
        for _ in range(3):
            await health.examine()
            clock.advance(10)
        assert (stubborn.begun, quick.begun) == (1, 3)
        report = found(health.report(), "stubborn")
        assert (report.status, report.duration_sec) == (UNHEALTHY, 20)
        stubborn.let_go.set()
        await others_end()
        assert found(health.report(), "stubborn").status is UNHEALTHY  # its answer came too late
        await health.examine()
        assert (stubborn.begun, health.report().status) == (2, HEALTHY)

    run(scene())


def test_a_check_that_raises_is_unhealthy_and_its_words_are_not_for_everybody() -> None:
    class Rude(Exception):
        def __str__(self) -> str:
            raise ValueError

    def raising(error: BaseException) -> Doing:
        async def do() -> None:
            raise error

        return Doing(f"by-{type(error).__name__}", do)

    async def scene() -> None:
        health = monitor(
            raising(OSError("/secret/path")),
            raising(SystemExit(3)),
            raising(asyncio.CancelledError()),
            raising(BaseException("odd")),
            raising(Rude()),
        )
        await health.examine()
        checks = health.report().checks[1:]
        assert {check.status for check in checks} == {UNHEALTHY}
        assert all("/secret" not in check.message for check in checks)
        assert checks[0].metadata == {"detail": "/secret/path"}

    run(scene())


@pytest.mark.parametrize(
    "said",
    [
        None,
        "healthy",
        object(),
        CheckResult(name="x", status="healthy", priority=Priority.LOW),  # type: ignore[arg-type]  # as a plug-in might
    ],
)
def test_whatever_is_no_result_is_unhealthy(said: object) -> None:
    assert sane("x", Priority.LOW, said).status is UNHEALTHY


def test_a_status_alone_is_a_result() -> None:
    assert sane("x", Priority.LOW, DEGRADED).status is DEGRADED


class Spiteful:
    def __repr__(self) -> str:
        raise RuntimeError


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    "metadata",
    [{"a": object()}, {"a": Spiteful()}, {"a": LOOP}, {"a": "x" * 5000}, {"a": "\ud800"}, 3, None],
)
def test_metadata_is_bounded_plain_json(metadata: Any) -> None:
    given_result = CheckResult(
        name="other",
        status=HEALTHY,
        priority=Priority.CRITICAL,
        message="m" * 5000 + "\x1b",
        metadata=metadata,
    )
    result = sane("x", Priority.LOW, given_result)
    assert (result.name, result.priority) == ("x", Priority.LOW)
    assert len(msgspec.json.encode(result.metadata)) <= MAX_METADATA_BYTES
    assert "left_out" in result.metadata
    assert len(result.message) == 300


def test_a_result_that_nothing_renews_is_not_a_good_one() -> None:
    async def scene() -> None:
        clock = FakeClock()
        health = monitor(saying("a"), saying("b", UNHEALTHY), clock=clock)
        await health.examine()
        clock.advance(29)
        assert found(health.report(), "a").status is HEALTHY
        clock.advance(2)
        old = health.report()
        assert found(old, "a").status is DEGRADED
        assert found(old, "a").metadata == {"stale": True}
        assert found(old, "b").status is UNHEALTHY

    run(scene())


def test_who_watches_is_told_after_each_round_until_it_stops() -> None:
    async def scene() -> None:
        health = monitor(saying("a"))
        told: list[HealthReport] = []
        stop, other = health.watch(told.append), health.watch(told.append)
        await health.examine()
        assert [report.status for report in told] == [HEALTHY, HEALTHY]
        stop()
        stop()
        await health.examine()
        assert len(told) == 3
        other()

    run(scene())


def test_a_watcher_that_fails_is_reported_and_does_not_end_the_examining() -> None:
    async def scene() -> None:
        complaints: list[Any] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context["exception"]))
        health = monitor(saying("a"))
        told: list[HealthReport] = []

        def fail(report: HealthReport) -> None:
            raise KeyError("gone")

        health.watch(fail)
        health.watch(told.append)
        await health.examine()
        assert ([type(one) for one in complaints], len(told)) == ([KeyError], 1)

    run(scene())


def test_it_goes_on_in_the_background_and_leaves_nothing_behind() -> None:
    async def scene() -> None:
        a = saying("a")
        health = HealthMonitor(
            [a, hanging("h")], clock=FakeClock(), interval_s=0.01, timeout_s=0.01
        )
        thrice = asyncio.Event()
        health.watch(lambda report: thrice.set() if a.begun >= 3 else None)
        task = asyncio.create_task(health.run())
        await health.first()
        assert found(health.report(), "a").status is HEALTHY
        await thrice.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(scene())


def test_the_end_is_not_held_up_by_a_check_that_ignores_its_cancellation() -> None:
    async def scene() -> None:
        stubborn = Stubborn("stubborn")
        health = monitor(stubborn)
        task = asyncio.create_task(health.run())
        await health.first()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        stubborn.let_go.set()

    run(scene())


def test_other_checks_are_made_at_once_and_the_results_of_their_namesakes_stand_in() -> None:
    async def scene() -> None:
        first, hung = saying("a", UNHEALTHY), hanging("gone")
        health = HealthMonitor([first, hung], clock=FakeClock(), interval_s=3600, timeout_s=0.01)
        task = asyncio.create_task(health.run())
        await health.first()
        second, told = saying("a"), asyncio.Event()
        health.watch(lambda report: told.set())
        health.replace([second, saying("new")], interval_s=1800, timeout_s=5)
        between = health.report()
        assert found(between, "a").status is UNHEALTHY
        assert found(between, "new").status is DEGRADED
        assert [check.name for check in between.checks] == ["loop.lag", "a", "new"]
        await told.wait()
        assert health.report().status is HEALTHY
        assert (first.begun, second.begun) == (1, 1)
        task.cancel()
        await asyncio.wait([task])

    run(scene())


def test_what_a_replaced_check_still_says_is_not_heard() -> None:
    async def scene() -> None:
        at_it, go = asyncio.Event(), asyncio.Event()

        async def slowly() -> HealthStatus:
            at_it.set()
            await go.wait()
            return UNHEALTHY

        health = monitor(Doing("a", slowly), timeout_s=5)
        round_ = asyncio.create_task(health.examine())
        await at_it.wait()
        health.replace([saying("a")])
        go.set()
        await round_
        assert found(health.report(), "a").message == "not examined yet"
        await health.examine()
        assert found(health.report(), "a").status is HEALTHY

    run(scene())


def test_two_checks_of_one_name_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="one name"):
        monitor(saying("a"), saying("a"))
    with pytest.raises(ValueError, match="one name"):
        monitor(saying("loop.lag"))


@pytest.mark.parametrize(
    ("lag_s", "status"), [(0.01, HEALTHY), (0.6, DEGRADED), (7.0, UNHEALTHY), (-1.0, HEALTHY)]
)
def test_the_worst_lag_since_the_last_look_counts(lag_s: float, status: HealthStatus) -> None:
    async def scene() -> None:
        lag = LoopLag()
        lag.note(lag_s)
        lag.note(0.001)
        assert (await lag.check()).status is status
        assert (await lag.check()).status is HEALTHY

    run(scene())


def test_a_loop_that_is_kept_busy_shows_in_its_lag() -> None:
    async def scene() -> None:
        loop, lag = asyncio.get_running_loop(), LoopLag()
        measuring = asyncio.create_task(lag.measure())
        await asyncio.sleep(0)
        until_s = loop.time() + 0.3
        while loop.time() < until_s:
            pass
        result = await lag.check()
        while not result.metadata["worst_sec"]:
            await asyncio.sleep(0)
            result = await lag.check()
        measuring.cancel()
        assert result.metadata["worst_sec"] > 0.15

    run(scene())


def test_the_answer_hides_details_from_those_who_may_not_read() -> None:
    result = CheckResult(
        name="a",
        status=UNHEALTHY,
        priority=Priority.CRITICAL,
        message="is gone",
        fix="bring /it back",
        duration_sec=0.5,
        metadata={"path": "/it"},
    )
    report = HealthReport(status=UNHEALTHY, checks=(result,))
    full = to_wire(report, version="1", uptime_s=1.23456, full=True)
    assert msgspec.json.decode(msgspec.json.encode(full)) == {
        "status": "unhealthy",
        "version": "1",
        "uptime_sec": 1.235,
        "checks": [
            {
                "name": "a",
                "status": "unhealthy",
                "priority": "critical",
                "message": "is gone",
                "duration_sec": 0.5,
                "metadata": {"path": "/it", "fix": "bring /it back"},
            }
        ],
    }
    brief = msgspec.json.encode(to_wire(report, version="1", uptime_s=1, full=False))
    assert b"/it" not in brief
    assert b'"metadata":{}' in brief


def test_every_priority_has_a_name_on_the_wire() -> None:
    for priority in Priority:
        result = CheckResult(name="a", status=HEALTHY, priority=priority)
        answer = to_wire(
            HealthReport(status=HEALTHY, checks=(result,)), version="", uptime_s=0, full=True
        )
        assert answer.checks[0].priority == priority.name.lower()
