"""The way into the lab: sealed, open to ordinary users, and passing on signals and statuses."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.contract.lab import enter, topology
from tests.contract.lab.access import Lab

pytestmark = pytest.mark.lab

_ROOT: Final = Path(__file__).resolve().parents[2]
_LAB: Final = (sys.executable, "-m", "tests.contract.lab", "--")
_PYTEST: Final = ("-m", "pytest", "-p", "no:cacheprovider", "tests/contract/test_lab.py")
_ENTER: Final = "from tests.contract.lab import enter; enter.replace"
# Namespaces may not be nested in this one: as on a machine that forbids them.
_FORBIDDEN: Final = (
    *("unshare", "-Ur", "sh", "-c"),
    'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"',
    "sh",
)


def outside() -> dict[str, str]:
    """An environment without the flag that says where we are: it leads to a world inside ours.

    Nor is CI's demand for the lab handed on: these tests make their own.
    """
    ours = (enter.FLAG, "NETSONDE_REQUIRE_LAB")
    return {name: value for name, value in os.environ.items() if name not in ours}


def run(*argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv,
        cwd=_ROOT,
        env={**outside(), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("flag", ["0", "yes", None])
def test_being_inside_needs_the_flag(monkeypatch: pytest.MonkeyPatch, flag: str | None) -> None:
    assert enter.inside()
    if flag is None:
        monkeypatch.delenv(enter.FLAG)
    else:
        monkeypatch.setenv(enter.FLAG, flag)
    assert not enter.inside()


def test_the_flag_alone_does_not_make_a_world_sealed() -> None:
    program = "from tests.contract.lab import enter; print(enter.inside())"
    own_world = ("unshare", "-Urn", "--fork", "--pid", "--mount-proc")
    done = run(*own_world, sys.executable, "-c", program, **{enter.FLAG: "1"})
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_a_standing_lab_is_used_and_left_alone(lab: Lab) -> None:
    with topology.built() as again:
        assert again == lab
    assert topology.standing()


def test_a_lab_is_built_around_a_command_and_leaves_nothing() -> None:
    program = """
from pathlib import Path
from tests.contract.lab import enter, topology
before = Path("/proc/mounts").read_text()
for _ in range(2):
    with topology.built() as lab:
        assert topology.standing() and len(lab.queries()) == 0
    assert not topology.standing() and enter.inside()
    assert Path("/proc/mounts").read_text() == before
"""
    enter_only = (sys.executable, "-c", f"{_ENTER}(['{sys.executable}', '-c', {program!r}])")
    done = run(*enter_only)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_ordinary_user_can_have_a_lab_and_gets_the_command_s_status() -> None:
    """User 65534 of a namespace: no capabilities, no other user known; as on a desktop."""
    become = ("unshare", "-U", "--map-user=65534", "--map-group=65534", "--")
    command = 'ping -n -c1 web.lab.internal && exit "$((NETSONDE_LAB + 40))"'
    done = run(*become, *_LAB, "sh", "-c", command)
    assert (done.returncode, done.stderr) == (41, "")
    assert "1 received" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_front_reaches_the_command(number: signal.Signals) -> None:
    program = (
        "import signal, sys\n"
        "for n in (2, 15): signal.signal(n, lambda n, _: sys.exit(n))\n"
        "print('waiting', flush=True)\n"
        "while True: signal.pause()\n"
    )
    with subprocess.Popen(
        [*_LAB, sys.executable, "-c", program], cwd=_ROOT, env=outside(), stdout=subprocess.PIPE
    ) as front:
        assert front.stdout is not None
        assert front.stdout.readline() == b"waiting\n"
        front.send_signal(number)
        assert front.wait(timeout=10) == number


def test_killing_the_front_ends_every_process_of_its_world() -> None:
    """The event is the end of file on a pipe that all of them hold: nobody is left."""
    read_end, write_end = os.pipe()
    with subprocess.Popen(
        [*_LAB, "sh", "-c", "setsid sleep 600 & echo up; wait"],
        cwd=_ROOT,
        env=outside(),
        stdout=subprocess.PIPE,
        pass_fds=(write_end,),
    ) as front:
        os.close(write_end)
        assert front.stdout is not None
        assert front.stdout.readline() == b"up\n"
        front.kill()
    readable, _, _ = select.select([read_end], [], [], 10)
    assert readable
    assert os.read(read_end, 1) == b""
    os.close(read_end)


def test_a_command_that_is_not_there_is_127_and_one_that_is_killed_128_and_more() -> None:
    assert run(*_LAB, "no-such-program").returncode == 127
    assert run(*_LAB, "sh", "-c", "kill -KILL $$").returncode == 128 + signal.SIGKILL


def test_without_a_command_the_map_is_shown() -> None:
    assert "10.77.2.10" in run(sys.executable, "-m", "tests.contract.lab").stdout


@pytest.mark.parametrize("before", [(), ("-m", "coverage", "run")])
def test_pytest_enters_by_itself_with_its_output_and_status(
    tmp_path: Path, before: tuple[str, ...]
) -> None:
    # A file that may go: coverage deletes its data file before it starts.
    data_file = str(tmp_path / "coverage")
    words = (*before, *_PYTEST, "-k", "no_test_has_this_name")
    done = run(sys.executable, *words, COVERAGE_FILE=data_file)
    assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED, done.stderr
    assert "lab: in a sealed world" in done.stdout


def test_pytest_can_stay_outside_and_skips_then() -> None:
    done = run(sys.executable, *_PYTEST, NETSONDE_NO_LAB="1")
    assert done.returncode == pytest.ExitCode.OK
    assert "no lab: NETSONDE_NO_LAB=1" in done.stdout
    assert "passed" not in done.stdout


def test_where_there_are_no_namespaces_tests_skip_or_the_run_fails_if_so_demanded() -> None:
    skipped = run(*_FORBIDDEN, sys.executable, *_PYTEST)
    assert skipped.returncode == pytest.ExitCode.OK
    assert "no lab: no network namespaces for us here: unshare" in skipped.stdout
    failed = run(*_FORBIDDEN, sys.executable, *_PYTEST, NETSONDE_REQUIRE_LAB="1")
    assert failed.returncode == pytest.ExitCode.USAGE_ERROR
    assert "NETSONDE_REQUIRE_LAB=1, but there is no lab" in failed.stderr
    command = run(*_FORBIDDEN, *_LAB, "true")
    assert command.returncode == os.EX_UNAVAILABLE
    assert "the lab cannot be built" in command.stderr


def test_a_flag_that_lies_stops_the_run() -> None:
    done = run("unshare", "-Urn", sys.executable, *_PYTEST, **{enter.FLAG: "1"})
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
