"""The catalog: which tools there are, where their programs are, and on what terms each may run."""

import msgspec

from ..domain.breaker import Settings as BreakerSettings
from ..domain.terms import Terms
from ..domain.tool import Tool
from .provenance import Provenance


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A tool as this operator runs it.

    `path` is None when the program is not there, or may not be run: `unusable` says why then, ""
    when none was seen. `provenance` is None for netsonde's own tools.
    """

    tool: Tool
    terms: Terms
    path: str | None
    unusable: str = ""
    provenance: Provenance | None = None
    enabled: bool = True
    concurrency: int = 2
    queue: int = 16
    breaker: BreakerSettings = BreakerSettings()

    @property
    def name(self) -> str:
        """The tool's name."""
        return self.tool.name

    @property
    def available(self) -> bool:
        """Whether the program is there."""
        return self.path is not None


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that could not be loaded; it takes nothing else down."""

    source: str
    reason: str


class Catalog:
    """Tools in a stable order: as they were registered."""

    def __init__(self, entries: tuple[Entry, ...], broken: tuple[Broken, ...] = ()) -> None:
        self._entries = {entry.name: entry for entry in entries}
        self._aliases = {entry.tool.command_name: entry.name for entry in reversed(entries)}
        self.broken = broken

    def entries(self) -> tuple[Entry, ...]:
        """Every tool, disabled ones included."""
        return tuple(self._entries.values())

    def find(self, name: str) -> Entry | None:
        """The tool of that name, or whose program has that name (`nmap` for `NmapTool`)."""
        return self._entries.get(name) or self._entries.get(self._aliases.get(name, ""))

    def with_entry(self, entry: Entry) -> "Catalog":
        """The same catalog, but for the entry of this name."""
        entries = (entry if entry.name == old.name else old for old in self.entries())
        return Catalog(tuple(entries), self.broken)
