"""The event stream `/events`, read by raw clients from a real server."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from netsonde.adapters.event_log import RecentEvents
from netsonde.adapters.http.subscriber import FeedLimits
from netsonde.application.ports import LogFailed
from netsonde.domain.audit import Denied
from netsonde.domain.execution import Progressed, Recorded, Started
from netsonde.domain.health import HealthStatus
from tests.contract.event_stream import Reader, Sse, Stage, stage
from tests.contract.recordings import asked, event, finished, life, opened

DENIED = event("", Denied(caller="", address="::1", action="GET /", rule="access.token"))


def run(test: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await test

    asyncio.run(bounded())


def told(events: list[Sse]) -> list[tuple[str, str]]:
    return [(one.data["execution_id"], one.data["event"]) for one in events]


LIFE = ("requested", "planned", "started", "finished")


def test_a_subscriber_reads_the_life_of_an_execution_as_it_goes_on() -> None:
    async def test() -> None:
        async with stage() as made:
            reader = await made.follow("?types=execution")
            assert reader.status == 200
            assert reader.headers["content-type"].startswith("text/event-stream")
            first, planned, started, last = life("a", stdout="much")
            for one in (first, planned, started, event("a", Progressed(50.0)), last):
                await made.keep(one)
            events = await reader.executions(5)
            assert told(events) == [
                ("a", word)
                for word in ("requested", "planned", "started", "progressed", "finished")
            ]
            assert [one.data["execution"]["status"] for one in events] == [
                *("requested", "waiting", "running", "running", "success")
            ]
            assert events[3].data["execution"]["percent"] == 50.0
            assert [one.number for one in events] == [one.data["number"] for one in events]
            assert events[0].data["at"].endswith("Z")
            assert "stdout" not in events[4].data["execution"]

    run(test())


def test_health_is_told_at_the_start_and_after_each_round() -> None:
    async def test() -> None:
        async with stage() as made:
            reader = await made.follow("?types=health")
            first = await reader.next()
            assert first is not None and (first.event, first.data["status"]) == (
                "health",
                "healthy",
            )
            made.doctor.round(HealthStatus.DEGRADED)
            second = await reader.next()
            assert second is not None and second.data["status"] == "degraded"
            assert second.id

    run(test())


def test_metrics_and_heartbeats_come_by_the_clock() -> None:
    async def test() -> None:
        limits = FeedLimits(metrics_every_s=0.02, heartbeat_every_s=0.02)
        async with stage(limits=limits) as made:
            reader = await made.follow("?types=metrics")
            for _ in range(3):
                one = await reader.next()
                assert one is not None and (one.event, one.data) == ("metrics", {"system": {}})
            await (await made.follow("?types=execution")).heartbeat()

    run(test())


def test_a_subscriber_that_asks_for_all_gets_all() -> None:
    async def test() -> None:
        async with stage(limits=FeedLimits(metrics_every_s=0.02)) as made:
            reader = await made.follow()
            await made.keep(asked("a"))
            seen: set[str] = set()
            while seen != {"health", "metrics", "execution"}:
                one = await reader.next()
                assert one is not None and one.id
                seen.add(one.event)

    run(test())


def test_events_of_the_service_are_not_told() -> None:
    async def test() -> None:
        async with stage() as made:
            reader = await made.follow("?types=execution")
            await made.keep(DENIED, asked("a"))
            (one,) = await reader.executions(1)
            assert (one.data["execution_id"], one.number) == ("a", 2)

    run(test())


def test_a_narrowed_caller_reads_of_its_own_executions_only() -> None:
    async def test() -> None:
        async with stage() as made:
            reader = await made.follow("?types=execution", caller="narrow")
            await made.keep(*life("theirs"), *life("its", caller="narrow"))
            assert told(await reader.executions(4)) == [("its", word) for word in LIFE]
            again = await made.follow("?types=execution", last="0", caller="narrow")
            assert told(await again.executions(4)) == [("its", word) for word in LIFE]

    run(test())


@pytest.mark.parametrize("where", ["header", "query"])
def test_a_reader_resumes_after_the_event_it_had(where: str) -> None:
    async def test() -> None:
        async with stage() as made:
            reader = await made.follow("?types=execution")
            await made.keep(*life("a"))
            await reader.executions(2)
            reader.wire.close()
            await made.left(0)
            await made.keep(*life("b"))
            if where == "header":
                again = await made.follow("?types=execution", last=reader.last_id)
            else:
                again = await made.follow(f"?types=execution&last_event_id={reader.last_id}")
            await made.keep(*life("c"))
            expected = [("a", word) for word in LIFE[2:]]
            expected += [(name, word) for name in "bc" for word in LIFE]
            events = await again.executions(10)
            assert told(events) == expected
            assert events[0].data["execution"]["target"] == "10.0.0.1"

    run(test())


def test_nothing_falls_between_the_record_and_what_happens_meanwhile() -> None:
    """Readers come and go while events happen; together they read each once, in order."""

    async def test() -> None:
        log = RecentEvents(max_executions=10_000)
        async with stage(log) as made:
            await made.keep(*(one for n in range(100) for one in life(f"old{n}")))
            done = asyncio.Event()

            async def happen() -> None:
                for n in range(100):
                    await made.keep(*life(f"new{n}"))
                done.set()

            async def follow(stay: int) -> list[int]:
                numbers: list[int] = []
                last = "0"
                while len(numbers) < 800:
                    reader = await made.follow("?types=execution", last=last)
                    for one in await reader.executions(min(stay, 800 - len(numbers))):
                        numbers.append(one.number)
                    last = reader.last_id
                    reader.wire.close()
                return numbers

            happening = asyncio.ensure_future(happen())
            read = await asyncio.gather(*(follow(stay) for stay in (7, 100, 213, 800)))
            await happening
            assert all(numbers == list(range(1, 801)) for numbers in read)

    run(test())


def test_a_reader_resumes_across_a_restart_of_the_server(tmp_path: Path) -> None:
    async def test() -> None:
        async with opened(tmp_path / "state") as log, stage(log) as made:
            reader = await made.follow("?types=execution")
            await made.keep(*life("a")[:2])
            await reader.executions(2)
            made.serving.lifecycle.stop("test")
            last = await reader.next()
            assert last is not None and last.event == "stopping"
            assert await reader.next() is None
            await made.keep(life("a")[2])
        async with opened(tmp_path / "state") as log, stage(log, run_id="r2") as made:
            await made.keep(life("a")[3])
            again = await made.follow("?types=execution", last=reader.last_id)
            assert told(await again.executions(2)) == [("a", "started"), ("a", "finished")]

    run(test())


@pytest.mark.parametrize(
    ("last", "reason"), [("999", "unknown"), ("1-r0x7", "restarted"), ("1", "forgotten")]
)
def test_a_reader_that_can_not_resume_whole_is_told_why(last: str, reason: str) -> None:
    async def test() -> None:
        log = RecentEvents(max_executions=2)
        async with stage(log, lasting=False) as made:
            await made.keep(*life("a"), *life("b"), *life("c"))
            reader = await made.follow("?types=execution", last=last)
            reset = await reader.next()
            assert reset is not None and (reset.event, reset.data["reason"]) == ("reset", reason)
            await made.keep(asked("d"))
            kept = [(name, word) for name in "bc" for word in LIFE] if last == "1" else []
            assert told(await reader.executions(len(kept) + 1)) == [*kept, ("d", "requested")]

    run(test())


def test_a_replay_is_bounded_and_says_so() -> None:
    async def test() -> None:
        async with stage(limits=FeedLimits(max_replay=3)) as made:
            await made.keep(*life("a"), *life("b"))
            reader = await made.follow("?types=execution", last="1")
            reset = await reader.next()
            assert reset is not None and reset.data["reason"] == "too_many"
            assert told(await reader.executions(3)) == [("b", word) for word in LIFE[1:]]

    run(test())


def test_an_event_whose_execution_is_forgotten_is_passed_over() -> None:
    async def test() -> None:
        async with stage() as made:
            reader = await made.follow("?types=execution")
            await made.keep(event("gone", Started()), finished("gone"), asked("a"))
            assert told(await reader.executions(1)) == [("a", "requested")]

    run(test())


@pytest.mark.parametrize(
    ("query", "last"),
    [
        ("?types=weather", ""),
        ("?type=health", ""),
        ("?types=health&types=metrics", ""),
        ("?last_event_id=x", ""),
        ("", "12-"),
        ("", "9" * 19),
        ("?types=" + "health," * 200, ""),
    ],
)
def test_what_can_not_be_read_is_answered_with_an_error(query: str, last: str) -> None:
    async def test() -> None:
        async with stage() as made:
            wire = await made.wire(query, last)
            answer = await wire.answer()
            assert (answer.status, answer.rule) == (422, "request.parameter")
            assert len(made.feed) == 0

    run(test())


def test_subscribers_over_a_cap_are_told_to_come_back() -> None:
    async def test() -> None:
        async with stage(limits=FeedLimits(max_subscribers=4, max_per_caller=2)) as made:
            for caller in ("a", "a", "b", "b"):
                await made.follow(caller=caller)
            for caller in ("a", "c"):
                answer = await (await made.wire(caller=caller)).answer()
                assert (answer.status, answer.rule) == (503, "http.subscribers")
                assert int(answer.headers["retry-after"]) > 0

    run(test())


def test_one_caller_can_not_take_every_place() -> None:
    async def test() -> None:
        async with stage(limits=FeedLimits(max_subscribers=10)) as made:
            readers = [await made.follow(caller="a") for _ in range(9)]
            answer = await (await made.wire(caller="a")).answer()
            assert (answer.status, answer.rule) == (503, "http.subscribers.caller")
            assert (await made.follow(caller="b")).status == 200
            readers[0].wire.close()
            await made.left(9)
            assert (await made.follow(caller="a")).status == 200

    run(test())


async def stuffed(made: Stage, reader: Reader) -> int:
    """Events until the stage has dropped somebody who does not read; gives how many."""
    count = 0
    before = len(made.feed)
    async with asyncio.timeout(25):
        while len(made.feed) == before:
            count += 4
            await made.keep(*life(f"s{count}", stderr="", error=None))
            assert len(await reader.executions(4)) == 4
    return count


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (FeedLimits(max_queued=64, patience_s=0.2, stall_s=60), "too_slow"),
        (
            FeedLimits(max_queued=1_000_000, max_queued_bytes=10**9, max_replay=10**6, stall_s=1.0),
            "stalled",
        ),
    ],
)
def test_who_does_not_read_is_dropped_and_reads_why_on_coming_back(
    limits: FeedLimits, reason: str
) -> None:
    async def test() -> None:
        log = RecentEvents(max_executions=100_000)
        async with stage(log, limits=limits, small_buffers=True) as made:
            reader = await made.follow("?types=execution")
            slow = await made.follow("?types=execution")
            await made.keep(asked("first"))
            assert len(await slow.executions(1)) == len(await reader.executions(1)) == 1
            slow.wire.writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is one
            count = await stuffed(made, reader)
            again = await made.follow("?types=execution", last=slow.last_id)
            dropped = await again.next()
            assert dropped is not None and dropped.event == "dropped"
            assert dropped.data["reason"] == reason
            assert dropped.data["missed"] > 0
            events = await again.executions(count)
            assert [one.number for one in events] == list(range(2, count + 2))
            other = await made.follow("?types=execution", last=slow.last_id)
            after = await other.next()
            assert after is not None and after.event == "execution"  # it is told once

    run(test())


def test_a_burst_larger_than_the_line_is_read_from_the_record() -> None:
    async def test() -> None:
        async with stage(limits=FeedLimits(max_queued=8)) as made:
            reader = await made.follow("?types=execution")
            await made.keep(asked("first"))
            await reader.executions(1)
            await made.keep(*(one for n in range(60) for one in life(f"b{n}")))
            events = await reader.executions(240)
            assert [one.number for one in events] == list(range(2, 242))

    run(test())


def test_another_callers_stream_tells_nothing() -> None:
    async def test() -> None:
        limits = FeedLimits(max_queued=64, patience_s=0.2, stall_s=60)
        log = RecentEvents(max_executions=100_000)
        async with stage(log, limits=limits, small_buffers=True) as made:
            reader = await made.follow("?types=execution")
            slow = await made.follow("?types=execution")
            await made.keep(asked("first"))
            await slow.executions(1)
            await reader.executions(1)
            slow.wire.writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is one
            await stuffed(made, reader)
            again = await made.follow("?types=execution", last=slow.last_id, caller="other")
            first = await again.next()
            assert first is not None and first.event == "execution"

    run(test())


def test_a_caller_whose_access_was_taken_is_told_and_sent_off() -> None:
    async def test() -> None:
        async with stage() as made:
            reader = await made.follow("?types=execution", caller="a")
            other = await made.follow("?types=execution", caller="b")
            await made.keep(asked("first"))
            await reader.executions(1)
            made.feed.dismiss(lambda caller: caller.name == "a")
            last = await reader.next()
            assert last is not None and (last.event, last.data["reason"]) == (
                "dropped",
                "access_changed",
            )
            assert await reader.next() is None
            assert len(await other.executions(1)) == 1

    run(test())


def test_a_record_that_can_not_be_read_ends_the_stream_with_a_reason() -> None:
    class Broken(RecentEvents):
        async def since(self, number: int, limit: int = 1000) -> tuple[Recorded, ...]:
            raise LogFailed("the disk is gone")

    async def test() -> None:
        async with stage(Broken()) as made:
            await made.keep(*life("a"))
            reader = await made.follow("?types=execution", last="1")
            last = await reader.next()
            assert last is not None and (last.event, last.data["reason"]) == (
                "dropped",
                "record_unread",
            )
            assert await reader.next() is None

    run(test())


def test_a_source_that_fails_does_not_end_the_stream(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with stage(limits=FeedLimits(metrics_every_s=0.01)) as made:
            made.feed._metrics = lambda: 1 / 0
            reader = await made.follow("?types=metrics,execution")
            async with asyncio.timeout(5):
                while not caplog.records:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            await made.keep(asked("a"))
            assert len(await reader.executions(1)) == 1

    run(test())
    assert caplog.records[0].message == "events.failed"


def test_the_end_of_the_server_is_told_and_nobody_is_let_in_any_more() -> None:
    async def test() -> None:
        async with stage() as made:
            readers = [await made.follow("?types=execution") for _ in range(5)]
            await made.keep(asked("a"))
            for reader in readers:
                await reader.executions(1)
            await made.feed.close()
            for reader in readers:
                last = await reader.next()
                assert last is not None and last.event == "stopping"
                assert await reader.next() is None
            answer = await (await made.wire()).answer()
            assert (answer.status, answer.rule) == (503, "service.stopping")

    run(test())
