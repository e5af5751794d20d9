"""Servers of MCP over HTTP for `bench.mcp_http`, each on a port of loopback that it prints.

`bare` is the SDK's, written by the book, with a tool that echoes; `ours` is the product's, with a
program that has ended before it began: what is measured is everything but processes.
"""

import asyncio
import socket
import sys
from contextlib import AbstractAsyncContextManager
from typing import Any

import uvicorn
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from netsonde.adapters.clock import SystemClock, new_execution_id
from netsonde.adapters.event_log import RecentEvents
from netsonde.adapters.mcp.http import McpOverHttp, caller_of
from netsonde.adapters.mcp.server import DiagnosticsServer
from netsonde.adapters.memory import FakeResolver, FakeRunner
from netsonde.application.catalog import Catalog, Entry
from netsonde.application.ports import Capture, Ended, HowEnded
from netsonde.application.run_tool import RunTool
from netsonde.domain.access import Caller
from netsonde.domain.privileges import Privileges
from netsonde.domain.terms import Terms
from netsonde.domain.tools.ping import PingTool

from .echo_server import call_tool, list_tools

CALLER = Caller(name="bench")
SAID = b"PING 10.0.0.1 (10.0.0.1) 56(84) bytes of data.\n"


def bare() -> tuple[Any, AbstractAsyncContextManager[None]]:
    """The baseline: an application and what to enter while it is served."""
    server: Server[Any] = Server("echo", on_list_tools=list_tools, on_call_tool=call_tool)
    manager = StreamableHTTPSessionManager(server)
    return manager.handle_request, manager.run()


def ours() -> tuple[Any, AbstractAsyncContextManager[None]]:
    """The product's."""
    tool = PingTool()
    entry = Entry(
        tool=tool, terms=Terms(program="/bin/ping"), path="/bin/ping", concurrency=64, queue=64
    )
    ended = Ended(
        how=HowEnded.EXITED, returncode=0, stdout=Capture(data=SAID, total_bytes=len(SAID))
    )
    run_tool = RunTool(
        catalog=Catalog((entry,)),
        runner=FakeRunner(lambda _: ended),
        resolver=FakeResolver(),
        clock=SystemClock(),
        log=RecentEvents(),
        new_id=new_execution_id,
        privileges=Privileges(raw_sockets=True),
    )
    server = DiagnosticsServer(run_tool, version="0", caller=caller_of)
    mcp = McpOverHttp(server, object_to=lambda _: None)

    async def front(scope: Any, receive: Any, send: Any) -> None:
        scope["state"]["caller"] = CALLER
        await mcp(scope, receive, send)

    return front, mcp.run()


async def main(which: str) -> None:
    """Serve until killed."""
    application, running = {"bare": bare, "ours": ours}[which]()
    config = uvicorn.Config(
        application, interface="asgi3", lifespan="off", log_level="error", access_log=False
    )
    listening = socket.create_server(("127.0.0.1", 0))
    async with running:
        serving = asyncio.create_task(uvicorn.Server(config).serve([listening]))
        print(listening.getsockname()[1], flush=True)
        await serving


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(sys.argv[1]))
