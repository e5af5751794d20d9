"""Starts the driver that serves, and stops for nothing that this driver does not need."""

import asyncio
import gc
import sys
from typing import TYPE_CHECKING

from .version import VERSION

if TYPE_CHECKING:
    from .assembly import Assembly


def serve(assembly: "Assembly") -> int:
    """Serve until the client or a signal ends it; gives the exit status."""
    if assembly.settings.server.transport == "http":
        from .http_service import serve_http

        return serve_http(assembly)
    # The SDK takes half a second to import; nobody but this driver should pay for it.
    from ..adapters.mcp.stdio import serve as serve_stdio

    run_tool = assembly.run_tool
    if sys.stdin is not None and sys.stdin.isatty():
        print(
            "netsonde waits for an MCP client on standard input; people use `netsonde run`, "
            "`netsonde --help` tells how. Ctrl-D ends it.",
            file=sys.stderr,
        )
    # Whatever exists by now stays until the end: the collector need not look at it again.
    gc.freeze()
    gc.enable()
    return asyncio.run(serve_stdio(run_tool, version=VERSION))
