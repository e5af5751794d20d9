"""The record outlives its writers: killed at any moment, and several at a time on one folder.

NETSONDE_TRIES says how often a writer is killed (20 unless set; `make soak` sets it too).
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

from netsonde.adapters.record.audit import RecordAudit
from netsonde.domain.execution import Recorded
from tests.contract.recordings import life, opened

MAX_MIB = 256
TRIES = max(20, int(os.environ.get("NETSONDE_TRIES", "20")))


def start(
    folder: Path, name: str, *, tasks: int, count: int = 0, max_mib: int = MAX_MIB
) -> subprocess.Popen[bytes]:
    words = (str(folder), name, str(tasks), str(count), str(max_mib))
    return subprocess.Popen(
        [sys.executable, "-m", "tests.contract.record_writer", *words],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
    )


def said(writer: subprocess.Popen[bytes]) -> list[str]:
    assert writer.stdout is not None
    with writer.stdout:
        *lines, rest = writer.stdout.read().decode().split("\n")
    assert rest == ""
    return lines


def kill_at(writer: subprocess.Popen[bytes], lines: int, later_s: float) -> list[str]:
    """Kill it `later_s` after it has settled so many; gives all that it has settled."""
    assert writer.stdout is not None
    first = [writer.stdout.readline().decode().rstrip("\n") for _ in range(lines)]
    # Not a wait for something to happen: the moment of death is what is being varied.
    timer = threading.Timer(later_s, writer.send_signal, (signal.SIGKILL,))
    timer.start()
    rest = said(writer)
    timer.join()
    assert writer.wait(30) == -signal.SIGKILL
    return first + rest


def test_what_was_settled_is_there_however_often_the_writer_is_killed(tmp_path: Path) -> None:
    chance = random.Random(20_261_123)  # moments of death, not secrets
    settled: list[str] = []
    for attempt in range(TRIES):
        writers = [
            start(tmp_path, f"{attempt}.{number}", tasks=chance.choice((1, 8)))
            for number in range(1 + attempt % 2)
        ]
        for writer in writers:
            settled += kill_at(writer, chance.randrange(1, 30), chance.random() * 0.05)
        verified = RecordAudit(str(tmp_path)).verify()
        assert verified.problem is None, (attempt, verified)
        assert verified.records >= 4 * len(settled)
    # With as much room as the writers have: with less it would remove the oldest at once.
    record = opened(tmp_path, max_bytes=MAX_MIB << 20)
    for execution_id in settled:
        assert len(record.events(execution_id)) == 4, execution_id
    record.close()
    assert len(set(settled)) == len(settled) > TRIES


def test_a_writer_killed_while_it_removes_the_oldest_leaves_a_whole_chain(tmp_path: Path) -> None:
    chance = random.Random(20_261_124)  # moments of death
    for attempt in range(TRIES // 4):
        writer = start(tmp_path, f"{attempt}", tasks=8, max_mib=1)
        kill_at(writer, 400, chance.random() * 0.05)
        verified = RecordAudit(str(tmp_path)).verify()
        assert verified.problem is None, (attempt, verified)
    assert verified.first is not None and verified.first > 1000


def test_several_servers_share_one_chain(tmp_path: Path) -> None:
    async def scene() -> list[int]:
        heard: list[int] = []
        done = asyncio.Event()

        def tell(recorded: Recorded) -> None:
            heard.append(recorded.number)
            if len(heard) == 3 * 2 * 25 * 4 + 4:
                done.set()

        async with opened(tmp_path) as record, asyncio.timeout(30):
            record.watch(tell)
            writers = [start(tmp_path, name, tasks=2, count=25) for name in "abc"]
            for happened in life("own"):
                record.append(happened)
            await record.settle()
            for writer in writers:
                assert len(await asyncio.to_thread(said, writer)) == 50
                assert writer.wait(30) == 0
            await done.wait()
            assert record.last_number() == len(heard)
            assert len(await record.executions(limit=1000)) == 151
        return heard

    heard = asyncio.run(scene())
    assert heard == list(range(1, 605))
    assert RecordAudit(str(tmp_path)).verify().records == 604


def test_servers_that_start_at_the_same_time_make_one_key_and_one_chain(tmp_path: Path) -> None:
    writers = [start(tmp_path / "state", name, tasks=1, count=1) for name in "abcd"]
    for writer in writers:
        assert len(said(writer)) == 1
        assert writer.wait(30) == 0
    assert RecordAudit(str(tmp_path / "state")).verify().records == 16


def test_an_audit_does_not_hinder_a_server_and_sees_a_whole_chain(tmp_path: Path) -> None:
    writer = start(tmp_path, "a", tasks=8)
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline()
        settled = 1
        for _ in range(10):
            verified = RecordAudit(str(tmp_path)).verify()
            assert verified.problem is None
            assert verified.records >= 4 * settled
            while 4 * settled <= verified.records:  # until it has got further than the audit saw
                assert writer.stdout.readline()
                settled += 1
    finally:
        writer.kill()
        said(writer)
        writer.wait(30)
