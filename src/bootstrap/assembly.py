"""What the drivers are handed: the finished objects of one start, made when they are asked for."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..adapters.hosts_file import HostsResolver
from ..adapters.system_probe import check_port, check_state_folder
from ..application import checks
from ..application.run_tool import RunTool
from ..domain.health import CheckResult
from ..domain.layer import Layer
from ..domain.terms import Resolved, Unresolved
from .container import Container
from .logs import log_clamped, set_up_logging
from .sandbox import missed, relative_paths, requires_any
from .settings import Settings
from .settings_load import Described, Loaded, load
from .settings_problems import ConfigError, Problem

if TYPE_CHECKING:
    from ..adapters.record.audit import RecordAudit


class Assembly:
    """One start. Raises ConfigError, unless `lenient`: then defaults stand in for what is wrong."""

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        config: str | None = None,
        command_line: Mapping[str, Any] | None = None,
        quiet: bool = False,
        lenient: bool = False,
    ) -> None:
        self.problems: tuple[Problem, ...] = ()
        self._given = environ, config, command_line
        try:
            self._container = _container(self.load_again())
        except ConfigError as error:
            if not lenient:
                raise
            self.problems = error.problems
            defaults = {name: environ[name] for name in ("HOME",) if name in environ}
            self._container = _container(load(defaults))
        loaded = self._container.loaded()
        asked_for = "logging.level" in loaded.sources
        set_up_logging(loaded.settings.logging, quiet=quiet and not asked_for)
        log_clamped(loaded.clamped)
        if missing := self._sandbox_problems():
            if not lenient:
                raise ConfigError(missing)
            self.problems += missing

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._container.loaded().settings

    @property
    def loaded(self) -> Loaded:
        """The settings in force, and where each came from."""
        return self._container.loaded()

    @property
    def container(self) -> Container:
        """The object graph, for the drivers' own parts."""
        return self._container

    def load_again(self) -> Loaded:
        """Read the settings as at the start; raises ConfigError."""
        environ, config, command_line = self._given
        return load(environ, config=config, command_line=command_line)

    @property
    def run_tool(self) -> RunTool:
        """The use-case."""
        return self._container.run_tool()

    def described(self) -> tuple[Described, ...]:
        """Every setting in force, where it came from, secrets hidden."""
        return self._container.loaded().described()

    def layers(self) -> tuple[Layer, ...]:
        """What contains a program on this host; looks for it the first time."""
        return self._container.runner().layers()

    def look_up(self, name: str) -> Resolved | Unresolved:
        """Look a name up as an execution would; not from within an event loop."""
        return asyncio.run(self._container.resolver().resolve(name))

    def hosts(self, text: str) -> HostsResolver:
        """A table of hosts that answers look-ups."""
        return HostsResolver(text)

    def audit(self, folder: str | None) -> "RecordAudit":
        """The record in the folder; None: in the one of the settings."""
        from ..adapters.record.audit import RecordAudit  # SQLite, for its auditors only

        return RecordAudit(folder or self.settings.state.dir)

    async def examine(self) -> tuple[CheckResult, ...]:
        """What works here."""
        settings, run_tool = self.settings, self.run_tool
        runner = self._container.runner()
        return (
            *checks.check_settings(map(str, self.problems)),
            *await checks.check_programs(run_tool.catalog, runner),
            *checks.check_privileges(self._container.privileges()),
            *checks.check_layers(self.layers()),
            *checks.check_broken(run_tool.catalog.broken),
            *checks.check_plugins(self._container.found().plugins),
            check_state_folder(settings.state.dir),
            check_port(settings.server.port, needed=settings.server.transport == "http"),
        )

    def _sandbox_problems(self) -> tuple[Problem, ...]:
        """Looks at the host only if something is required of it: that takes some processes."""
        sandbox = self.settings.sandbox
        problems = relative_paths(sandbox)
        if not problems and requires_any(sandbox):
            problems = missed(self.layers())
        return problems


def _container(given: Loaded) -> Container:
    container = Container(given=given)
    container.loaded()  # its problems are to be known now
    return container
