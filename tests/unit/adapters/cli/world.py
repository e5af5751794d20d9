"""The command line over fakes: a runner that runs nothing, a resolver that knows what it was told."""

import asyncio
import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from click.testing import CliRunner, Result

from netsonde.adapters.cli.commands import netsonde
from netsonde.adapters.event_log import RecentEvents
from netsonde.adapters.hosts_file import HostsResolver
from netsonde.adapters.memory import FakeClock, FakeResolver, FakeRunner
from netsonde.adapters.record.audit import RecordAudit
from netsonde.application.catalog import Broken, Catalog, Entry
from netsonde.application.ports import Ended, HowEnded
from netsonde.application.run_tool import RunTool
from netsonde.domain.health import CheckResult, HealthStatus, Priority
from netsonde.domain.layer import Layer
from netsonde.domain.plan import Plan
from netsonde.domain.privileges import Privileges
from netsonde.domain.terms import Resolved, Terms, Unresolved
from netsonde.domain.tools import TOOLS

DONE = Ended(how=HowEnded.EXITED, returncode=0)


class Shown(msgspec.Struct):
    key: str
    value: Any
    source: str
    variable: str


class World:
    """Starter and assembly at once."""

    version = "1.2.3"

    def __init__(
        self,
        script: Callable[[Plan], Ended] = lambda plan: DONE,
        names: dict[str, Resolved | Unresolved] | None = None,
        *,
        disabled: str = "",
        missing: str = "",
    ) -> None:
        self.resolver = FakeResolver(names)
        self.runner = FakeRunner(script)
        entries = tuple(
            Entry(
                tool=tool,
                terms=Terms(program=f"/usr/bin/{tool.command_name}", profiles=tool.profiles),
                path=None if tool.name == missing else f"/usr/bin/{tool.command_name}",
                enabled=tool.name != disabled,
            )
            for tool in (kind() for kind in TOOLS)
        )
        ids = itertools.count(1)
        self.run_tool = RunTool(
            catalog=Catalog(entries, (Broken(source="plug-in x", reason="crashed"),)),
            runner=self.runner,
            resolver=self.resolver,
            clock=FakeClock(),
            log=RecentEvents(),
            new_id=lambda: f"id{next(ids)}",
            privileges=Privileges(raw_sockets=False),
        )
        self.served: list[tuple[str | None, dict[str, object]]] = []
        self.configs: list[tuple[str | None, bool]] = []
        self.checks: tuple[CheckResult, ...] = ()

    def assemble(self, config: str | None, *, lenient: bool = False) -> "World":
        self.configs.append((config, lenient))
        return self

    def serve(self, config: str | None, command_line: dict[str, object]) -> int:
        self.served.append((config, command_line))
        return 7

    def layers(self) -> Sequence[Layer]:
        return [Layer("filesystem", True, "by x")]

    def described(self) -> Sequence[Shown]:
        return [
            Shown("server.port", 8080, "default", "MCP_SERVER_PORT"),
            Shown("tool.default_timeout", 3600.0, "/etc/n.toml", "MCP_DEFAULT_TIMEOUT_SEC"),
            Shown("tool.include", ("PingTool",), "TOOL_INCLUDE", "TOOL_INCLUDE"),
            Shown("security.allow_intrusive", False, "default", "X"),
            Shown("tools.NmapTool.profiles", {"web": "-p 80"}, "f", "Y"),
        ]

    def look_up(self, name: str) -> Resolved | Unresolved:
        return asyncio.run(self.resolver.resolve(name))

    def hosts(self, text: str) -> HostsResolver:
        return HostsResolver(text)

    async def examine(self) -> Sequence[CheckResult]:
        return self.checks

    def audit(self, folder: str | None) -> RecordAudit:
        return RecordAudit(folder or "no such folder")

    def call(self, *words: str, stdin: str | bytes | None = None) -> Result:
        return CliRunner().invoke(netsonde, list(words), input=stdin, obj=self)


def check(status: HealthStatus, fix: str = "") -> CheckResult:
    return CheckResult(name="thing", status=status, priority=Priority.HIGH, message="m", fix=fix)


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]
