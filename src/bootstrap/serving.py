"""Starts the driver that serves, and stops for nothing that this driver does not need."""

import asyncio
import gc
import os
import sys
from typing import TYPE_CHECKING

from ..application.switchboard import Switchboard
from .switching import switches
from .version import VERSION

if TYPE_CHECKING:
    from .assembly import Assembly
    from .observing import Observers

_CLOSE_S = 1.0


def serve(assembly: "Assembly") -> int:
    """Serve until the client or a signal ends it; gives the exit status."""
    if assembly.settings.server.transport == "http":
        from .http_service import serve_http

        return serve_http(assembly)
    if sys.stdin is not None and sys.stdin.isatty():
        print(
            "netsonde waits for an MCP client on standard input; people use `netsonde run`, "
            "`netsonde --help` tells how. Ctrl-D ends it.",
            file=sys.stderr,
        )
    return asyncio.run(_serve_stdio(assembly))


async def _serve_stdio(assembly: "Assembly") -> int:
    # The SDK takes half a second to import; nobody but this driver should pay for it.
    from ..adapters.mcp.server import DiagnosticsServer
    from ..adapters.mcp.stdio import STDIO
    from ..adapters.mcp.stdio import serve as serve_stdio

    container, settings = assembly.container, assembly.settings
    observers = _observers(assembly)
    run_tool = container.run_tool()
    board = Switchboard(run_tool, switches(settings), clock=container.clock(), log=container.log())
    server = DiagnosticsServer(
        run_tool, version=VERSION, caller=lambda _: STDIO, tracer=container.tracer()
    )
    board.announce_by(server.announce_tools_changed)
    # Whatever exists by now stays until the end: the collector need not look at it again.
    gc.freeze()
    gc.enable()
    try:
        return await serve_stdio(run_tool, version=VERSION, server=server)
    finally:
        if observers is not None:
            await observers.close("the client left or a signal came", _CLOSE_S)


def _observers(assembly: "Assembly") -> "Observers | None":
    """Record and telemetry, where they are wanted over stdio; None spares their import."""
    recorded = assembly.settings.state.record == "on"
    exported = False
    if any(name.startswith("OTEL_") for name in os.environ):
        from ..adapters.telemetry.environment import exports

        wanted = exports(os.environ)
        exported = wanted.traces or wanted.metrics
    if not recorded and not exported:
        return None
    from .observing import Observers

    return Observers(assembly.container, recorded=recorded)
