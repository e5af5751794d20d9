"""The switchboard: tools off and on while the service runs, after a restart, after a reload."""

import asyncio

import msgspec
import pytest

from netsonde.adapters.memory import Hangs, KeptSwitches
from netsonde.application.catalog import Catalog
from netsonde.application.ports import Switches
from netsonde.application.switchboard import Switchboard
from netsonde.domain.access import Caller
from netsonde.domain.audit import Switched
from netsonde.domain.execution import Status
from tests.unit.application.world import World, run

GOOD = {"target": "10.0.0.1"}


class Fails:
    """Switches on a disk that is full."""

    def disabled(self) -> frozenset[str]:
        return frozenset()

    def remember(self, disabled: frozenset[str]) -> None:
        raise OSError(28, "No space left on device")


class Board:
    """A switchboard over a world; `told` counts the announcements."""

    def __init__(self, world: World | None = None, switches: Switches | None = None) -> None:
        self.world = world or World()
        self.switches = switches or KeptSwitches()
        self.board = Switchboard(
            self.world.run_tool, self.switches, clock=self.world.clock, log=self.world.log
        )
        self.told = 0
        self.board.announce_by(self._announce)

    async def _announce(self) -> None:
        self.told += 1

    @property
    def enabled(self) -> bool:
        """Whether the tool is offered."""
        return self.world.run_tool.catalog.entries()[0].enabled

    def switched(self) -> list[Switched]:
        """What the record has of it."""
        whats = (kept.recorded.event.what for kept in self.world.log._service)
        return [what for what in whats if isinstance(what, Switched)]


def test_a_tool_switched_off_refuses_and_on_again_runs() -> None:
    board = Board()

    async def both() -> None:
        await board.board.switch("ping", on=False, caller=Caller(name="chief"))
        refused = await board.world.run_tool.execute("PingTool", GOOD)
        assert refused.status is Status.REFUSED
        entry = await board.board.switch("PingTool", on=True)
        assert entry is not None and entry.enabled
        ran = await board.world.run_tool.execute("PingTool", GOOD)
        assert ran.status is Status.SUCCESS

    run(both())
    assert board.told == 2
    assert [(one.tool, one.enabled, one.caller) for one in board.switched()] == [
        ("PingTool", False, "chief"),
        ("PingTool", True, "local"),
    ]


def test_what_runs_goes_on_when_its_tool_is_switched_off() -> None:
    until = asyncio.Event()
    board = Board(World(lambda plan: Hangs(until=until)))

    async def switch() -> None:
        running = asyncio.ensure_future(board.world.run_tool.execute("PingTool", GOOD))
        await board.world.running(1)
        await board.board.switch("PingTool", on=False)
        until.set()
        assert (await running).status is Status.SUCCESS

    run(switch())


def test_to_switch_to_where_it_is_tells_nobody() -> None:
    board = Board()
    run(board.board.switch("PingTool", on=True))
    assert (board.told, board.switched()) == (0, [])


def test_an_unknown_tool_is_none() -> None:
    board = Board()
    assert run(board.board.switch("NoTool", on=False)) is None
    assert board.switches.disabled() == frozenset()


def test_a_switch_that_can_not_be_kept_changes_nothing() -> None:
    board = Board(switches=Fails())
    with pytest.raises(OSError, match="No space"):
        run(board.board.switch("PingTool", on=False))
    assert (board.enabled, board.told, board.switched()) == (True, 0, [])


def test_off_stays_off_across_restarts_until_it_is_on() -> None:
    switches = KeptSwitches()
    first = Board(switches=switches)
    run(first.board.switch("PingTool", on=False))
    second = Board(switches=switches)
    assert not second.enabled
    run(second.board.switch("PingTool", on=True))
    assert Board(switches=switches).enabled


def test_another_catalog_keeps_what_is_off_and_tells_of_what_changed() -> None:
    board = Board()
    run(board.board.switch("PingTool", on=False))
    before = board.told
    run(board.board.replace(Catalog((board.world.entry,))))
    assert (board.enabled, board.told) == (False, before)
    more = msgspec.structs.replace(board.world.entry, concurrency=7)
    run(board.board.replace(Catalog((more,))))
    assert (board.enabled, board.told) == (False, before + 1)


def test_a_name_of_a_tool_that_is_gone_is_kept_for_its_return() -> None:
    switches = KeptSwitches(frozenset({"GoneTool"}))
    board = Board(switches=switches)
    run(board.board.switch("PingTool", on=False))
    assert switches.disabled() == {"GoneTool", "PingTool"}


def test_one_that_the_settings_have_off_can_be_switched_on_until_they_are_read_again() -> None:
    board = Board(World(enabled=False))
    run(board.board.switch("PingTool", on=True))
    assert board.enabled
    run(board.board.replace(Catalog((board.world.entry,))))
    assert not board.enabled
