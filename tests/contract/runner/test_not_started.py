"""What can't be started is told with a reason, and leaves nothing."""

import asyncio
import os
import resource
from pathlib import Path

import pytest

from netsonde.adapters.process.launch_chain import BasicChain, LaunchChain
from netsonde.adapters.process.subprocess_runner import SubprocessRunner
from netsonde.application.ports import HowEnded

from .conftest import MakeRunner, each_chain, run
from .hostile_programs import MIB, SHELL, plan_for, written
from .leak_check import holdings


@each_chain
def test_a_program_whose_interpreter_is_missing_is_not_started(
    make_runner: MakeRunner, tmp_path: Path, chain: LaunchChain
) -> None:
    program = written(tmp_path, "lost", "#!/nonexistent/interpreter\n")
    ended = run(make_runner(chain), plan_for(program))
    assert (ended.how, ended.returncode) == (HowEnded.NOT_STARTED, None)
    assert program in ended.reason


@each_chain
@pytest.mark.parametrize("returncode", [1, 2, 126, 127])
def test_a_program_that_ends_like_a_failed_chain_did_start(
    make_runner: MakeRunner, tmp_path: Path, chain: LaunchChain, returncode: int
) -> None:
    script = SHELL + f"echo 'sh: 1: not found' >&2; exit {returncode}"
    ended = run(make_runner(chain), plan_for(written(tmp_path, "fails", script)))
    assert (ended.how, ended.returncode) == (HowEnded.EXITED, returncode)


@pytest.mark.parametrize("argv", [(), ("sleep", "1"), ("./x",), ("/bin",), ("/etc/passwd",)])
def test_what_is_no_executable_path_is_not_started(
    runner: SubprocessRunner, argv: tuple[str, ...]
) -> None:
    ended = run(runner, plan_for(*argv))
    assert (ended.how, bool(ended.reason)) == (HowEnded.NOT_STARTED, True)


@pytest.mark.parametrize("word", ["a\0b", "\ud800", "x" * (4 * MIB)])
def test_an_argument_that_can_not_be_passed_is_not_started(
    runner: SubprocessRunner, word: str
) -> None:
    ended = run(runner, plan_for("/bin/echo", word))
    assert (ended.how, bool(ended.reason)) == (HowEnded.NOT_STARTED, True)


def test_a_missing_link_or_directory_is_not_started(
    make_runner: MakeRunner,
) -> None:
    lost = make_runner(BasicChain(setpriv="/nonexistent/setpriv"))
    assert run(lost, plan_for("/bin/echo")).how is HowEnded.NOT_STARTED
    nowhere = SubprocessRunner(BasicChain(setpriv=None), base_dir="/nonexistent/base")
    assert run(nowhere, plan_for("/bin/echo")).how is HowEnded.NOT_STARTED


def test_without_descriptors_it_is_not_started_and_nothing_is_left(
    runner: SubprocessRunner, base_dir: Path
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def scene() -> set[HowEnded]:
        before = holdings(base_dir)
        # Numbers are handed out from below: make all below the reserved one taken.
        fill = [os.open(os.devnull, os.O_RDONLY)]
        while fill[-1] < 70:
            fill.append(os.open(os.devnull, os.O_RDONLY))
        ways = set()
        try:
            for spare in range(16):
                resource.setrlimit(resource.RLIMIT_NOFILE, (fill[-1] + 1 + spare, hard))
                ways.add((await runner.run(plan_for("/bin/true", reads_report=True))).how)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for number in fill:
                os.close(number)
        assert holdings(base_dir) == before
        return ways

    assert asyncio.run(scene()) == {HowEnded.NOT_STARTED, HowEnded.EXITED}
