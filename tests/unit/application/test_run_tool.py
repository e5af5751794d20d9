"""The use-case: what happens in which order, what counts for the breaker, what is left afterwards."""

import asyncio

import pytest

from netsonde.adapters.memory import Hangs
from netsonde.application.places import Places
from netsonde.application.ports import Capture, Ended, HowEnded
from netsonde.application.progress import Progress
from netsonde.domain import breaker, bucket
from netsonde.domain.access import Caller
from netsonde.domain.errors import ErrorType
from netsonde.domain.execution import Status, ToolOutput
from netsonde.domain.plan import Plan
from tests.unit.application.world import CRASHED, DONE, SAID_NO, World, run

GOOD = {"target": "10.0.0.1"}
TIMED_OUT = Ended(how=HowEnded.TIMED_OUT, returncode=-15)
ALTERED = Ended(how=HowEnded.ALTERED, returncode=None, reason="another digest")
VIOLATED = Ended(
    how=HowEnded.VIOLATED,
    returncode=-9,
    stdout=Capture(data=b"so far", total_bytes=6),
    reason="10.0.0.9 tcp 80",
)
NOT_STARTED = Ended(how=HowEnded.NOT_STARTED, returncode=None, reason="no memory")


def _error(output: ToolOutput) -> ErrorType | None:
    return output.error.error_type if output.error else None


def test_an_allowed_request_runs_the_plan_that_planning_shows() -> None:
    world = World()

    async def both() -> None:
        planned = await world.run_tool.plan("PingTool", GOOD)
        output = await world.run_tool.execute("PingTool", GOOD)
        assert planned.verdict == "allowed"
        assert output.status is Status.SUCCESS
        assert output.command == planned.command == world.runner.plans[0].argv
        assert output.addresses == planned.addresses == ("10.0.0.1",)

    run(both())
    assert world.execution(1).status is Status.SUCCESS


def test_planning_runs_nothing() -> None:
    world = World()
    run(world.run_tool.plan("PingTool", GOOD))
    assert world.runner.plans == []


def test_a_tool_is_found_by_its_programs_name_too() -> None:
    assert run(World().run_tool.execute("ping", GOOD)).tool == "PingTool"


def test_a_refused_request_starts_nothing_and_asks_no_resolver() -> None:
    world = World()
    output = run(world.run_tool.execute("PingTool", {"target": "example.com"}))
    assert (output.status, _error(output)) == (Status.REFUSED, ErrorType.POLICY_DENIED)
    assert world.runner.plans == []
    assert world.resolver.asked == []
    assert world.execution(1).status is Status.REFUSED


@pytest.mark.parametrize(
    ("members", "rule"),
    [
        ({}, "request.member"),
        ({"target": 7}, "request.type"),
        ({"target": None}, "request.type"),
        ({"target": "10.0.0.1", "tagret": "x"}, "request.member"),
        ({"target": "10.0.0.1", "timeout_sec": 0}, "request.type"),
        ({"target": "10.0.0.1", "timeout_sec": float("nan")}, "request.type"),
        ({"target": "10.0.0.1", "options": []}, "request.type"),
        ({"target": "10.0.0.1", "profile": "no such"}, "request.profile"),
        ({"target": "gone.lab.internal"}, "target.unresolved"),
    ],
)
def test_a_request_that_can_not_be_read_is_refused_by_rule(
    members: dict[str, object], rule: str
) -> None:
    output = run(World().run_tool.execute("PingTool", members))
    assert output.status is Status.REFUSED
    assert output.error is not None
    assert output.error.metadata["rule"] == rule


def test_an_unknown_a_disabled_and_a_missing_tool_are_told_apart() -> None:
    assert _error(run(World().run_tool.execute("NoTool", GOOD))) is ErrorType.NOT_FOUND
    disabled = World(enabled=False)
    assert _error(run(disabled.run_tool.execute("PingTool", GOOD))) is ErrorType.DISABLED
    missing = run(World(path=None).run_tool.execute("PingTool", GOOD))
    assert _error(missing) is ErrorType.NOT_FOUND
    assert missing.error is not None
    assert "apt-get install" in missing.error.recovery_suggestion


