"""A cancelled run leaves nothing, whatever it ran."""

import asyncio
import time
from pathlib import Path

import pytest

from netsonde.adapters.process.launch_chain import LaunchChain
from netsonde.adapters.process.subprocess_runner import SubprocessRunner
from netsonde.application.ports import Ended

from . import hostile_programs as hostile
from .conftest import MakeRunner
from .hostile_programs import loopback_programs, plan_for, written
from .leak_check import holdings

LOOPBACK_PROGRAMS = ["ping", "nmap", "ignores_sigterm", "leaves"]


@pytest.mark.parametrize("name", LOOPBACK_PROGRAMS)
def test_fifty_of_fifty_cancelled_runs_leave_nothing(
    runner: SubprocessRunner, tmp_path: Path, base_dir: Path, name: str
) -> None:
    argv = loopback_programs(tmp_path).get(name)
    if argv is None:
        pytest.skip("this user may open no socket that ping needs, and no new privileges")

    plan = plan_for(*argv, needs_raw_sockets=True)

    async def cancelled_run(number: int, places: asyncio.Semaphore) -> float:
        async with places:
            heard = asyncio.Event()
            task = asyncio.create_task(runner.run(plan, lambda _: heard.set()))
            if number % 5:  # else at the very start, in a link of the chain
                await asyncio.wait_for(heard.wait(), 10)
            else:
                await asyncio.sleep(0)
            started_s = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return time.monotonic() - started_s

    async def scene() -> list[float]:
        before = holdings(base_dir)
        places = asyncio.Semaphore(17)
        times = await asyncio.gather(*(cancelled_run(number, places) for number in range(50)))
        assert holdings(base_dir) == before
        return times

    assert max(asyncio.run(scene())) < 2


def test_a_second_cancellation_cuts_the_grace_short(
    make_runner: MakeRunner, tmp_path: Path, chain: LaunchChain
) -> None:
    runner = make_runner(chain, grace_s=30)
    program = written(tmp_path, "ignores", hostile.IGNORES_SIGTERM)

    async def scene() -> None:
        heard = asyncio.Event()
        task = asyncio.create_task(runner.run(plan_for(program), lambda _: heard.set()))
        await asyncio.wait_for(heard.wait(), 10)
        task.cancel()
        await asyncio.wait((task,), timeout=0.3)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 2)

    asyncio.run(scene())


def test_a_loop_that_shuts_down_takes_its_programs_along(
    runner: SubprocessRunner, tmp_path: Path
) -> None:
    program = written(tmp_path, "leaves", hostile.LEAVES_AND_STAYS)

    async def scene() -> asyncio.Task[Ended]:
        heard = asyncio.Event()
        task = asyncio.create_task(runner.run(plan_for(program), lambda _: heard.set()))
        await asyncio.wait_for(heard.wait(), 10)
        return task

    assert asyncio.run(scene()).cancelled()


def test_a_run_that_is_dropped_leaves_nothing(runner: SubprocessRunner, tmp_path: Path) -> None:
    program = written(tmp_path, "leaves", hostile.LEAVES_AND_STAYS)

    async def scene() -> None:
        heard = asyncio.Event()
        run = runner.run(plan_for(program), lambda _: heard.set())
        run.send(None)
        await asyncio.wait_for(heard.wait(), 10)
        run.close()

    asyncio.run(scene())


def test_a_listener_that_fails_ends_the_program_and_is_heard(
    runner: SubprocessRunner, tmp_path: Path
) -> None:
    def fail(_: bytes) -> None:
        raise ZeroDivisionError

    program = written(tmp_path, "ignores", hostile.IGNORES_SIGTERM)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(runner.run(plan_for(program), fail))
