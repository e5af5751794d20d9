"""Calls made in a program's stead come back as the kernel's own do, and end with the program."""

import asyncio
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from netsonde.adapters.process.egress import call_filter, foreign_process, notifications
from netsonde.adapters.process.egress.guard import Destinations
from netsonde.adapters.process.egress.notified_guard import NotifiedEgress, find_notified_egress
from netsonde.adapters.process.egress.watch import Watch
from netsonde.adapters.process.launch_thread import LaunchThread
from netsonde.adapters.process.subprocess_runner import SubprocessRunner
from netsonde.adapters.process.syscalls import processor
from netsonde.application.ports import Ended, HowEnded
from netsonde.domain.layer import LayerMode
from netsonde.domain.plan import Plan
from tests.contract.egress import calls
from tests.contract.egress.guarded import GuardedChain, destinations
from tests.contract.lab.access import Lab
from tests.contract.runner.hostile_programs import plan_for, written
from tests.contract.runner.layer_sets import LAYERED, chain_of
from tests.contract.runner.leak_check import holdings, processes_naming

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]

PYTHON = f"#!{sys.executable} -IS\n"


class Guarded:
    """Runs programs under the guard, and sees that nothing is left."""

    def __init__(self, chain: GuardedChain, base_dir: Path) -> None:
        self.chain = chain
        self.base_dir = base_dir
        self._runner = SubprocessRunner(chain, base_dir=str(base_dir))
        self._programs = base_dir.parent

    def program(self, text: str) -> str:
        return written(self._programs, "program", PYTHON + calls.HEAD + text)

    def run(self, plan: Plan, on_stdout: Callable[[bytes], None] | None = None) -> Ended:
        ended: Ended = self.see(lambda: self._runner.run(plan, on_stdout))
        return ended

    def start(self, plan: Plan, on_stdout: Callable[[bytes], None]) -> Any:
        return self._runner.run(plan, on_stdout)

    def see(self, what: Callable[[], Any]) -> Any:
        before = holdings(self.base_dir)
        result = asyncio.run(what())
        assert holdings(self.base_dir) == before
        assert processes_naming(str(self._programs)) == {}
        assert not [one for one in threading.enumerate() if one.name == "netsonde-egress"]
        return result


