"""What a program finds when it begins, and the bounds it runs into."""

import asyncio
import json
import os
import re
import signal
from pathlib import Path

from netsonde.adapters.process.launch_chain import LaunchChain, find_basic_chain
from netsonde.adapters.process.subprocess_runner import SubprocessRunner
from netsonde.adapters.programs import InstalledPrograms
from netsonde.application.ports import HowEnded
from netsonde.domain.environment import ENVIRONMENT

from . import hostile_programs as hostile
from .conftest import MakeRunner, each_chain, run
from .hostile_programs import MIB, PYTHON, SHELL, plan_for, written
from .leak_check import children

LIMITS = {
    "cpu time": ("7", "8"),
    "file size": ("0", "0"),
    "core file size": ("0", "0"),
    "open files": ("256", "256"),
    "address space": (str(512 * MIB), str(512 * MIB)),
}


@each_chain
def test_a_program_finds_nothing_but_what_its_plan_names(
    make_runner: MakeRunner, tmp_path: Path, base_dir: Path, chain: LaunchChain
) -> None:
    words = ("two words", "", "$(id)", "`id`", "*", "-x", "--", "é", "\\", "'\"\n")
    program = written(tmp_path, "tells", hostile.TELLS_ABOUT_ITSELF)
    leak, inheritable = os.pipe()
    os.set_inheritable(inheritable, True)
    plan = plan_for(program, *words, reads_report=True)
    ended = run(make_runner(chain), plan)
    os.close(leak)
    os.close(inheritable)
    told = json.loads(ended.stdout.data)
    assert sorted(told["environment"]) == sorted(f"{k}={v}" for k, v in ENVIRONMENT.items())
    assert told["files"] == {"0": "/dev/null", "1": "pipe", "2": "pipe", "63": "pipe"}
    assert Path(told["directory"]).parent == base_dir
    assert (told["directory_mode"], told["directory_content"]) == (0o700, [])
    assert told["arguments"] == list(words)
    assert told["session"] != os.getsid(0)
    assert told["stdin"] == ""


@each_chain
def test_every_limit_holds_and_every_layer_is_what_it_is_said_to_be(
    make_runner: MakeRunner, tmp_path: Path, chain: LaunchChain
) -> None:
    runner = make_runner(chain)
    active = {layer.name: layer.active for layer in runner.layers()}
    program = written(tmp_path, "tells", hostile.TELLS_ABOUT_ITSELF)
    told = json.loads(run(runner, plan_for(program, max_cpu_s=7)).stdout.data)
    limits = dict(re.findall(r"^Max ([a-z ]+?)  +(\S+ +\S+) ", told["limits"], re.MULTILINE))
    assert {
        name: tuple(value.split()) for name, value in limits.items() if name in LIMITS
    } == LIMITS
    assert (re.search(r"NoNewPrivs:\s+1", told["status"]) is not None) == active[
        "no_new_privileges"
    ]
    if not active.get("pid_namespace"):  # whose first process is the one that gets it
        assert (told["death_signal"] == signal.SIGKILL) == active["parent_death_signal"]
    assert active["resource_limits"]
    assert active["orphan_sweep"]
    assert "files" not in told or "63" not in told["files"]


def test_the_basic_layers_are_there_on_every_linux() -> None:
    assert all(layer.active for layer in find_basic_chain(InstalledPrograms()).layers())


def test_a_program_that_writes_files_is_ended(runner: SubprocessRunner, tmp_path: Path) -> None:
    ended = run(runner, plan_for(written(tmp_path, "writes", SHELL + "echo x > file; echo on")))
    assert ended.returncode == -signal.SIGXFSZ


def test_files_and_folders_it_made_are_removed(runner: SubprocessRunner, tmp_path: Path) -> None:
    script = SHELL + "mkdir -p a/b/c && : > a/b/file && ln -s / a/b/root && chmod 500 a/b/c"
    assert run(runner, plan_for(written(tmp_path, "makes", script))).returncode == 0


def test_memory_beyond_the_limit_is_not_to_be_had(runner: SubprocessRunner, tmp_path: Path) -> None:
    program = written(tmp_path, "eats", PYTHON + "bytearray(256 << 20)")
    ended = run(runner, plan_for(program, max_memory_bytes=128 * MIB))
    assert (ended.how, ended.returncode) == (HowEnded.EXITED, 1)
    assert b"MemoryError" in ended.stderr.data


def test_cpu_time_beyond_the_limit_ends_it(runner: SubprocessRunner, tmp_path: Path) -> None:
    program = written(tmp_path, "spins", SHELL + "while :; do :; done")
    ended = run(runner, plan_for(program, max_cpu_s=1))
    assert (ended.how, ended.returncode) == (HowEnded.EXITED, -signal.SIGXCPU)


def test_a_crash_shows_as_its_signal(runner: SubprocessRunner, tmp_path: Path) -> None:
    ended = run(runner, plan_for(written(tmp_path, "crashes", SHELL + "kill -SEGV $$")))
    assert (ended.how, ended.returncode) == (HowEnded.EXITED, -signal.SIGSEGV)


def test_what_is_in_the_pipe_when_it_ends_is_kept(runner: SubprocessRunner, tmp_path: Path) -> None:
    # F_SETPIPE_SZ: more than one read takes.
    script = PYTHON + "import fcntl; fcntl.fcntl(1, 1031, 1 << 20); os.write(1, b'x' * 500_000)"

    def hold_up_the_loop_until_it_has_ended(_: bytes) -> None:
        for pid in children():
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)

    plan = plan_for(written(tmp_path, "fills", script))
    ended = asyncio.run(runner.run(plan, hold_up_the_loop_until_it_has_ended))
    assert ended.stdout.total_bytes == len(ended.stdout.data) == 500_000


def test_a_gibibyte_is_counted_and_not_held(runner: SubprocessRunner) -> None:
    head = InstalledPrograms().find("head")
    assert head

    # Measured inside the loop: asyncio.run makes a repr of its result, of all the bytes kept.
    async def scene() -> None:
        await runner.run(plan_for(head, "-c", str(2 * MIB), "/dev/zero"))  # what is needed once
        before_kib = reset_peak_kib()
        ended = await runner.run(plan_for(head, "-c", str(1 << 30), "/dev/zero"))
        assert (len(ended.stdout.data), ended.stdout.total_bytes) == (MIB, 1 << 30)
        assert peak_kib() - before_kib < 8 * 1024

    asyncio.run(scene())


def reset_peak_kib() -> int:
    Path("/proc/self/clear_refs").write_text("5")  # proc(5)
    return peak_kib()


def peak_kib() -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1])
