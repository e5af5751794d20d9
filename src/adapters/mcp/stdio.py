"""MCP over the standard streams, from the first byte to an exit with nothing left running."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, nullcontext
from enum import StrEnum
from functools import partial
from typing import Any

from ...application.run_tool import RunTool
from ...domain.access import Caller
from .conversation import LASTING, Conversation
from .descriptors import LineReader, Writer
from .server import DiagnosticsServer
from .standard_streams import StandardStreams, claim

# Together less than the 2 s in which nothing may be left.
DRAIN_S = 1.7
ANSWER_S = 0.5
CLOSE_S = 0.1
STDIO = Caller(name="stdio")
_log = logging.getLogger(__name__)


class End(StrEnum):
    """Why serving ends."""

    CLIENT_LEFT = "client_left"
    TERMINATED = "terminated"
    INTERRUPTED = "interrupted"
    CRASHED = "crashed"


EXIT_STATUS = {End.CLIENT_LEFT: 0, End.TERMINATED: 0, End.INTERRUPTED: 130, End.CRASHED: 1}
_SIGNALS = {signal.SIGTERM: End.TERMINATED, signal.SIGINT: End.INTERRUPTED}


async def serve(
    run_tool: RunTool,
    *,
    version: str,
    streams: StandardStreams | None = None,
    server: DiagnosticsServer | None = None,
) -> int:
    """Serve one client until it leaves or a signal comes; the result is an exit status.

    Takes the standard streams itself unless they were `claim`ed before; `server` is for a caller
    that has changes of the catalog to announce. Runs in the main thread.
    """
    server = server or DiagnosticsServer(run_tool, version=version, caller=lambda _: STDIO)
    with claim() if streams is None else nullcontext(streams) as taken:
        if taken.stdin is None or taken.stdout is None:
            return EXIT_STATUS[End.CLIENT_LEFT]
        conversation = Conversation(LineReader(taken.stdin), Writer(taken.stdout))
        works = {
            "listen": conversation.listen(),
            "hangup": conversation.hung_up.wait(),
            "speak": conversation.speak(),
            "serve": server.run(
                conversation.incoming,
                conversation.outgoing,
                server.create_initialization_options(),
            ),
        }
        with _ending() as end:
            tasks = {name: asyncio.create_task(work) for name, work in works.items()}
            for name, task in tasks.items():
                task.add_done_callback(partial(_notice, end, name))
            how = await end
            _log.info("mcp_stdio_ends reason=%s", how)
            await _finish(how, run_tool, server, conversation, tasks)
    return EXIT_STATUS[how]


async def _finish(
    how: End,
    run_tool: RunTool,
    server: DiagnosticsServer,
    conversation: Conversation,
    tasks: dict[str, asyncio.Task[Any]],
) -> None:
    """End the executions, let what is left to say be said, and close, all of it bounded.

    After a signal the client is still there, and is told that its calls were cancelled; a client
    that left wants no answer to them, but one that piped its requests in wants the others.
    """
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + DRAIN_S
    tasks["listen"].cancel()
    tasks["hangup"].cancel()
    server.close_subscriptions()
    if how is End.CLIENT_LEFT:
        conversation.mute(LASTING)
    await _within(DRAIN_S, run_tool.drain())
    if not tasks["speak"].done():
        unwanted = LASTING if how is End.CLIENT_LEFT else ()
        await _within(min(ANSWER_S, deadline_s - loop.time()), conversation.settled(unwanted))
    tasks["speak"].cancel()
    conversation.close()
    await _within(CLOSE_S, tasks["serve"])
    # A call that was only being read when the first round ended may have begun since.
    if not await _within(max(deadline_s - loop.time(), CLOSE_S), run_tool.drain()):
        _log.error("mcp_stdio_left_running")
    await asyncio.gather(*tasks.values(), return_exceptions=True)
    conversation.discard()


async def _within(seconds: float, work: Awaitable[Any]) -> bool:
    """Whether `work` came to its end in that time; it is cancelled if not."""
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait((task,), timeout=max(seconds, 0))
    task.cancel()
    return bool(done)


def _notice(end: asyncio.Future[End], name: str, task: asyncio.Task[Any]) -> None:
    """The first task that is over decides how serving ends."""
    if task.cancelled() or end.done():
        return
    error = task.exception()
    left = error is None if name in ("listen", "hangup") else isinstance(error, OSError)
    if not left:
        _log.error("mcp_stdio_crashed part=%s", name, exc_info=error)
    end.set_result(End.CLIENT_LEFT if left else End.CRASHED)


@contextmanager
def _ending() -> Iterator[asyncio.Future[End]]:
    """A future that signals resolve while this lasts."""
    loop = asyncio.get_running_loop()
    end: asyncio.Future[End] = loop.create_future()

    def resolve(how: End) -> None:
        if not end.done():
            end.set_result(how)

    for number, how in _SIGNALS.items():
        loop.add_signal_handler(number, resolve, how)
    try:
        yield end
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
