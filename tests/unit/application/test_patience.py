"""A caller whose calls come to nothing again and again: counted, and no more on record."""

import asyncio
from collections.abc import Awaitable

from netsonde.application.patience import RULE, TIMES
from netsonde.domain import bucket
from netsonde.domain.access import Caller
from netsonde.domain.audit import Denied
from netsonde.domain.execution import Recorded, Status, ToolOutput
from tests.unit.application.world import DONE, World, run

EVE, OPS = Caller(name="eve"), Caller(name="ops")
RATE = bucket.Rate(tokens=2, per_s=60)
MOST = RATE.tokens * TIMES
GOOD, BAD = {"target": "10.0.0.1"}, {"target": "8.8.8.8"}


def rule_of(output: ToolOutput) -> str | None:
    assert output.error is not None
    rule = output.error.metadata.get("rule")
    return rule if isinstance(rule, str) else None


async def denials(
    world: World, asking: Awaitable[list[ToolOutput]], count: int
) -> tuple[list[ToolOutput], list[Denied]]:
    """What was answered, and the denials on record once there are so many."""
    found: list[Denied] = []

    def tell(kept: Recorded) -> None:
        if isinstance(kept.event.what, Denied):
            found.append(kept.event.what)

    world.log.watch(tell)
    outputs = await asking
    while len(found) < count:  # noqa: ASYNC110  # bounded by `run`
        await asyncio.sleep(0)
    return outputs, found


def recorded(world: World) -> int:
    """How many of the first hundred executions are on record."""
    return sum(bool(world.log.events(f"e{number}")) for number in range(1, 101))


async def ask(world: World, times: int, body: dict[str, str], caller: Caller) -> list[ToolOutput]:
    return [await world.run_tool.execute("PingTool", body, caller=caller) for _ in range(times)]


def test_only_so_many_refusals_of_one_caller_are_on_record() -> None:
    world = World(rate=RATE)
    outputs, denied = run(denials(world, ask(world, 50, BAD, EVE), 30))
    rules = [rule_of(output) for output in outputs]
    assert rules == ["target.public"] * int(MOST) + [RULE] * (50 - int(MOST))
    assert recorded(world) == MOST
    assert len(denied) == 50 - MOST
    assert outputs[-1].error is not None
    assert outputs[-1].error.metadata["retry_after_sec"] == 3.0
    assert outputs[-1].status is Status.REFUSED


def test_others_are_not_kept_waiting_and_time_heals() -> None:
    world = World(rate=RATE)
    run(ask(world, 30, BAD, EVE))
    assert run(ask(world, 1, GOOD, OPS))[0].status is Status.SUCCESS
    assert rule_of(run(ask(world, 1, GOOD, EVE))[0]) == RULE
    world.clock.now_s += 3.0
    assert run(ask(world, 1, GOOD, EVE))[0].status is Status.SUCCESS


def test_calls_over_the_rate_and_of_tools_there_are_not_count_too() -> None:
    world = World(rate=RATE)

    async def calls() -> list[ToolOutput]:
        over = await ask(world, 12, GOOD, EVE)
        unknown = [await world.run_tool.execute("No", GOOD, caller=EVE) for _ in range(12)]
        return [*over, *unknown]

    outputs, denied = run(denials(world, calls(), 2))
    rules = [output.error and rule_of(output) for output in outputs]
    assert rules.count(RULE) == 24 - 2 - MOST
    assert rules[:2] == [None, None]
    assert (denied[-1].tool, denied[-1].caller, denied[-1].address) == ("unknown", "eve", "")


def test_calls_that_are_admitted_cost_nothing() -> None:
    world = World(lambda plan: DONE, rate=bucket.Rate(tokens=2, per_s=0.001))

    async def calls() -> None:
        for _ in range(60):
            assert (await ask(world, 1, GOOD, EVE))[0].status is Status.SUCCESS
            world.clock.now_s += 0.0005  # one call of two; patience would need ten

    run(calls())


def test_many_at_a_time_get_through_no_more_than_one_by_one() -> None:
    world = World(rate=RATE)

    async def calls() -> None:
        body = {"target": "slow.lab.internal"}
        await asyncio.gather(*(ask(world, 1, body, EVE) for _ in range(80)))

    run(calls())
    assert recorded(world) == MOST


def test_without_a_rate_there_is_no_limit() -> None:
    world = World()
    assert {rule_of(output) for output in run(ask(world, 60, BAD, EVE))} == {"target.public"}