@pytest.mark.parametrize(
    ("ended", "status", "error"),
    [
        (DONE, Status.SUCCESS, None),
        (SAID_NO, Status.FAILED, ErrorType.EXECUTION_ERROR),
        (CRASHED, Status.FAILED, ErrorType.EXECUTION_ERROR),
        (Ended(how=HowEnded.EXITED, returncode=-9), Status.FAILED, ErrorType.RESOURCE_EXHAUSTED),
        (TIMED_OUT, Status.TIMEOUT, ErrorType.TIMEOUT),
        (NOT_STARTED, Status.REFUSED, ErrorType.EXECUTION_ERROR),
        (ALTERED, Status.REFUSED, ErrorType.NOT_FOUND),
        (VIOLATED, Status.FAILED, ErrorType.POLICY_DENIED),
    ],
)
def test_how_a_program_ended_gives_status_and_error(
    ended: Ended, status: Status, error: ErrorType | None
) -> None:
    output = run(World(lambda plan: ended).run_tool.execute("PingTool", GOOD))
    assert (output.status, _error(output)) == (status, error)


def test_where_an_altered_program_is_and_what_it_is_now_is_not_for_callers() -> None:
    output = run(World(lambda plan: ALTERED).run_tool.execute("PingTool", GOOD))
    assert output.error is not None
    assert "another digest" not in output.error.message
    assert output.error.metadata["rule"] == "program.unusable"


def test_a_violation_tells_where_it_sent_and_keeps_what_was_said() -> None:
    output = run(World(lambda plan: VIOLATED).run_tool.execute("PingTool", GOOD))
    assert output.error is not None
    assert output.error.metadata == {"rule": "egress.violation", "offending": "10.0.0.9 tcp 80"}
    assert output.stdout == "so far"


@pytest.mark.parametrize("ended", [ALTERED, VIOLATED])
def test_what_is_not_the_tools_fault_does_not_open_the_breaker(ended: Ended) -> None:
    world = World(lambda plan: ended)

    async def story() -> None:
        for _ in range(3):
            await world.run_tool.execute("PingTool", GOOD)
        assert world.run_tool.breaker_state(world.entry) is breaker.State.CLOSED

    run(story())


def test_foreign_bytes_become_clean_text_and_the_rest_is_counted() -> None:
    said = Capture(data=b"a\x1b[31m\x00\xff\tb\r\n", total_bytes=99)
    ended = Ended(how=HowEnded.EXITED, returncode=0, stdout=said)
    output = run(World(lambda plan: ended).run_tool.execute("PingTool", GOOD))
    assert output.stdout == "a[31m�\tb\n"
    assert (output.truncated_stdout, output.stdout_bytes) == (True, 99)


@pytest.mark.parametrize("failure", [CRASHED, TIMED_OUT, NOT_STARTED])
def test_failures_of_the_tool_open_the_breaker_and_its_probe_closes_it(failure: Ended) -> None:
    script = {"ended": failure}
    world = World(lambda plan: script["ended"])

    async def story() -> None:
        for _ in range(2):
            await world.run_tool.execute("PingTool", GOOD)
        rejected = await world.run_tool.execute("PingTool", GOOD)
        assert _error(rejected) is ErrorType.CIRCUIT_BREAKER_OPEN
        assert rejected.error is not None
        assert rejected.error.metadata["retry_after_sec"] == 60
        world.clock.now_s += 60
        script["ended"] = DONE
        assert (await world.run_tool.execute("PingTool", GOOD)).status is Status.SUCCESS
        assert world.run_tool.breaker_state(world.entry) is breaker.State.CLOSED

    run(story())
    assert len(world.runner.plans) == 3


def test_a_callers_mistake_and_an_answer_of_no_never_count_for_the_breaker() -> None:
    world = World(lambda plan: SAID_NO)

    async def story() -> None:
        for _ in range(10):
            await world.run_tool.execute("PingTool", {"target": "8.8.8.8"})
            await world.run_tool.execute("PingTool", GOOD)

    run(story())
    assert world.run_tool.breaker_state(world.entry) is breaker.State.CLOSED


