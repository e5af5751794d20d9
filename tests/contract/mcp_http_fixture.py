"""The fixture server's tools over Streamable HTTP, under a real uvicorn on a port of loopback.

Run as `python -m tests.contract.mcp_http_fixture [OPTIONS-AS-JSON]`; it prints its port. A bearer
token is the caller's name here, and what a caller may is in CALLERS: access is tested elsewhere.
"""

import asyncio
import json
import logging
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network
from typing import Any

import uvicorn

from netsonde.adapters.mcp.http import McpOverHttp, Scope, caller_of
from netsonde.adapters.mcp.server import DiagnosticsServer
from netsonde.application.catalog import Catalog
from netsonde.application.run_tool import RunTool
from netsonde.domain.access import Caller
from netsonde.domain.errors import ErrorType, ToolError

from . import mcp_fixture_server as fixture


class DozeTool(fixture.SleepTool):
    """As SleepTool, but ends at once when told to."""

    script = fixture.SleepTool.script.removeprefix("trap '' TERM; ")


CALLERS = {
    "narrow": Caller(
        name="narrow",
        tools=frozenset({"EchoTool", "OffTool"}),
        networks=(IPv4Network("10.1.0.0/16"),),
    )
}


def object_to(scope: Scope) -> ToolError | None:
    """Stands in for the checks of Host and Origin: only the server's own are right."""
    headers = dict(scope["headers"])
    host = headers.get(b"host", b"")
    if not host.startswith((b"127.0.0.1:", b"localhost:")):
        rule = "access.host"
    elif headers.get(b"origin", b"http://" + host) != b"http://" + host:
        rule = "access.origin"
    else:
        return None
    return ToolError(
        error_type=ErrorType.POLICY_DENIED,
        message="no",
        recovery_suggestion="none",
        metadata={"rule": rule},
    )


class Front:
    """Stands in for the HTTP application: says who calls."""

    def __init__(self, mcp: McpOverHttp) -> None:
        self._mcp = mcp

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """See ASGI."""
        headers = dict(scope["headers"])
        name = headers.get(b"authorization", b"Bearer someone").decode().removeprefix("Bearer ")
        if name != "nobody":
            scope["state"]["caller"] = CALLERS.get(name, Caller(name=name))
        await self._mcp(scope, receive, send)


class Uvicorn(uvicorn.Server):
    """Leaves signals to us."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing."""
        yield


async def serve(run_tool: RunTool, server: DiagnosticsServer, **options: Any) -> None:
    """Serve until SIGTERM."""
    mcp = McpOverHttp(server, object_to=object_to, **options)
    config = uvicorn.Config(Front(mcp), http="httptools", lifespan="off", log_level="warning")
    listening = socket.create_server(("127.0.0.1", 0))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    web = Uvicorn(config)
    async with mcp.run():
        serving = asyncio.create_task(web.serve([listening]))
        print(listening.getsockname()[1], flush=True)
        await stop.wait()
        await mcp.close()
        await run_tool.drain()
        web.should_exit = True
        await serving


if __name__ == "__main__":
    logging.getLogger("mcp").setLevel(logging.ERROR)  # it warns of what is tested here
    catalog = Catalog((*fixture.RUN_TOOL.catalog.entries(), fixture._entry(DozeTool())))
    fixture.RUN_TOOL.adopt(catalog)
    fixture.SERVER = DiagnosticsServer(fixture.RUN_TOOL, version="1.2.3", caller=caller_of)
    options = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    if options.pop("uvloop", False):
        import uvloop

        uvloop.run(serve(fixture.RUN_TOOL, fixture.SERVER, **options))
    else:
        asyncio.run(serve(fixture.RUN_TOOL, fixture.SERVER, **options))
