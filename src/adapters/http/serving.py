"""Runs an ASGI application on sockets of ours until it is told to stop, and stops in bounded time."""

import asyncio
import logging
import math
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import uvicorn

from .asgi import ASGIApp
from .connection import connection_class
from .crowd import Crowd
from .lifecycle import Lifecycle
from .limits import ServingLimits
from .sockets import make_room, urls

try:
    import uvloop
except ImportError:  # it has no wheel for every platform
    uvloop = None  # type: ignore[assignment]  # tested for before it is used

# With the winding down, less than the 3 s after the grace in which all is over.
_ANSWERS_S = 0.3  # for the answers under way once the streams are over
_NOTICE_S = 0.1  # for the application to notice that its clients are gone
_CLOSE_S = 0.3  # for the application to close
_LEAVE_S = 0.1


class StartFailed(Exception):
    """The application refused to start; the log says why."""


async def serve(
    app: ASGIApp,
    *,
    sockets: Sequence[socket.socket],
    limits: ServingLimits,
    lifecycle: Lifecycle,
    on_ready: Callable[[tuple[str, ...]], None],
    logger: logging.Logger,
) -> None:
    """Serve until the lifecycle is stopped, by a signal or a call; returns within its grace and 3 s.

    The sockets (see `listen`) are closed at the end. `on_ready` is told where the server is reached,
    once it answers there. Answers of the application that still run at the end are cancelled. Runs
    in the main thread, and in any event loop: see `new_event_loop`. Raises StartFailed.
    """
    make_room(limits.max_connections)
    crowd = Crowd(limits, logger)

    def started() -> None:
        lifecycle.started()
        on_ready(urls(sockets))

    server = _Server(_config(app, crowd), started)
    with lifecycle.signals():
        watching = asyncio.ensure_future(crowd.watch())
        serving = asyncio.ensure_future(server.serve(sockets=list(sockets)))
        stopping = asyncio.ensure_future(lifecycle.stopping())
        try:
            await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
            if stopping.done():
                await _stop(server, serving, crowd, lifecycle)
            if serving.done():
                await serving  # for what it raises
        finally:
            for task in (watching, stopping, serving):
                task.cancel()
            crowd.abort_all()
            for one in sockets:
                one.close()
            await asyncio.wait((watching, stopping, serving), timeout=_LEAVE_S)


def new_event_loop() -> asyncio.AbstractEventLoop:
    """The fastest event loop there is here, for `asyncio.Runner(loop_factory=new_event_loop)`."""
    return asyncio.new_event_loop() if uvloop is None else uvloop.new_event_loop()


async def _stop(
    server: uvicorn.Server, serving: asyncio.Future[None], crowd: Crowd, lifecycle: Lifecycle
) -> None:
    """Wind down while the listener still answers, then close it and see the last answers out."""
    await lifecycle.wind_down()
    server.should_exit = True
    await asyncio.wait((serving,), timeout=_ANSWERS_S)
    # Whoever does not read or does not finish gets no more time.
    crowd.abort_all()
    await asyncio.wait((serving,), timeout=_NOTICE_S)
    for task in tuple(server.server_state.tasks):
        task.cancel()
    await asyncio.wait((serving,), timeout=_CLOSE_S)


def _config(app: ASGIApp, crowd: Crowd) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=connection_class(crowd),
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the application knows its proxies
        timeout_keep_alive=math.ceil(crowd.limits.keep_alive_s),
        timeout_graceful_shutdown=1,
        # Else a request inherits the context, and with it the trace, of the one before it.
        reset_contextvars=True,
    )


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers and without its way out of the process."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The lifecycle has them."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        try:
            await super().startup(sockets)
        except SystemExit as error:
            raise StartFailed("the application could not be started; the log says why") from error
        self._on_started()
