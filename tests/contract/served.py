"""An ASGI application under a real uvicorn on a port of loopback, in a thread or in this event loop."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn

from netsonde.adapters.http.asgi import ASGIApp


def _server(app: ASGIApp) -> uvicorn.Server:
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="on", ws="none", server_header=False,
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    return uvicorn.Server(config)


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[int]:
    """Serve in this event loop; gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = _server(app)
        serving = asyncio.ensure_future(server._serve([listener]))
        try:
            while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
                await asyncio.sleep(0)
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await asyncio.wait_for(serving, 10)


@contextmanager
def served_in_thread(app: ASGIApp) -> Iterator[int]:
    """Serve in a thread of its own; gives the port."""
    started, stop = threading.Event(), threading.Event()
    ports: list[int] = []

    async def serve() -> None:
        async with served(app) as port:
            ports.append(port)
            started.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert started.wait(10)
        yield ports[0]
    finally:
        stop.set()
        thread.join(15)
