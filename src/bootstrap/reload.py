"""Settings read again while the service runs: all of them are checked before any is changed."""

import asyncio
import logging
from collections.abc import Callable, Sequence

import msgspec

from ..adapters.plugins import Found
from ..application.gate import Credential, Gate
from ..application.ports import Clock, EventLog, Programs
from ..application.rates import Rates
from ..application.switchboard import Switchboard
from ..domain import audit
from ..domain.bucket import Rate
from ..domain.execution import Event
from .catalog import build_catalog, settle
from .logs import set_up_logging
from .settings import Settings
from .settings_load import Loaded
from .settings_problems import ConfigError, Problem

_log = logging.getLogger("netsonde")
# What is made once, at start: sockets, the record, code.
_NEEDS_RESTART = ("server.", "state.", "health.", "plugins", "tool.package")


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """What a reload changes, and what it needs to know."""

    found: Found
    programs: Programs
    clock: Clock
    log: EventLog
    switchboard: Switchboard
    rates: Rates
    gate: Gate
    read_credentials: Callable[[Settings], Sequence[Credential]]
    rate_of: Callable[[Settings], Rate | None]
    open_to_others: bool  # it listens beyond loopback, so a token must be needed
    dismiss: Callable[[], None] = lambda: None  # ends the streams of callers that lost their access
    after: Callable[[Loaded], None] = lambda loaded: None  # for whoever else goes by settings


class Reload:
    """Reads the settings again when called.

    `problems` are those for which the last attempt was refused, `waiting` the keys of settings
    that were changed and need a restart.
    """

    def __init__(self, loaded: Loaded, again: Callable[[], Loaded], live: Live) -> None:
        self.loaded = loaded
        self.problems: tuple[str, ...] = ()
        self.waiting: tuple[str, ...] = ()
        self._turn = asyncio.Lock()
        self._again = again
        self._live = live

    async def __call__(self) -> None:
        """Change what can be changed; with any problem nothing is, and the old settings stand."""
        async with self._turn:
            await self._reload()

    async def _reload(self) -> None:
        live = self._live
        try:
            loaded = settle(self._again(), live.found)
            credentials = live.read_credentials(loaded.settings)
            if live.open_to_others and not credentials:
                raise ConfigError([_NO_TOKEN])
            catalog = build_catalog(loaded.settings, live.found, live.programs)
        except ConfigError as error:
            self.problems = tuple(map(str, error.problems))
            for problem in self.problems:
                _log.error("settings.reload_failed", extra={"fields": {"problem": problem}})
            self._record(audit.Reloaded(problems=self.problems))
            return
        changed, fixed = _changes(self.loaded, loaded)
        # No await before the last of these: nobody sees half of it.
        self.problems, self.waiting, self.loaded = (), fixed, loaded
        set_up_logging(loaded.settings.logging)
        live.gate.change(credentials)
        live.dismiss()  # at once: whatever comes after may fail, or take its time
        if not live.gate.guarded:
            _log.warning(
                "http.open_to_this_machine", extra={"fields": {"reason": "no token is left"}}
            )
        live.rates.set(live.rate_of(loaded.settings), loaded.settings.rate_limit.max_clients)
        self._record(audit.Reloaded(changed=changed, waiting=fixed))
        for key in fixed:
            _log.warning("settings.needs_restart", extra={"fields": {"param": key}})
        _log.info("settings.reloaded", extra={"fields": {"changed": ",".join(changed) or "none"}})
        await live.switchboard.replace(catalog)
        live.after(loaded)

    def _record(self, what: audit.Reloaded) -> None:
        live = self._live
        live.log.append(Event(execution_id="", at_s=live.clock.wall_s(), what=what))


_NO_TOKEN = Problem(
    "settings",
    "security.tokens_file",
    "has no token left (nor is MCP_AUTH_TOKEN set), and the service listens beyond loopback",
)


def _changes(before: Loaded, after: Loaded) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The keys that changed and are in force now, and those that need a restart."""
    # Compared by Settings, not as described: secrets are hidden there, and must not pass for equal.
    old = {one.key: one.value for one in before.described(reveal=True)}
    new = {one.key: one.value for one in after.described(reveal=True)}
    keys = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    fixed = tuple(key for key in keys if key.startswith(_NEEDS_RESTART))
    return tuple(key for key in keys if key not in fixed), fixed
