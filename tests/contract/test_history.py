"""The port `History`, for the log in memory and for the record."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest

from netsonde.adapters.event_log import RecentEvents
from netsonde.application.ports import EventLog, History
from netsonde.domain.audit import Denied
from netsonde.domain.execution import Progressed, Recorded, Started, Status
from tests.contract.recordings import asked, event, finished, life, opened

DENIED = event("", Denied(caller="", address="::1", action="GET /", rule="access.token"))


class Log(EventLog, History, Protocol):
    """Both ports."""


Scene = Callable[[Log], Coroutine[Any, Any, None]]


@asynccontextmanager
async def recent(folder: Path) -> AsyncIterator[Log]:
    yield RecentEvents()


@asynccontextmanager
async def record(folder: Path) -> AsyncIterator[Log]:
    async with opened(folder / "state") as made:
        yield made


@pytest.fixture(params=[recent, record])
def play(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Scene], None]:
    async def run(scene: Scene) -> None:
        async with asyncio.timeout(20), request.param(tmp_path) as log:
            await scene(log)

    return lambda scene: asyncio.run(run(scene))


async def keep(log: Log, *events: Any) -> None:
    for one in events:
        log.append(one)
    await log.settle()


class Ear:
    """Listens, and says when it has heard enough."""

    def __init__(self) -> None:
        self.heard: list[Recorded] = []
        self.threads: set[int] = set()
        self._more = asyncio.Event()

    def __call__(self, recorded: Recorded) -> None:
        self.heard.append(recorded)
        self.threads.add(threading.get_ident())
        self._more.set()

    async def hears(self, count: int) -> list[int]:
        while len(self.heard) < count:
            self._more.clear()
            await self._more.wait()
        return [one.number for one in self.heard]


def test_executions_come_newest_first_by_their_first_event(play: Callable[[Scene], None]) -> None:
    async def scene(log: Log) -> None:
        await keep(log, asked("a"), asked("b"), *life("a")[1:], asked("c"))
        listed = await log.executions()
        assert [(one.execution.execution_id, one.execution.status) for one in listed] == [
            ("c", Status.REQUESTED),
            ("b", Status.REQUESTED),
            ("a", Status.SUCCESS),
        ]
        assert [one.number for one in listed] == [6, 2, 1]

    play(scene)


def test_pages_follow_each_other_without_gap_or_overlap(play: Callable[[Scene], None]) -> None:
    async def scene(log: Log) -> None:
        await keep(log, *(one for n in range(10) for one in life(f"id{n}")))
        seen: list[str] = []
        before: int | None = None
        while listed := await log.executions(before=before, limit=3):
            assert len(listed) <= 3
            seen += [one.execution.execution_id for one in listed]
            before = listed[-1].number
        assert seen == [f"id{n}" for n in reversed(range(10))]

    play(scene)


def test_a_caller_gets_what_it_asked_for_and_nothing_else(play: Callable[[Scene], None]) -> None:
    async def scene(log: Log) -> None:
        await keep(log, *life("a", "ann"), *life("b", "bob"), *life("c", "ann"))
        found = await log.executions(caller="ann")
        assert [one.execution.execution_id for one in found] == ["c", "a"]
        found = await log.executions(caller="ann", before=found[0].number, limit=5)
        assert [one.execution.execution_id for one in found] == ["a"]
        assert await log.executions(caller="") == ()

    play(scene)


def test_lists_come_without_the_texts_of_answers(play: Callable[[Scene], None]) -> None:
    async def scene(log: Log) -> None:
        members: dict[str, Any] = {
            "stdout": "o",
            "stderr": "e",
            "result": {"a": 1},
            "stdout_bytes": 1,
        }
        await keep(log, *life("a", **members))
        (listed,) = await log.executions()
        output = listed.execution.output
        assert output is not None
        assert (output.stdout, output.stderr, output.result, output.stdout_bytes) == (
            "",
            "",
            None,
            1,
        )
        assert listed.execution.plan is not None

    play(scene)


def test_a_running_execution_is_listed_with_its_progress(play: Callable[[Scene], None]) -> None:
    async def scene(log: Log) -> None:
        await keep(log, *life("a")[:3], event("a", Progressed(42.0)))
        (listed,) = await log.executions()
        assert (listed.execution.status, listed.execution.percent) == (Status.RUNNING, 42.0)

    play(scene)


def test_an_execution_without_a_beginning_is_not_listed(play: Callable[[Scene], None]) -> None:
    async def scene(log: Log) -> None:
        await keep(log, event("a", Started()), asked("b"))
        assert [one.execution.execution_id for one in await log.executions()] == ["b"]

    play(scene)


def test_events_since_a_number_come_oldest_first_and_without_texts(
    play: Callable[[Scene], None],
) -> None:
    async def scene(log: Log) -> None:
        await keep(log, *life("a", stdout="o" * 9999), DENIED, asked("b"))
        found = await log.since(1)
        assert [one.number for one in found] == [2, 3, 4, 6]
        assert found[2].event == finished("a")
        assert [one.number for one in await log.since(1, limit=2)] == [2, 3]
        assert await log.since(6) == ()

    play(scene)


def test_the_last_number_is_that_of_the_newest_event_kept(play: Callable[[Scene], None]) -> None:
    async def scene(log: Log) -> None:
        assert log.last_number() == 0
        await keep(log, *life("a"))
        assert log.last_number() == 4
        await keep(log, DENIED)
        assert log.last_number() == 5

    play(scene)


def test_who_watches_is_told_each_new_event_in_order_once_in_the_loop(
    play: Callable[[Scene], None],
) -> None:
    async def scene(log: Log) -> None:
        await keep(log, asked("before"))
        ear = Ear()
        after = log.last_number()
        log.watch(ear)
        for n in range(50):
            await keep(log, *life(f"id{n}", stdout="text"))
        await keep(log, DENIED)
        numbers = await ear.hears(201)
        assert numbers == list(range(after + 1, after + 202))
        assert tuple(ear.heard[:-1]) == await log.since(after)
        assert ear.heard[-1].event == DENIED
        assert ear.threads == {threading.get_ident()}

    play(scene)


def test_what_was_appended_but_not_yet_kept_at_the_call_is_told(
    play: Callable[[Scene], None],
) -> None:
    async def scene(log: Log) -> None:
        for n in range(20):
            log.append(asked(f"a{n}"))
            ear = Ear()
            after = log.last_number()
            end = log.watch(ear)
            log.append(asked(f"b{n}"))
            await log.settle()
            last = log.last_number()
            assert await ear.hears(last - after) == list(range(after + 1, last + 1))
            end()

    play(scene)


def test_who_stops_watching_is_told_nothing_more(play: Callable[[Scene], None]) -> None:
    async def scene(log: Log) -> None:
        gone, stays = Ear(), Ear()
        end = log.watch(gone)
        log.watch(stays)
        await keep(log, asked("a"))
        await stays.hears(1)
        end()
        end()
        await keep(log, asked("b"))
        await stays.hears(2)
        assert [one.number for one in gone.heard] == [1]

    play(scene)


def test_a_watcher_that_fails_keeps_nothing_from_the_others(tmp_path: Path) -> None:
    async def scene() -> None:
        async with opened(tmp_path) as log:

            def fail(recorded: Recorded) -> None:
                raise ValueError

            ear = Ear()
            log.watch(fail)
            log.watch(ear)
            await keep(log, *life("a"))
            assert await ear.hears(4) == [1, 2, 3, 4]

    asyncio.run(scene())