def test_a_cancelled_half_open_probe_gives_its_place_back() -> None:
    script: dict[str, Ended | Hangs] = {"ended": CRASHED}
    world = World(lambda plan: script["ended"])

    async def story() -> None:
        for _ in range(2):
            await world.run_tool.execute("PingTool", GOOD)
        world.clock.now_s += 60
        script["ended"] = Hangs()
        probe = asyncio.create_task(world.run_tool.execute("PingTool", GOOD))
        await world.running(1)
        rejected = await world.run_tool.execute("PingTool", GOOD)
        assert _error(rejected) is ErrorType.CIRCUIT_BREAKER_OPEN
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        await world.run_tool.drain()
        script["ended"] = DONE
        assert (await world.run_tool.execute("PingTool", GOOD)).status is Status.SUCCESS

    run(story())


def test_the_breaker_is_asked_once_more_after_the_wait_for_a_place() -> None:
    gate = asyncio.Event()
    world = World(
        lambda plan: Hangs(until=gate, then=CRASHED),
        concurrency=1,
        settings=breaker.Settings(failure_threshold=1, recovery_s=60),
    )

    async def story() -> None:
        first = asyncio.create_task(world.run_tool.execute("PingTool", GOOD))
        await world.running(1)
        second = asyncio.create_task(world.run_tool.execute("PingTool", GOOD))
        await asyncio.sleep(0)
        gate.set()
        await first
        assert _error(await second) is ErrorType.CIRCUIT_BREAKER_OPEN

    run(story())
    assert len(world.runner.plans) == 1


def test_no_more_run_than_have_places_and_no_more_wait_than_the_queue_holds() -> None:
    gate = asyncio.Event()
    world = World(lambda plan: Hangs(until=gate), concurrency=2, queue=3)

    async def story() -> None:
        calls = [asyncio.create_task(world.run_tool.execute("PingTool", GOOD)) for _ in range(8)]
        await world.running(2)
        done, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        while len(done) < 3:
            done, _ = await asyncio.wait(calls, timeout=0.01)
        assert world.runner.running == 2
        busy = [call.result() for call in done]
        assert {_error(output) for output in busy} == {ErrorType.RESOURCE_EXHAUSTED}
        assert all(output.error and output.error.metadata["retry_after_sec"] > 0 for output in busy)
        gate.set()
        outputs = await asyncio.gather(*calls)
        assert sum(output.status is Status.SUCCESS for output in outputs) == 5

    run(story())


def test_a_caller_that_leaves_the_queue_leaves_no_gap_in_it() -> None:
    gate = asyncio.Event()
    world = World(lambda plan: Hangs(until=gate), concurrency=1, queue=2)

    async def story() -> None:
        first, second, third = (
            asyncio.create_task(world.run_tool.execute("PingTool", GOOD)) for _ in range(3)
        )
        await world.running(1)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        gate.set()
        assert (await first).status is (await third).status is Status.SUCCESS
        assert (await world.run_tool.execute("PingTool", GOOD)).status is Status.SUCCESS

    run(story())


def test_the_rate_is_per_caller_and_a_refusal_by_policy_costs_nothing() -> None:
    world = World(rate=bucket.Rate(tokens=1, per_s=10))

    async def story() -> None:
        for _ in range(3):
            await world.run_tool.execute("PingTool", {"target": "8.8.8.8"}, caller=Caller(name="a"))
        assert (
            await world.run_tool.execute("PingTool", GOOD, caller=Caller(name="a"))
        ).status is Status.SUCCESS
        limited = await world.run_tool.execute("PingTool", GOOD, caller=Caller(name="a"))
        assert _error(limited) is ErrorType.RATE_LIMITED
        assert limited.error is not None
        assert limited.error.metadata["retry_after_sec"] == 10
        other = await world.run_tool.execute("PingTool", GOOD, caller=Caller(name="b"))
        assert other.status is Status.SUCCESS
        world.clock.now_s += 10
        again = await world.run_tool.execute("PingTool", GOOD, caller=Caller(name="a"))
        assert again.status is Status.SUCCESS

    run(story())


