"""Runs, and other children of the server, don't disturb each other."""

import asyncio
import os
import subprocess
from contextlib import ExitStack
from pathlib import Path

from netsonde.adapters.process.launch_chain import BasicChain
from netsonde.adapters.process.subprocess_runner import SubprocessRunner
from netsonde.application.ports import Ended, HowEnded

from . import hostile_programs as hostile
from .conftest import run
from .hostile_programs import SHELL, plan_for, written


def test_runs_do_not_disturb_each_other(runner: SubprocessRunner, tmp_path: Path) -> None:
    echo = written(tmp_path, "echo", SHELL + 'echo "$1"; echo "$1" > /dev/fd/63')
    leaves = written(tmp_path, "leaves", hostile.LEAVES_HOLDING_STDOUT)
    ignores = written(tmp_path, "ignores", hostile.IGNORES_SIGTERM)

    async def scene() -> list[Ended | BaseException]:
        cancelled = asyncio.create_task(runner.run(plan_for(ignores)))
        asyncio.get_running_loop().call_later(0.2, cancelled.cancel)
        runs = [runner.run(plan_for(echo, str(n), reads_report=True)) for n in range(20)]
        runs += [runner.run(plan_for(leaves)), runner.run(plan_for(ignores, timeout_s=0.3))]
        return await asyncio.gather(*runs, cancelled, return_exceptions=True)

    *ended, left, late, cancelled = asyncio.run(scene())
    for number, one in enumerate(ended):
        assert isinstance(one, Ended)
        line = f"{number}\n".encode()
        assert (one.returncode, one.stdout.data, one.report.data) == (0, line, line)
    assert isinstance(left, Ended)
    assert left.returncode == 0
    assert isinstance(late, Ended)
    assert late.how is HowEnded.TIMED_OUT
    assert isinstance(cancelled, asyncio.CancelledError)


def test_an_orphan_in_the_session_of_a_live_run_is_left_to_it(
    runner: SubprocessRunner, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    os.mkfifo(go)
    program = written(
        tmp_path,
        "waits",
        # The pipe back is in the run's own directory: nothing else need be writable.
        SHELL
        + """
mkfifo back
( { read x < "$1"; echo "$x" > back; } & )
echo ready; read y < back; echo $y""",
    )
    other = written(tmp_path, "short", SHELL + "exit 0")

    async def scene() -> Ended:
        heard = asyncio.Event()
        plan = plan_for(program, str(go), timeout_s=10)
        task = asyncio.create_task(runner.run(plan, lambda _: heard.set()))
        await asyncio.wait_for(heard.wait(), 10)
        await runner.run(plan_for(other))  # sweeps
        writer = os.open(go, os.O_RDWR)
        os.write(writer, b"late\n")
        ended = await task
        os.close(writer)
        return ended

    assert asyncio.run(scene()).stdout.data == b"ready\nlate\n"


def test_other_children_of_the_server_are_left_alone(tmp_path: Path) -> None:
    program = written(tmp_path, "x", SHELL)
    sleep = ("/bin/sleep", "1000")
    with ExitStack() as stack:

        def start(own_session: bool = False) -> subprocess.Popen[bytes]:
            child = stack.enter_context(subprocess.Popen(sleep, start_new_session=own_session))
            stack.callback(child.kill)
            return child

        children = [start(own_session=True), start()]
        runner = SubprocessRunner(BasicChain(setpriv=None))
        children.append(start())
        assert run(runner, plan_for(program)).returncode == 0
        assert [child.poll() for child in children] == [None, None, None]
