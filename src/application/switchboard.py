"""The catalog while the service runs: tools switched on and off, and a new one after a reload."""

from collections.abc import Awaitable, Callable

import msgspec

from ..domain.access import LOCAL, Caller
from ..domain.audit import Switched
from ..domain.execution import Event
from .catalog import Catalog, Entry
from .ports import Clock, EventLog, Switches
from .run_tool import RunTool

Announce = Callable[[], Awaitable[None]]


class Switchboard:
    """Changes what `RunTool` offers. Whoever shows the catalog to clients is told by `announce`.

    A tool that was switched off stays off across restarts and reloads until it is switched on. One
    that the settings have off can be switched on, until the settings are read again.
    """

    def __init__(
        self, run_tool: RunTool, switches: Switches, *, clock: Clock, log: EventLog
    ) -> None:
        self._run_tool = run_tool
        self._switches = switches
        self._clock = clock
        self._log = log
        self._announcers: list[Announce] = []
        self._off = switches.disabled()
        self._adopt(run_tool.catalog)

    def announce_by(self, announce: Announce) -> None:
        """Have `announce` awaited after each change of what is offered."""
        self._announcers.append(announce)

    async def switch(self, name: str, *, on: bool, caller: Caller = LOCAL) -> Entry | None:
        """Enable or disable a tool; None if there is no such tool. Raises OSError, changing nothing.

        What runs goes on. To switch a tool to where it is already changes nothing.
        """
        catalog = self._run_tool.catalog
        entry = catalog.find(name)
        if entry is None:
            return None
        off = self._off - {entry.name} if on else self._off | {entry.name}
        if off != self._off:
            self._switches.remember(off)
            self._off = off
        if entry.enabled != on:
            entry = msgspec.structs.replace(entry, enabled=on)
            self._run_tool.adopt(catalog.with_entry(entry))
            what = Switched(tool=entry.name, enabled=on, caller=caller.name)
            self._log.append(Event(execution_id="", at_s=self._clock.wall_s(), what=what))
            await self._announce()
        return entry

    async def replace(self, catalog: Catalog) -> None:
        """Offer another catalog, without what was switched off here."""
        before = self._run_tool.catalog.entries()
        self._adopt(catalog)
        if self._run_tool.catalog.entries() != before:
            await self._announce()

    def _adopt(self, catalog: Catalog) -> None:
        for entry in catalog.entries():
            if entry.name in self._off and entry.enabled:
                catalog = catalog.with_entry(msgspec.structs.replace(entry, enabled=False))
        self._run_tool.adopt(catalog)

    async def _announce(self) -> None:
        for announce in self._announcers:
            await announce()
