"""The baselines of the HTTP benches: a bare Litestar application, and a bare SDK server at /mcp.

Run as `python -m bench.bare_http`: it prints its URL and serves until it is ended.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from litestar import Litestar, asgi, get, post
from litestar.params import JSONBody
from litestar.response import ServerSentEvent
from litestar.types import Receive, Scope, Send
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from bench.echo_server import call_tool, list_tools

TRUE = "/usr/bin/true"
_queues: set[asyncio.Queue[str]] = set()
_manager = StreamableHTTPSessionManager(
    Server("echo", on_list_tools=list_tools, on_call_tool=call_tool)
)


@get("/")
async def index() -> dict[str, str]:
    """Nothing but an answer."""
    return {"status": "healthy"}


@post("/echo", status_code=200)
async def echo(data: JSONBody[dict[str, Any]]) -> dict[str, Any]:
    """The body."""
    return data


@post("/spawn", status_code=200)
async def spawn(data: JSONBody[dict[str, Any]]) -> dict[str, Any]:
    """A program that exits at once; then its end is told to every stream."""
    process = await asyncio.create_subprocess_exec(
        TRUE,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    await process.communicate()
    for queue in _queues:
        queue.put_nowait("finished")
    return data


@get("/events")
async def events() -> ServerSentEvent:
    """What `spawn` tells."""

    async def told() -> AsyncIterator[str]:
        queue: asyncio.Queue[str] = asyncio.Queue()
        _queues.add(queue)
        try:
            yield "hello"
            while True:
                yield await queue.get()
        finally:
            _queues.discard(queue)

    return ServerSentEvent(told())


@asgi("/mcp", copy_scope=False)
async def mcp(scope: Scope, receive: Receive, send: Send) -> None:
    """The SDK."""
    await _manager.handle_request(scope, receive, send)  # type: ignore[arg-type]  # both are ASGI


@asynccontextmanager
async def _running(app: Litestar) -> AsyncIterator[None]:
    async with _manager.run():
        yield


def main() -> None:
    """Serve on a port that the system chooses."""
    app = Litestar([index, echo, spawn, events, mcp], lifespan=[_running], openapi_config=None)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        config = uvicorn.Config(app, log_level="error", access_log=False)
        uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main()
