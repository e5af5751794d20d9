"""What the runner in memory offers to tests beyond the port."""

import asyncio

from netsonde.adapters.memory import FakeRunner, Hangs
from netsonde.application.ports import Capture, Ended, HowEnded
from netsonde.domain.plan import Limits, Plan

PLAN = Plan(
    tool="x",
    target="192.0.2.1",
    argv=("/x",),
    addresses=("192.0.2.1",),
    host_count=1,
    limits=Limits(
        timeout_s=5,
        max_stdout_bytes=4,
        max_stderr_bytes=4,
        max_memory_bytes=1,
        max_file_descriptors=1,
        max_cpu_s=1,
    ),
)


def test_a_held_program_goes_on_when_it_is_let_go() -> None:
    async def scene() -> None:
        until = asyncio.Event()
        then = Ended(how=HowEnded.EXITED, returncode=0, stdout=Capture(data=b"cdef"))
        runner = FakeRunner(lambda _: Hangs(stdout=b"ab", until=until, then=then))
        pieces: list[bytes] = []
        heard = asyncio.Event()

        def hear(piece: bytes) -> None:
            pieces.append(piece)
            heard.set()

        task = asyncio.create_task(runner.run(PLAN, hear))
        await asyncio.wait_for(heard.wait(), 5)
        assert (runner.running, task.done()) == (1, False)
        until.set()
        ended = await task
        assert ended.stdout == Capture(data=b"abcd", total_bytes=6)
        assert (pieces, runner.running) == ([b"ab", b"cd"], 0)

    asyncio.run(scene())


def test_it_yields_once_even_when_it_ends_at_once() -> None:
    async def scene() -> None:
        runner = FakeRunner(lambda _: Ended(how=HowEnded.EXITED, returncode=0))
        tasks = [asyncio.create_task(runner.run(PLAN)) for _ in range(3)]
        await asyncio.sleep(0)
        assert runner.running == 3
        await asyncio.gather(*tasks)
        assert (runner.running, runner.plans) == (0, [PLAN] * 3)

    asyncio.run(scene())


def test_cancelled_runs_are_counted() -> None:
    async def scene() -> None:
        runner = FakeRunner(lambda _: Hangs())
        task = asyncio.create_task(runner.run(PLAN))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait((task,))
        assert (task.cancelled(), runner.cancelled, runner.running) == (True, 1, 0)

    asyncio.run(scene())
