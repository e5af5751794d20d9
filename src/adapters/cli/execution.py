"""One execution at the command line: progress while it runs, and an end to it at Ctrl-C."""

import asyncio
import signal
from collections.abc import Mapping
from typing import Any

from ...application.progress import Progress
from ...application.run_tool import RunTool
from ...domain.access import Caller
from ...domain.execution import ToolOutput
from .screen import ProgressLine

CLI = Caller(name="cli")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def execute(run_tool: RunTool, tool: str, members: Mapping[str, Any]) -> ToolOutput:
    """Run it to its end; a signal cancels it, and the answer then says so."""
    return asyncio.run(_execute(run_tool, tool, members))


async def _execute(run_tool: RunTool, tool: str, members: Mapping[str, Any]) -> ToolOutput:
    line = ProgressLine()
    loop = asyncio.get_running_loop()
    endings: set[asyncio.Task[None]] = set()

    def end() -> None:
        line.write("ending it ...")
        endings.add(asyncio.ensure_future(run_tool.drain()))

    def tell(progress: Progress) -> None:
        line.write(f"{progress.message} ({progress.percent:.0f} %)")

    # nohup(1) has SIGHUP ignored, and that is to stay.
    heard = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    for number in heard:
        loop.add_signal_handler(number, end)
    try:
        line.write(f"{tool} {members.get('target', '')} ...")
        output = await run_tool.execute(tool, members, caller=CLI, on_progress=tell)
        await asyncio.gather(*endings)
        return output
    finally:
        line.clear()
        for number in heard:
            loop.remove_signal_handler(number)
