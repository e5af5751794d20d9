"""What a killed server left open is ended by the next one that is alone."""

import asyncio
from pathlib import Path

from netsonde.adapters.record.audit import RecordAudit
from netsonde.adapters.record.sqlite_record import SqliteRecord
from netsonde.domain.errors import ErrorType
from netsonde.domain.execution import Event, Execution, Progressed, Status, fold
from tests.contract.recordings import PLAN, asked, event, life, opened

LEFT = (
    *life("over"),
    asked("asked"),
    *life("waiting")[:2],
    *life("running")[:3],
    event("running", Progressed(50.0)),
)


async def keep(record: SqliteRecord, *events: Event) -> None:
    for one in events:
        record.append(one)
    await record.settle()


async def listed(record: SqliteRecord) -> dict[str, Execution]:
    found = await record.executions()
    return {one.execution.execution_id: one.execution for one in found}


def test_executions_without_an_end_are_ended_as_cancelled(tmp_path: Path) -> None:
    async def scene() -> None:
        async with opened(tmp_path) as record:
            await keep(record, *LEFT)
        async with opened(tmp_path) as record:
            found = await listed(record)
            assert found.pop("over").status is Status.SUCCESS
            assert {one.status for one in found.values()} == {Status.CANCELLED}
            running = fold(record.events("running"))
            assert running.output is not None and running.output.error is not None
            assert running.output.error.error_type is ErrorType.CANCELLED
            assert running.output.command == PLAN.argv
            assert record.last_number() == len(LEFT) + 3
        async with opened(tmp_path) as record:
            assert record.last_number() == len(LEFT) + 3

    asyncio.run(scene())
    assert RecordAudit(str(tmp_path)).verify().problem is None


def test_what_another_server_is_running_is_left_to_it(tmp_path: Path) -> None:
    async def scene() -> None:
        async with opened(tmp_path) as first:
            await keep(first, *LEFT)
            async with opened(tmp_path) as second:
                found = await listed(second)
                assert found["running"].status is Status.RUNNING
                assert found["running"].percent == 50.0

    asyncio.run(scene())
