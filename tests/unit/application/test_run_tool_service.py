"""RunTool as a service needs it: callers, another catalog, a record that fails, an end with grace."""

import asyncio
from ipaddress import ip_network

import msgspec
import pytest

from netsonde.adapters.event_log import RecentEvents
from netsonde.adapters.memory import Hangs
from netsonde.application.catalog import Catalog
from netsonde.application.ports import LogFailed
from netsonde.domain.access import Caller
from netsonde.domain.errors import ErrorType
from netsonde.domain.execution import Finished, Status, ToolOutput
from tests.unit.application.world import World, run

GOOD = {"target": "10.0.0.1"}
NARROW = Caller(name="n", tools=frozenset({"PingTool"}), networks=(ip_network("10.1.0.0/16"),))


def rule(output: ToolOutput) -> str | None:
    return output.error.metadata.get("rule") if output.error else None


class FailingLog(RecentEvents):
    """Fails from the nth `settle` on, until it is mended."""

    def __init__(self, fail_from: int) -> None:
        super().__init__()
        self.settled = 0
        self.fail_from = fail_from

    async def settle(self) -> None:
        self.settled += 1
        await asyncio.sleep(0)
        if self.settled >= self.fail_from:
            raise LogFailed("no space left")


def test_a_narrowed_caller_gets_its_networks_only() -> None:
    world = World()
    ask = world.run_tool.execute
    outside = run(ask("PingTool", GOOD, caller=NARROW))
    assert rule(outside) == "access.network"
    assert outside.status is Status.REFUSED
    assert run(ask("PingTool", {"target": "10.1.2.3"}, caller=NARROW)).status is Status.SUCCESS
    assert run(world.run_tool.plan("PingTool", GOOD, caller=NARROW)).verdict == "refused"


def test_a_narrowed_caller_gets_its_tools_only() -> None:
    caller = Caller(name="n", tools=frozenset({"DigTool"}))
    output = run(World().run_tool.execute("PingTool", GOOD, caller=caller))
    assert rule(output) == "access.tool"
    assert output.error is not None
    assert output.error.error_type is ErrorType.POLICY_DENIED


def test_a_narrowed_caller_can_cancel_only_what_it_asked_itself() -> None:
    world = World(lambda plan: Hangs())

    async def story() -> None:
        call = asyncio.create_task(world.run_tool.execute("PingTool", GOOD))
        await world.running(1)
        assert not world.run_tool.cancel("e1", caller=NARROW)
        assert world.run_tool.cancel("e1", caller=Caller(name="another"))
        await world.run_tool.ended("e1")
        assert (await call).status is Status.CANCELLED
        await world.run_tool.ended("e1")

    run(story())


def test_a_closed_service_refuses_what_is_new_and_lets_the_rest_run_to_its_end() -> None:
    async def story() -> None:
        until = asyncio.Event()
        world = World(lambda plan: Hangs(until=until))
        call = asyncio.create_task(world.run_tool.execute("PingTool", GOOD))
        await world.running(1)
        world.run_tool.close()
        late = await world.run_tool.execute("PingTool", GOOD)
        assert rule(late) == "service.stopping"
        assert late.error is not None
        assert late.error.metadata["retry_after_sec"] > 0
        idle = asyncio.create_task(world.run_tool.idle())
        await asyncio.sleep(0)
        assert not idle.done()
        until.set()
        await idle
        assert (await call).status is Status.SUCCESS

    run(story())


def test_what_was_decided_is_on_record_before_anything_runs() -> None:
    world = World()
    log = FailingLog(1)
    world.run_tool._log = log
    output = run(world.run_tool.execute("PingTool", GOOD))
    assert rule(output) == "record.unavailable"
    assert output.status is Status.REFUSED
    assert world.runner.plans == []
    log.fail_from = 10_000
    assert run(world.run_tool.execute("PingTool", GOOD)).status is Status.SUCCESS


def test_an_answer_that_could_not_be_put_on_record_says_so() -> None:
    world = World()
    world.run_tool._log = FailingLog(2)
    output = run(world.run_tool.execute("PingTool", GOOD))
    assert (output.status, rule(output)) == (Status.FAILED, "record.unavailable")
    assert len(world.runner.plans) == 1


def test_a_cancellation_while_the_end_is_put_on_record_changes_nothing() -> None:
    world = World()

    class Slow(RecentEvents):
        def __init__(self) -> None:
            super().__init__()
            self.asked = 0
            self.last = asyncio.Event()
            self.go = asyncio.Event()

        async def settle(self) -> None:
            self.asked += 1
            if self.asked == 2:
                self.last.set()
                await self.go.wait()

    async def story() -> None:
        log = world.run_tool._log = Slow()
        call = asyncio.create_task(world.run_tool.execute("PingTool", GOOD))
        await log.last.wait()
        assert world.run_tool.cancel("e1")
        await asyncio.sleep(0)
        log.go.set()
        assert (await call).status is Status.SUCCESS
        ends = [event for event in log.events("e1") if isinstance(event.what, Finished)]
        assert len(ends) == 1

    run(story())


def test_another_catalog_changes_terms_and_places_while_executions_run() -> None:
    async def story() -> None:
        until = asyncio.Event()
        world = World(lambda plan: Hangs(until=until), concurrency=1, queue=4)
        calls = [asyncio.create_task(world.run_tool.execute("PingTool", GOOD)) for _ in range(4)]
        await world.running(1)
        wider = msgspec.structs.replace(world.entry, concurrency=3)
        world.run_tool.adopt(Catalog((wider,)))
        await world.running(3)
        off = msgspec.structs.replace(wider, enabled=False, concurrency=1)
        world.run_tool.adopt(Catalog((off,)))
        refused = await world.run_tool.execute("PingTool", GOOD)
        assert refused.error is not None
        assert refused.error.error_type is ErrorType.DISABLED
        until.set()
        assert {output.status for output in await asyncio.gather(*calls)} == {Status.SUCCESS}
        assert world.run_tool._stages["PingTool"].running == 0

    run(story())


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1), (2, 2)])
def test_places_keep_their_bound_when_it_is_changed(before: int, after: int) -> None:
    async def story() -> None:
        untils = [asyncio.Event() for _ in range(8)]
        turns = iter(untils)
        world = World(lambda plan: Hangs(until=next(turns)), concurrency=before, queue=8)
        calls = [asyncio.create_task(world.run_tool.execute("PingTool", GOOD)) for _ in range(8)]
        await world.running(before)
        world.run_tool.adopt(
            Catalog((msgspec.structs.replace(world.entry, concurrency=after, queue=8),))
        )
        for number, until in enumerate(untils):
            until.set()
            await calls[number]
            assert world.runner.running <= max(after, before - number)
        assert world.run_tool._stages["PingTool"].running == 0

    run(story())


def test_a_cancelled_execution_keeps_its_duration_and_what_was_said() -> None:
    said = b"PING 10.0.0.1\n64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=0.10 ms\n"
    world = World(lambda plan: Hangs(stdout=said))

    async def story() -> None:
        call = asyncio.create_task(world.run_tool.execute("PingTool", GOOD))
        await world.running(1)
        await asyncio.sleep(0)
        world.clock.now_s += 3
        world.run_tool.cancel("e1")
        output = await call
        assert (output.status, output.duration_sec) == (Status.CANCELLED, 3.0)
        assert output.stdout == said.decode()
        assert output.result is not None
        assert output.result["partial"] is True
        assert output.command == world.runner.plans[0].argv

    run(story())
