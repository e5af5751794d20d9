"""What is left at a run's deadline is still ended, a little later."""

import asyncio
import subprocess

from netsonde.adapters.process.process_tree import ProcessTree
from netsonde.adapters.process.steadfast import Steadfast


def test_orphans_that_outlast_the_deadline_are_ended_all_the_same() -> None:
    tree = ProcessTree()
    # The inner sleep is handed to us only once the outer shell, an orphan itself, has been ended.
    script = "(setsid sh -c 'sleep 600 & exec sleep 600' >/dev/null 2>&1 &)"
    subprocess.run(["/bin/sh", "-c", script], check=True)

    async def sweep_too_late() -> None:
        async with asyncio.timeout(10):
            while not tree._orphans():  # noqa: ASYNC110  # the kernel sends no event for this
                await asyncio.sleep(0.01)
            loop = asyncio.get_running_loop()
            assert not await tree.sweep(Steadfast(), loop.time() - 1)
            while tree._orphans():  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    asyncio.run(sweep_too_late())
