"""Executions looked back at: pages, one whole, one cancelled; and what a narrowed caller sees."""

import asyncio

import pytest

from netsonde.adapters.memory import Hangs
from netsonde.application.executions import BadCursor, Executions, summarize
from netsonde.application.ports import Capture, Ended, HowEnded
from netsonde.domain.access import Caller
from netsonde.domain.execution import Event, Started, Status
from tests.unit.application.world import World, run

GOOD = {"target": "10.0.0.1"}
SAID = Ended(how=HowEnded.EXITED, returncode=0, stdout=Capture(data=b"hello", total_bytes=5))
NARROW = Caller(name="narrow", tools=frozenset({"PingTool"}))
WIDE = Caller(name="wide")


def lookback(world: World) -> Executions:
    """The use-case over the world's log."""
    return Executions(world.run_tool, world.log, world.log)


async def ask(world: World, caller: Caller, times: int = 1) -> None:
    """Execute, one after the other."""
    for _ in range(times):
        await world.run_tool.execute("PingTool", GOOD, caller=caller)


def test_pages_follow_one_another_without_gap_or_repetition() -> None:
    world = World()

    async def walk() -> None:
        await ask(world, WIDE, times=7)
        seen: list[str] = []
        cursor = None
        for _ in range(4):
            page = await lookback(world).page(cursor=cursor, limit=2)
            seen += [one.execution_id for one in page.executions]
            if cursor is None:
                await ask(world, WIDE)  # what is new does not move what is old
            cursor = page.next_cursor
        assert seen == [f"e{n}" for n in range(7, 0, -1)]
        assert cursor is None

    run(walk())


def test_a_page_that_ends_with_the_last_one_has_no_next() -> None:
    world = World()

    async def look() -> None:
        assert (await lookback(world).page()).executions == ()
        await ask(world, WIDE, times=2)
        assert (await lookback(world).page(limit=2)).next_cursor is None

    run(look())


@pytest.mark.parametrize("cursor", ["", "-1", "x", "1.5", "٣", "9" * 19, " 1", "1_0"])
def test_a_cursor_that_no_page_gave_is_told_apart(cursor: str) -> None:
    with pytest.raises(BadCursor):
        run(lookback(World()).page(cursor=cursor))


def test_a_summary_has_no_texts_and_a_whole_one_has_them() -> None:
    world = World(lambda plan: SAID)

    async def look() -> None:
        await ask(world, WIDE)
        (summary,) = (await lookback(world).page()).executions
        whole = lookback(world).whole("e1")
        assert whole is not None
        assert not hasattr(summary, "stdout")
        assert (whole.stdout, whole.stdout_bytes, whole.status) == ("hello", 5, Status.SUCCESS)
        assert summary.command == whole.command != ()

    run(look())


def test_a_narrowed_caller_sees_only_what_it_asked_itself() -> None:
    world = World()

    async def look() -> None:
        await ask(world, WIDE)
        await ask(world, NARROW)
        executions = lookback(world)
        page = await executions.page(caller=NARROW)
        assert [one.execution_id for one in page.executions] == ["e2"]
        assert executions.whole("e1", caller=NARROW) is None
        assert executions.whole("e2", caller=NARROW) is not None
        assert executions.whole("e2", caller=WIDE) is not None

    run(look())


def test_to_cancel_is_to_wait_for_the_end_and_tell_of_it() -> None:
    world = World(lambda plan: Hangs(stdout=b"so far"))

    async def cancel() -> None:
        work = asyncio.ensure_future(ask(world, WIDE))
        await world.running(1)
        executions = lookback(world)
        assert (running := executions.whole("e1")) is not None
        assert (running.status, running.finished_at) == (Status.RUNNING, None)
        whole = await executions.cancel("e1")
        assert whole is not None
        assert whole.status is Status.CANCELLED
        assert world.runner.running == 0
        await asyncio.wait((work,))
        assert await executions.cancel("e1") == whole

    run(cancel())


def test_a_narrowed_caller_cancels_nothing_of_others() -> None:
    world = World(lambda plan: Hangs())

    async def cancel() -> None:
        work = asyncio.ensure_future(ask(world, WIDE))
        await world.running(1)
        assert await lookback(world).cancel("e1", caller=NARROW) is None
        assert world.runner.running == 1
        await world.run_tool.drain()
        await asyncio.wait((work,))

    run(cancel())


def test_an_execution_whose_beginning_is_forgotten_is_unknown() -> None:
    world = World()
    world.log.append(Event(execution_id="x", at_s=1.0, what=Started()))
    assert lookback(world).whole("x") is None
    assert lookback(world).whole("nobody") is None


def test_a_refusal_is_summarized_with_its_error() -> None:
    world = World()
    run(world.run_tool.execute("PingTool", {"target": "8.8.8.8"}))
    summary = summarize(world.execution(1))
    assert (summary.status, summary.command) == (Status.REFUSED, ())
    assert summary.error is not None
