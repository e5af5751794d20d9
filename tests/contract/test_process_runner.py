"""The sentences of the port `ProcessRunner`, for every runner there is."""

import asyncio
import hashlib
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from netsonde.adapters.memory import FakeRunner, Hangs
from netsonde.adapters.process.launch_chain import LaunchChain
from netsonde.adapters.process.subprocess_runner import SubprocessRunner
from netsonde.application.ports import Capture, Ended, HowEnded, ProcessRunner
from netsonde.domain.plan import Plan

from .runner.hostile_programs import SHELL, plan_for, written
from .runner.layer_sets import SETS, active, chain_of


class World(Protocol):
    """A runner and the means to make programs for it."""

    runner: ProcessRunner

    def prints(self, stdout: str, stderr: str = "", report: str = "", returncode: int = 0) -> str:
        """A program that ends by itself."""

    def prints_and_hangs(self, stdout: str) -> str:
        """One that doesn't."""

    def sends(self, address: str) -> str:
        """One that says something, sends to an address, and then doesn't end."""

    def digest(self, program: str) -> str:
        """The SHA-256 of a program."""

    def alter(self, program: str) -> None:
        """Put another program in its place."""


SENDS = """import os, socket, time
os.write(1, b"begun")
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("{}", 9))
finally:
    time.sleep(1000)
"""


class RealWorld:
    def __init__(self, directory: Path, chain: LaunchChain) -> None:
        self.runner: ProcessRunner = SubprocessRunner(chain)
        self.guarded = active(chain).get("egress", False)
        self._directory = directory

    def prints(self, stdout: str, stderr: str = "", report: str = "", returncode: int = 0) -> str:
        lines = [f"printf %s {shlex.quote(stdout)}", f"printf %s {shlex.quote(stderr)} >&2"]
        if report:
            lines.append(f"printf %s {shlex.quote(report)} > /dev/fd/63")
        script = "\n".join((*lines, f"exit {returncode}"))
        return written(self._directory, "prints", SHELL + script)

    def prints_and_hangs(self, stdout: str) -> str:
        script = f"printf %s {shlex.quote(stdout)}; exec sleep 1000"
        return written(self._directory, "hangs", SHELL + script)

    def sends(self, address: str) -> str:
        python = f"#!{Path(sys.executable).resolve()} -IS\n"
        return written(self._directory, "sends", f"{python}{SENDS.format(address)}")

    def digest(self, program: str) -> str:
        return hashlib.sha256(Path(program).read_bytes()).hexdigest()

    def alter(self, program: str) -> None:
        Path(program).write_text(SHELL + "echo altered")


class MemoryWorld:
    def __init__(self) -> None:
        self._programs: dict[str, Ended | Hangs] = {}
        self._digests: dict[str, str] = {}
        self.runner: ProcessRunner = FakeRunner(self._script, digests=self._digests)

    def _script(self, plan: Plan) -> Ended | Hangs:
        missing = Ended(how=HowEnded.NOT_STARTED, returncode=None, reason="no such program")
        return self._programs.get(plan.argv[0], missing)

    def prints(self, stdout: str, stderr: str = "", report: str = "", returncode: int = 0) -> str:
        self._programs["/prints"] = Ended(
            how=HowEnded.EXITED,
            returncode=returncode,
            stdout=Capture(data=stdout.encode()),
            stderr=Capture(data=stderr.encode()),
            report=Capture(data=report.encode()),
        )
        return "/prints"

    def prints_and_hangs(self, stdout: str) -> str:
        self._programs["/hangs"] = Hangs(stdout=stdout.encode())
        return "/hangs"

    def sends(self, address: str) -> str:
        begun = Capture(data=b"begun")
        self._programs["/sends"] = Ended(
            how=HowEnded.VIOLATED, returncode=-9, stdout=begun, reason=f"{address} udp 9"
        )
        return "/sends"

    def digest(self, program: str) -> str:
        return self._digests.setdefault(program, "1" * 64)

    def alter(self, program: str) -> None:
        self._digests[program] = "2" * 64


