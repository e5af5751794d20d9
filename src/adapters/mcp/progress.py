"""Progress notifications of one call: rising, a few per second, only the newest, none after its end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio

from ...application.progress import Progress
from ...application.run_tool import OnProgress

PAUSE_S = 0.25
TOTAL = 100.0
# The protocol wants every value above the one before it. A program that has nothing new to say is
# alive all the same, and a client that hears nothing for a minute gives up.
_STEP = 0.001

Send = Callable[[float, float, str], Awaitable[None]]


@asynccontextmanager
async def told(send: Send) -> AsyncIterator[OnProgress]:
    """Give a function that takes progress and never waits; `send` is called beside the body."""
    newest: list[Progress] = []
    arrived = asyncio.Event()

    def take(progress: Progress) -> None:
        newest[:] = [progress]
        arrived.set()

    async def pump() -> None:
        last = -_STEP
        while True:
            await arrived.wait()
            arrived.clear()
            progress = newest.pop()
            value = round(max(progress.percent, last + _STEP), 3)
            if value <= TOTAL:
                last = value
                await send(value, TOTAL, progress.message)
                await asyncio.sleep(PAUSE_S)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pump)
        try:
            yield take
        finally:
            tasks.cancel_scope.cancel()
