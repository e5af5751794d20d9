"""Programs that don't want to end, end."""

import signal
import time
from pathlib import Path

import pytest

from netsonde.adapters.process.subprocess_runner import SubprocessRunner
from netsonde.application.ports import HowEnded

from . import hostile_programs as hostile
from .conftest import run
from .hostile_programs import SHELL, plan_for, written


@pytest.mark.parametrize("script", ["LEAVES_HOLDING_STDOUT", "LEAVES_CLOSING_STDOUT"])
def test_what_leaves_the_session_ends_with_the_program(
    runner: SubprocessRunner, tmp_path: Path, script: str
) -> None:
    started_s = time.monotonic()
    ended = run(runner, plan_for(written(tmp_path, "leaves", getattr(hostile, script))))
    assert (ended.how, ended.returncode) == (HowEnded.EXITED, 0)
    assert b"done\n" in ended.stdout.data
    assert time.monotonic() - started_s < 2


@pytest.mark.parametrize("script", ["LEAVES_AND_STAYS", "IGNORES_SIGTERM", "LADDER"])
def test_at_the_time_limit_all_of_it_ends_within_two_seconds(
    runner: SubprocessRunner, tmp_path: Path, script: str
) -> None:
    program = written(tmp_path, "stays", getattr(hostile, script))
    started_s = time.monotonic()
    ended = run(runner, plan_for(program, timeout_s=0.7))
    assert ended.how is HowEnded.TIMED_OUT
    assert ended.stdout.data
    assert time.monotonic() - started_s < 0.7 + 2


def test_one_that_is_never_in_a_process_for_long_ends(
    runner: SubprocessRunner, tmp_path: Path
) -> None:
    ended = run(runner, plan_for(written(tmp_path, "comet", hostile.COMET)))
    assert ended.how is HowEnded.EXITED


def test_what_it_says_in_its_grace_is_kept(runner: SubprocessRunner, tmp_path: Path) -> None:
    script = SHELL + "trap 'echo bye; exit 3' TERM; echo hello; sleep 1000"
    ended = run(runner, plan_for(written(tmp_path, "bye", script), timeout_s=0.3))
    assert (ended.how, ended.returncode) == (HowEnded.TIMED_OUT, 3)
    assert ended.stdout.data == b"hello\nbye\n"


def test_a_stopped_program_is_ended(runner: SubprocessRunner, tmp_path: Path) -> None:
    program = written(tmp_path, "stops", SHELL + "kill -STOP $$")
    ended = run(runner, plan_for(program, timeout_s=0.3))
    assert (ended.how, ended.returncode) == (HowEnded.TIMED_OUT, -signal.SIGKILL)
