"""A disk that is full, or may not be written to: nothing more is run, nothing is lost, and then it goes on."""

import asyncio
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from netsonde.adapters.record.audit import RecordAudit
from netsonde.adapters.record.sqlite_record import SqliteRecord
from netsonde.application.ports import LogFailed
from netsonde.domain.execution import Event
from tests.contract.recordings import Said, asked, life, opened


@pytest.fixture
def small_disk(pytestconfig: pytest.Config, tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB, which only this test's world sees."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "small", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def noise(size: int) -> str:
    return os.urandom(size // 2).hex()


async def keep(record: SqliteRecord, *events: Event) -> None:
    for one in events:
        record.append(one)
    await record.settle()


async def keep_in_the_end(record: SqliteRecord) -> None:
    async with asyncio.timeout(15):
        while True:
            try:
                return await record.settle()
            except LogFailed:
                continue


@pytest.mark.lab
def test_a_disk_that_fills_up_stops_new_executions_until_there_is_room(small_disk: Path) -> None:
    said = Said()

    async def scene() -> int:
        kept = 0
        async with opened(small_disk / "state", said=said, max_bytes=64 << 20) as record:
            await keep(record, *life("first"))
            filler = small_disk / "filler"
            filler.write_bytes(bytes(1024 * 1024))
            with pytest.raises(LogFailed):  # noqa: PT012  # some are kept before one is not
                while True:
                    await keep(record, *life(f"id{kept}", stdout=noise(50_000)))
                    kept += 1
            assert record.failing
            for _ in range(3):
                with pytest.raises(LogFailed):
                    await record.settle()
            record.append(asked("later"))
            assert len(record.events(f"id{kept}")) == 4
            filler.unlink()
            await keep_in_the_end(record)
            assert not record.failing
            assert [len(record.events(f"id{number}")) for number in range(kept + 1)] == [4] * (
                kept + 1
            )
            assert len(record.events("later")) == 1
        return kept

    kept = asyncio.run(scene())
    assert [name for name, _ in said.lines if name != "audit.head"] == [
        "record.failing",
        "record.recovered",
    ]
    verified = RecordAudit(str(small_disk / "state")).verify()
    assert (verified.problem, verified.records) == (None, 4 + 4 * (kept + 1) + 1)


@pytest.mark.lab
def test_a_disk_without_any_room_is_refused_at_the_start(small_disk: Path) -> None:
    with (small_disk / "filler").open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    with pytest.raises(OSError, match=r"state|full|space"):
        opened(small_disk / "state")


@pytest.mark.lab
def test_a_read_only_folder_is_refused_at_the_start_and_can_be_audited(small_disk: Path) -> None:
    folder = small_disk / "state"
    record = opened(folder)
    asyncio.run(keep(record, *life("first")))
    record.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(OSError, match=r"[Rr]ead-only"):
        opened(folder)
    assert RecordAudit(str(folder)).verify().records == 4
    assert len(list(RecordAudit(str(folder)).events(None, 10))) == 4


_LIMITED = """
import asyncio, resource, sys
from pathlib import Path
from netsonde.application.ports import LogFailed
from tests.contract.recordings import life, opened

async def scene():
    async with opened(Path(sys.argv[1])) as record:
        kept = 0
        try:
            while True:
                for happened in life(f"id{kept}"):
                    record.append(happened)
                await record.settle()
                kept += 1
        except LogFailed:
            print(kept, record.failing is not None)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        while True:
            try:
                await record.settle()
                break
            except LogFailed:
                continue

asyncio.run(scene())
"""


def test_a_limit_on_the_size_of_files_is_no_worse_than_a_full_disk(tmp_path: Path) -> None:
    limit = 300_000
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
        timeout=30,
        check=True,
        preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY)
        ),
    )
    kept, failing = done.stdout.split()
    assert failing == "True"
    verified = RecordAudit(str(tmp_path)).verify()
    assert (verified.problem, verified.records) == (None, 4 * (int(kept) + 1))