@pytest.fixture(params=[*SETS, "memory"])
def world(
    request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> World:
    if request.param == "memory":
        return MemoryWorld()
    return RealWorld(tmp_path, chain_of(request.param, tmp_path_factory.getbasetemp()))


def run(world: World, plan: Plan, on_stdout: Callable[[bytes], None] | None = None) -> Ended:
    return asyncio.run(world.runner.run(plan, on_stdout))


def test_what_a_program_says_and_how_it_ended_is_told(world: World) -> None:
    program = world.prints("out", "err", "report", returncode=3)
    ended = run(world, plan_for(program, reads_report=True))
    assert ended == Ended(
        how=HowEnded.EXITED,
        returncode=3,
        stdout=Capture(data=b"out", total_bytes=3),
        stderr=Capture(data=b"err", total_bytes=3),
        report=Capture(data=b"report", total_bytes=6),
    )


def test_output_beyond_the_limit_is_counted_and_thrown_away(world: World) -> None:
    ended = run(world, plan_for(world.prints("0123456789"), max_stdout_bytes=4))
    assert ended.stdout == Capture(data=b"0123", total_bytes=10)
    assert ended.stdout.truncated


def test_pieces_come_in_order_and_only_within_the_limit(world: World) -> None:
    pieces: list[bytes] = []
    text = "".join(f"{number:06}" for number in range(20_000))
    run(world, plan_for(world.prints(text), max_stdout_bytes=100_001), pieces.append)
    assert b"".join(pieces) == text.encode()[:100_001]
    assert all(pieces)


def test_at_the_time_limit_the_program_is_ended_and_what_it_said_is_kept(world: World) -> None:
    pieces: list[bytes] = []
    plan = plan_for(world.prints_and_hangs("partial"), timeout_s=0.3)
    ended = run(world, plan, pieces.append)
    assert (ended.how, ended.stdout.data) == (HowEnded.TIMED_OUT, b"partial")
    assert pieces == [b"partial"]


def test_a_cancelled_run_raises_cancelled_error(world: World) -> None:
    async def scene() -> None:
        heard = asyncio.Event()
        plan = plan_for(world.prints_and_hangs("x"))
        task = asyncio.create_task(world.runner.run(plan, lambda _: heard.set()))
        await asyncio.wait_for(heard.wait(), 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scene())


def test_a_timeout_around_a_run_is_seen_as_one(world: World) -> None:
    async def scene() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await world.runner.run(plan_for(world.prints_and_hangs("")))

    asyncio.run(scene())


def test_others_run_while_a_program_does(world: World) -> None:
    async def scene() -> list[Ended]:
        plan = plan_for(world.prints("x"))
        return await asyncio.gather(*(world.runner.run(plan) for _ in range(5)))

    assert [ended.stdout.data for ended in asyncio.run(scene())] == [b"x"] * 5


def test_a_program_that_is_not_there_is_not_started_with_a_reason(world: World) -> None:
    ended = run(world, plan_for("/nonexistent/program"))
    assert (ended.how, ended.returncode) == (HowEnded.NOT_STARTED, None)
    assert ended.reason


def test_what_it_sends_to_an_address_that_the_plan_does_not_name_ends_it(world: World) -> None:
    if isinstance(world, RealWorld) and not world.guarded:
        pytest.skip("no egress guard in this set of layers, or on this host")
    ended = run(world, plan_for(world.sends("127.0.0.2"), addresses=("127.0.0.1",)))
    assert (ended.how, ended.reason) == (HowEnded.VIOLATED, "127.0.0.2 udp 9")
    assert ended.stdout.data == b"begun"


def test_a_program_with_the_pinned_digest_is_run(world: World) -> None:
    program = world.prints("out")
    plan = plan_for(program, program_sha256=world.digest(program))
    assert [run(world, plan).stdout.data for _ in range(2)] == [b"out"] * 2


def test_a_program_with_another_digest_is_never_started(world: World) -> None:
    pieces: list[bytes] = []
    ended = run(world, plan_for(world.prints("out"), program_sha256="0" * 64), pieces.append)
    assert (ended.how, ended.returncode, pieces) == (HowEnded.ALTERED, None, [])
    assert ended.reason


def test_a_pinned_program_that_is_altered_after_it_ran_is_not_started_again(world: World) -> None:
    program = world.prints("out")
    plan = plan_for(program, program_sha256=world.digest(program))
    assert run(world, plan).how is HowEnded.EXITED
    world.alter(program)
    assert run(world, plan).how is HowEnded.ALTERED