@pytest.fixture(params=LAYERED)
def guarded(
    request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Guarded:
    guard = find_notified_egress()
    assert isinstance(guard, NotifiedEgress), guard
    (tmp_path / "runs").mkdir()
    chain = chain_of(request.param, tmp_path_factory.getbasetemp(), LayerMode.OFF)
    held = destinations("10.77.2.10/32", "127.0.0.1/32")
    return Guarded(GuardedChain(chain, guard, held), tmp_path / "runs")


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    """On loopback; the kernel's buffer holds what comes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        made.bind(("127.0.0.1", 0))
        made.settimeout(20)
        yield made


def facts(ended: Ended) -> dict[str, Any]:
    assert (ended.how, ended.returncode) == (HowEnded.EXITED, 0), ended
    read: dict[str, Any] = json.loads(ended.stdout.data)
    return read


def test_connecting_waits_and_fails_as_it_does_without(guarded: Guarded, lab: Lab) -> None:
    assert facts(guarded.run(plan_for(guarded.program(calls.CONNECTING), lab.web))) == {
        "first": 0,
        "again": "EISCONN",
        "banner": "SSH-",
        "refused": "ECONNREFUSED",
        "at_once": "EINPROGRESS",
        "timed_out": "EINPROGRESS",
        "interrupted": "EINTR",
        "no_socket": "ENOTSOCK",
        "no_descriptor": "EBADF",
        "no_memory": "EFAULT",
        "too_long": "EINVAL",
    }
    assert guarded.chain.told == []


def test_datagrams_arrive_whole_and_in_bounds(
    guarded: Guarded, lab: Lab, receiver: socket.socket
) -> None:
    port = str(receiver.getsockname()[1])
    said = facts(guarded.run(plan_for(guarded.program(calls.SENDING), lab.web, port)))
    assert said == {
        "largest": 65507,
        "too_large": "EMSGSIZE",
        "huge": "EMSGSIZE",
        "empty": 0,
        "pieces": 2000,
        "too_many": "EMSGSIZE",
        "ttl": 1,
        "nobody": "EDESTADDRREQ",
        "to_peer": 1,
        "many": 16,
        "lengths": [3] * 16 + [0] * 24,
        "answers": [True, True],
        "stranger": "EPERM",
    }
    expected = [b"x" * 65507, b"", b"ab" * 1000, b"t", b"p"]
    expected += [b"m%02d" % number for number in range(16)]
    assert [receiver.recv(70_000) for _ in expected] == expected


def test_a_stream_takes_large_messages_in_parts(guarded: Guarded, lab: Lab) -> None:
    said = facts(guarded.run(plan_for(guarded.program(calls.STREAMING), lab.web)))
    assert max(said["sizes"]) <= 1 << 16
    assert said["answer"] == "HTTP/1.0"


def test_sending_waits_until_the_peer_has_read(guarded: Guarded, lab: Lab) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        accepted: list[socket.socket] = []

        def read_all(_: bytes) -> None:
            if not accepted:
                accepted.append(listening.accept()[0])
                accepted[0].setblocking(False)
                with suppress(BlockingIOError):
                    while accepted[0].recv(1 << 20):
                        pass

        port = str(listening.getsockname()[1])
        plan = plan_for(guarded.program(calls.FILLS_A_STREAM), lab.web, port)
        before = holdings(guarded.base_dir)
        ended: Ended = asyncio.run(guarded.start(plan, read_all))
        accepted[0].close()
        assert holdings(guarded.base_dir) == before
    lines = ended.stdout.data.splitlines()
    assert [json.loads(line) for line in lines] == [{"timed_out": "EAGAIN"}, {"goes_on": True}]


def test_a_program_that_waits_ends_at_its_time(guarded: Guarded, lab: Lab) -> None:
    ended = guarded.run(plan_for(guarded.program(calls.WAITING), lab.web, timeout_s=0.5))
    assert ended.how is HowEnded.TIMED_OUT


def test_a_cancellation_ends_calls_in_flight(guarded: Guarded, lab: Lab) -> None:
    plan = plan_for(guarded.program(calls.WAITING), lab.web)

    async def cancelled() -> None:
        ready = asyncio.Event()
        running = asyncio.create_task(guarded.start(plan, lambda _: ready.set()))
        await asyncio.wait_for(ready.wait(), 20)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    guarded.see(cancelled)


def test_only_so_many_calls_may_wait(guarded: Guarded, lab: Lab) -> None:
    plan = plan_for(guarded.program(calls.MANY_WAITING), lab.web)

    async def enough() -> list[str]:
        heard = asyncio.Queue[bytes]()
        running = asyncio.create_task(guarded.start(plan, heard.put_nowait))
        told: list[str] = json.loads(await asyncio.wait_for(heard.get(), 20))["told"]
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return told

    assert guarded.see(enough) == ["EAGAIN"] * 16


def test_a_program_that_catches_the_server_in_a_call_does_not_keep_it(
    guarded: Guarded, lab: Lab
) -> None:
    program = guarded.program(calls.CATCHING_THE_SERVER)
    started_s = time.monotonic()
    ended = guarded.run(plan_for(program, lab.web, timeout_s=1.0))
    assert ended.how is HowEnded.TIMED_OUT
    assert time.monotonic() - started_s < 10


def test_calls_are_made_while_the_event_loop_is_busy(
    guarded: Guarded, lab: Lab, receiver: socket.socket
) -> None:
    port = str(receiver.getsockname()[1])
    got: list[bytes] = []

    def keep_busy(_: bytes) -> None:
        got.append(receiver.recv(16))

    guarded.run(plan_for(guarded.program(calls.SENDS_WHEN_READY), lab.web, port), keep_busy)
    assert got == [b"served"]


def test_it_works_on_kernels_without_the_newest_calls(
    guarded: Guarded, lab: Lab, receiver: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before Linux 6.9 there are no pidfds of threads, before 5.19 signals end a received call."""
    monkeypatch.setattr(foreign_process, "_PIDFD_THREAD", 1 << 30)
    monkeypatch.setattr(notifications, "_WAIT_KILLABLE", 1 << 20)
    port = str(receiver.getsockname()[1])
    said = facts(guarded.run(plan_for(guarded.program(calls.FROM_A_THREAD), lab.web, port)))
    assert said == {"sent": 6, "interrupted": "EINTR"}
    assert receiver.recv(16) == b"thread"


def test_what_outlives_the_guard_can_send_nothing_and_does_not_hang(
    lab: Lab, tmp_path: Path
) -> None:
    here = processor()
    assert here
    program = written(tmp_path, "program", PYTHON + calls.HEAD + calls.SENDS_FOR_EVER)

    def start() -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen((program, "-"), stdin=pipe, stdout=pipe, text=True)

    held = Destinations(networks=(ip_network("127.0.0.1/32"),))
    with Watch(here, call_filter.compiled(here), held, lambda _: None) as watch:
        thread = LaunchThread(watch.confine, start)
        process = thread.result
        assert process.stdout and process.stdin
        assert json.loads(process.stdout.readline()) == {"result": 1}
    with process:
        process.stdin.write("x")
        process.stdin.flush()
        assert json.loads(process.stdout.readline()) == {"result": -1, "error": "ENOSYS"}
    thread.end()
