"""The state folder goes away under a server that runs: moved, replaced, deleted."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from netsonde.adapters.record.audit import RecordAudit
from netsonde.adapters.record.sqlite_record import SqliteRecord
from netsonde.application.ports import LogFailed
from tests.contract.drivers import wait_for
from tests.contract.drivers.server import http_server
from tests.contract.recordings import Said, asked, life, opened
from tests.contract.service import QUICK, TARGET, client, recorded, rule_of

pytestmark = pytest.mark.lab
WITHIN_S = 15.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system that only this test's world sees."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "disk", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def settled(record: SqliteRecord) -> None:
    async with asyncio.timeout(WITHIN_S):
        while True:
            try:
                return await record.settle()
            except LogFailed:
                continue


@pytest.mark.parametrize("how", ["moved away", "replaced by an empty one"])
def test_a_folder_that_is_gone_stops_the_record_until_it_is_back(disk: Path, how: str) -> None:
    folder, said = disk / "state", Said()

    async def scene() -> None:
        async with opened(folder, said=said) as record:
            for one in life("before"):
                record.append(one)
            await record.settle()
            folder.rename(disk / "elsewhere")
            if how.startswith("replaced"):
                folder.mkdir()
            for one in life("meanwhile"):
                record.append(one)
            with pytest.raises(LogFailed, match="removed or replaced"):
                await record.settle()
            assert len(record.events("meanwhile")) == 4
            if how.startswith("replaced"):
                folder.rmdir()
            (disk / "elsewhere").rename(folder)
            await settled(record)
            assert record.failing is None

    asyncio.run(scene())
    names = [name for name, _ in said.lines if name != "audit.head"]
    assert names == ["record.failing", "record.recovered"]
    verified = RecordAudit(str(folder)).verify()
    assert (verified.problem, verified.records) == (None, 8)


def test_a_folder_that_is_deleted_is_never_written_to_and_never_made_anew(disk: Path) -> None:
    folder = disk / "state"

    async def scene() -> None:
        async with opened(folder) as record:
            for one in life("before"):
                record.append(one)
            await record.settle()
            shutil.rmtree(folder)
            record.append(asked("meanwhile"))
            with pytest.raises(LogFailed, match="removed or replaced"):
                await record.settle()

    asyncio.run(scene())
    assert not folder.exists()


def quick_status(one: httpx.Client) -> int:
    return one.post("/tools/QuickTool/execute", json=TARGET).status_code


def test_a_service_without_its_folder_runs_nothing_says_why_and_mends_itself(disk: Path) -> None:
    state = disk / "state"
    with ExitStack() as stack:
        settings = {**QUICK, "MCP_RATE_LIMIT_RATE": "1000", "MCP_HEALTH_INTERVAL": "1"}
        server = stack.enter_context(http_server(state, **settings))
        one = stack.enter_context(client(server))
        assert quick_status(one) == 200
        state.rename(disk / "elsewhere")
        refused = one.post("/tools/QuickTool/execute", json=TARGET)
        assert (refused.status_code, rule_of(refused)) == (503, "record.unavailable")
        wait_for(lambda: one.get("/health").status_code == 503)
        (disk / "elsewhere").rename(state)
        wait_for(lambda: quick_status(one) == 200)
        assert server.end() == 0
    ends = [what["output"]["status"] for what in recorded(state, "Finished")]
    assert ends.count("success") >= 2 and ends.count("refused") >= 1
