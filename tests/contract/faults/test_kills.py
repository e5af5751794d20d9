"""SIGKILL under load, for the service or for any process that it started: nothing acknowledged is lost.

NETSONDE_TRIES says how many kills there are (3 unless set); the numbers are printed, see docs/faults.md.
"""

import asyncio
import os
import random
import signal
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from netsonde.adapters.record.audit import RecordAudit
from netsonde.domain.execution import Status, fold
from tests.contract.drivers import wait_for
from tests.contract.drivers.server import Server, http_server
from tests.contract.load import Crowd
from tests.contract.mcp_raw_client import programs_with
from tests.contract.recordings import opened

TRIES = int(os.environ.get("NETSONDE_TRIES", "3"))
TOKEN = "the-token-of-the-kills"
CLIENTS = 24
HANG_S = 30.0
SETTINGS = {
    "TOOLS_PACKAGE": "tests.contract.quick_tools",
    "MCP_AUTH_TOKEN": TOKEN,
    "MCP_RATE_LIMIT_RATE": "2000",
    "MCP_RATE_LIMIT_PER": "1",
    "MCP_CIRCUIT_BREAKER_FAILURE_THRESHOLD": "100000",  # programs are killed, the tool is well
}
pytestmark = pytest.mark.lab


def descendants(pid: int) -> list[int]:
    """Links, monitors and programs of a server, of all its threads."""
    found: list[int] = []
    todo = [pid]
    while todo:
        with suppress(OSError):  # it has just ended
            for path in Path(f"/proc/{todo.pop()}/task").glob("*/children"):
                children = [int(word) for word in path.read_text().split()]
                found += children
                todo += children
    return found


async def kill_one(server: Server, chance: random.Random) -> None:
    """Any process that the server has started; there always is one soon, under load."""
    async with asyncio.timeout(HANG_S):
        while True:
            if there := descendants(server.process.pid):
                with suppress(ProcessLookupError):
                    os.kill(chance.choice(there), signal.SIGKILL)
                    return
            await asyncio.sleep(0.001)


async def until_served(crowd: Crowd, count: int) -> None:
    async with asyncio.timeout(HANG_S):
        while crowd.answered["success"] < count:  # noqa: ASYNC110  # it counts
            await asyncio.sleep(0.005)


def test_after_any_kill_every_acknowledged_record_is_there_and_nothing_hangs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(20_261_204)  # who dies, and when
    acknowledged: set[str] = set()
    killed: Counter[str] = Counter()

    async def scene(server: Server, crowd: Crowd) -> None:
        work = asyncio.create_task(crowd.hammer(600))
        try:
            while not work.done():
                await until_served(crowd, crowd.answered["success"] + 1 + chance.randrange(20))
                if chance.random() < 0.5 and killed.total() < TRIES - 1:
                    await kill_one(server, chance)
                    killed["processes"] += 1
                    continue
                await asyncio.sleep(chance.random() * 0.2)  # the moment of death
                server.process.kill()
                killed["servers"] += 1
                break
        finally:
            crowd.over = True
            async with asyncio.timeout(HANG_S):
                await work

    while killed.total() < TRIES:
        with http_server(tmp_path, "--host", "127.0.0.1", **SETTINGS) as server:
            crowd = Crowd(server.url, TOKEN, clients=CLIENTS, seed=killed.total())
            asyncio.run(scene(server, crowd))
            acknowledged |= crowd.ids
            assert 500 not in crowd.statuses, "".join(server.log[-50:])
        assert wait_for(lambda: not programs_with("sleep 3600."), 5.0) < 2.0
        assert RecordAudit(str(tmp_path)).verify().problem is None
    with http_server(tmp_path, "--host", "127.0.0.1", **SETTINGS) as server:
        assert server.end() == 0  # it starts and ends in order on what the killed ones left
    record = opened(tmp_path, max_bytes=1 << 30)
    try:
        ends = [fold(events).status for one in acknowledged if (events := record.events(one))]
    finally:
        record.close()
    lost = len(acknowledged) - len(ends)
    with capsys.disabled():
        print(
            f"\nkills: {killed['servers']} servers, {killed['processes']} of their processes; "
            f"acknowledged {len(acknowledged)}, lost {lost}; hangs 0"
        )
    assert lost == 0
    over = {Status.SUCCESS, Status.FAILED, Status.REFUSED, Status.CANCELLED, Status.TIMEOUT}
    assert set(ends) <= over
