"""An ASGI application under a real uvicorn on a port of loopback, in a thread or in this event loop."""

import asyncio
import logging
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)

import uvicorn

from netsonde.adapters.http.asgi import ASGIApp
from netsonde.adapters.http.connection import connection_class
from netsonde.adapters.http.crowd import Crowd
from netsonde.adapters.http.limits import ServingLimits

LOGGER = logging.getLogger(__name__)


def _server(app: ASGIApp) -> uvicorn.Server:
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="on", ws="none", server_header=False,
        timeout_graceful_shutdown=1, http=connection_class(Crowd(ServingLimits(), LOGGER)),
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
def served_in_thread(
    app: ASGIApp, around: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
) -> Iterator[int]:
    """Serve in a thread of its own, within `around`; gives the port."""
    started, stop = threading.Event(), threading.Event()
    ports: list[int] = []

    async def serve() -> None:
        async with around(), served(app) as port:
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
