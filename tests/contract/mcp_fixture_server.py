"""An MCP server over stdio with tools of /bin/sh, so that its driver can be tested without a network.

All but the tools is real. Run as `python -m tests.contract.mcp_fixture_server`.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from netsonde.adapters.clock import SystemClock, new_execution_id
from netsonde.adapters.event_log import RecentEvents
from netsonde.adapters.hosts_file import HostsResolver
from netsonde.adapters.mcp.server import DiagnosticsServer
from netsonde.adapters.mcp.stdio import STDIO, serve
from netsonde.adapters.process.launch_chain import find_basic_chain
from netsonde.adapters.process.subprocess_runner import SubprocessRunner
from netsonde.adapters.programs import InstalledPrograms
from netsonde.application.catalog import Catalog, Entry
from netsonde.application.run_tool import RunTool
from netsonde.domain.privileges import Privileges
from netsonde.domain.terms import Terms
from netsonde.domain.tool import Arranged, Draft, Int, Plan, Risk, Tool, flag, glued, never, valued


class ShellTool(Tool):
    """Runs `script`, which finds the target in $1 and a number made of it in $2."""

    command_name = "sh"
    script = ":"

    def arrange(self, draft: Draft) -> Arranged:
        number = f"{int(getattr(draft.subject, '_ip', 0)) % 10**6:06d}"
        return Arranged(words=("-c", self.script, self.name, str(draft.subject), number))


class EchoTool(ShellTool):
    """Says something on both streams."""

    title = "Echo"
    description = 'Say the target. Example: options {"loud": true}.'
    script = 'echo "target $1"; echo grumble >&2'
    profiles: ClassVar[Mapping[str, str]] = {"quick": "--loud"}
    table = (
        flag("--loud", key="loud", help="say it loud"),
        valued("--count", key="count", kind=Int(min=1, max=5), help="how often"),
        glued("-v", key="level", kind=Int(min=1, max=3), help="how much"),
        flag("--rough", key="rough", help="be rough", risk=Risk.INTRUSIVE),
        never("--file", why="reads a file", takes_value=True),
    )


class FailTool(ShellTool):
    """Ends with a status of its own."""

    script = "echo no >&2; exit 3"


class SleepTool(ShellTool):
    """Starts a child that has a child, says that it is there, and stays; no TERM ends it."""

    script = (
        "trap '' TERM; sh -c 'sleep 1000.$1 & echo 1%; wait; echo never' child $2 & "
        "wait; sleep 1000.$2"
    )
    concurrency = 4

    def progress(self, line: str, plan: Plan) -> float | None:
        """A number before a percent sign."""
        return float(line[:-1]) if line.endswith("%") else None


class HurryTool(SleepTool):
    """Speaks of progress far too often, and goes back now and then."""

    script = "i=0; while [ $i -lt 90 ]; do i=$((i+1)); echo $i%; echo 5%; done; sleep 0.6; echo 99%"


class LoudTool(ShellTool):
    """Writes 400 kB."""

    script = "head -c 400000 /dev/zero | tr '\\0' x"


class PrintingTool(ShellTool):
    """Has a parser that writes to standard output in every way."""

    def parse(self, stdout: bytes, report: bytes, complete: bool) -> dict[str, Any] | None:
        """Nothing."""
        print("stray print")
        sys.stdout.flush()
        print("stray print without a flush")
        os.write(1, b"stray write\n")
        os.system("echo stray child")
        return {"complete": complete}


class BrokenTool(ShellTool):
    """Has a parser with a mistake in it."""

    def parse(self, stdout: bytes, report: bytes, complete: bool) -> dict[str, Any] | None:
        """Never."""
        raise RuntimeError("the-secret-of-the-broken-tool")


class SurrogateTool(ShellTool):
    """Has a parser that makes what isn't text."""

    def parse(self, stdout: bytes, report: bytes, complete: bool) -> dict[str, Any] | None:
        """Half a pair."""
        return {"half": "\ud800"}


class OffTool(ShellTool):
    """Is switched off."""


class MissingTool(ShellTool):
    """Has a program that is not installed."""

    command_name = "missing-program"
    install_hint = "apt-get install missing"


class SwitchTool(ShellTool):
    """Switches OffTool on or off when it runs, and announces it."""

    def parse(self, stdout: bytes, report: bytes, complete: bool) -> dict[str, Any] | None:
        """See the class."""
        entries = [
            msgspec.structs.replace(entry, enabled=not entry.enabled)
            if entry.name == "OffTool"
            else entry
            for entry in RUN_TOOL.catalog.entries()
        ]
        RUN_TOOL.catalog = Catalog(tuple(entries))
        PENDING.append(asyncio.ensure_future(SERVER.announce_tools_changed()))
        return None


TOOLS: tuple[type[Tool], ...] = (
    *(EchoTool, FailTool, SleepTool, HurryTool, LoudTool, PrintingTool, BrokenTool),
    *(SurrogateTool, OffTool, MissingTool, SwitchTool),
)
PENDING: list[asyncio.Future[None]] = []
PROGRAMS = InstalledPrograms()


def _entry(tool: Tool) -> Entry:
    path = PROGRAMS.find(tool.command_name)
    return Entry(
        tool=tool,
        terms=Terms(program=path or "", default_timeout_s=30, profiles=tool.profiles),
        path=path,
        enabled=tool.name != "OffTool",
        concurrency=tool.concurrency or 2,
    )


RUN_TOOL = RunTool(
    catalog=Catalog(tuple(_entry(tool()) for tool in TOOLS)),
    runner=SubprocessRunner(find_basic_chain(PROGRAMS)),
    resolver=HostsResolver("10.77.0.9 web.lab.internal"),
    clock=SystemClock(),
    log=RecentEvents(),
    new_id=new_execution_id,
    privileges=Privileges(raw_sockets=False),
)
SERVER = DiagnosticsServer(RUN_TOOL, version="1.2.3", caller=lambda _: STDIO)

if __name__ == "__main__":
    sys.exit(asyncio.run(serve(RUN_TOOL, version="1.2.3", server=SERVER)))