def test_a_cancelled_call_ends_its_program_and_is_recorded_as_cancelled() -> None:
    world = World(lambda plan: Hangs())

    async def story() -> None:
        call = asyncio.create_task(world.run_tool.execute("PingTool", GOOD))
        await world.running(1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await world.run_tool.drain()

    run(story())
    assert world.runner.cancelled == 1
    assert world.execution(1).status is Status.CANCELLED


def test_an_execution_can_be_cancelled_by_its_id_and_answers_so() -> None:
    world = World(lambda plan: Hangs())

    async def story() -> None:
        call = asyncio.create_task(world.run_tool.execute("PingTool", GOOD))
        await world.running(1)
        assert world.run_tool.cancel("e1")
        output = await call
        assert (output.status, _error(output)) == (Status.CANCELLED, ErrorType.CANCELLED)
        assert not world.run_tool.cancel("e1")

    run(story())


def test_an_execution_cancelled_before_it_began_is_recorded_too() -> None:
    world = World()

    async def story() -> None:
        call = asyncio.create_task(world.run_tool.execute("PingTool", GOOD))
        asyncio.get_running_loop().call_soon(world.run_tool.cancel, "e1")
        await asyncio.gather(call, return_exceptions=True)
        await world.run_tool.drain()

    run(story())
    assert world.execution(1).status is Status.CANCELLED
    assert world.runner.plans == []


def test_progress_is_told_as_the_program_speaks_and_recorded() -> None:
    line = b"64 bytes from 10.0.0.1: icmp_seq=2 ttl=64 time=0.1 ms\n"
    ended = Ended(
        how=HowEnded.EXITED, returncode=0, stdout=Capture(data=line, total_bytes=len(line))
    )
    world = World(lambda plan: ended)
    told: list[Progress] = []
    run(world.run_tool.execute("PingTool", GOOD, on_progress=told.append))
    assert [progress.percent for progress in told] == [50.0]
    assert world.execution(1).percent == 50.0


def test_a_time_limit_too_short_to_tell_anything_does_not_count_for_the_breaker() -> None:
    world = World(lambda plan: TIMED_OUT)

    async def story() -> None:
        for _ in range(5):
            await world.run_tool.execute("PingTool", {**GOOD, "timeout_sec": 0.01})

    run(story())
    assert world.run_tool.breaker_state(world.entry) is breaker.State.CLOSED


def test_an_execution_whose_tool_breaks_is_recorded_to_its_end() -> None:
    def script(plan: Plan) -> Ended:
        raise ValueError("a bug")

    world = World(script)
    with pytest.raises(ValueError, match="a bug"):
        run(world.run_tool.execute("PingTool", GOOD))
    assert world.execution(1).status is Status.REFUSED


def test_a_waiter_cancelled_in_the_moment_its_turn_comes_loses_nothing() -> None:
    async def story() -> None:
        places = Places(1, 4)
        leave = asyncio.Event()

        async def hold() -> None:
            async with places.take(1):
                await leave.wait()

        first = asyncio.create_task(hold())
        await asyncio.sleep(0)
        second, third = (asyncio.create_task(hold()) for _ in range(2))
        await asyncio.sleep(0)
        leave.set()
        second.cancel()
        outcomes = await asyncio.gather(first, second, third, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [
            type(None),
            asyncio.CancelledError,
            type(None),
        ]
        assert (places.running, places.waiting) == (0, 0)

    run(story())


def test_drain_cancels_what_runs_and_waits_for_it() -> None:
    world = World(lambda plan: Hangs(), concurrency=2)

    async def story() -> None:
        calls = [asyncio.create_task(world.run_tool.execute("PingTool", GOOD)) for _ in range(2)]
        await world.running(2)
        await world.run_tool.drain()
        assert {(await call).status for call in calls} == {Status.CANCELLED}

    run(story())
    assert world.runner.running == 0
