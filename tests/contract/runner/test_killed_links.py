"""Any one process of a run is killed at any moment: the run ends at once, and nothing is left.

NETSONDE_TRIES says how often for each set of layers (12 unless set).
"""

import asyncio
import os
import random
import signal
from collections import Counter
from contextlib import suppress
from pathlib import Path

from netsonde.adapters.process.launch_chain import LaunchChain
from netsonde.application.ports import HowEnded

from .conftest import MakeRunner
from .hostile_programs import IGNORES_SIGTERM, plan_for, written
from .leak_check import children

TRIES = int(os.environ.get("NETSONDE_TRIES", "12"))
LATEST_S = 0.06
PROMPT_S = 5.0


def descendants() -> list[int]:
    """Of this process, those that live: links of a chain, a monitor, the program."""
    found, living = children(), []
    for pid in found:
        with suppress(OSError):
            text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
            found.extend(int(word) for word in text.split())
            if Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX":
                living.append(pid)
    return living


def test_whatever_process_of_a_run_is_killed_the_run_ends(
    make_runner: MakeRunner, chain: LaunchChain, tmp_path: Path
) -> None:
    runner = make_runner(chain)
    plan = plan_for(written(tmp_path, "stays", IGNORES_SIGTERM), timeout_s=60)
    chance = random.Random(20_261_202)  # moments of death, and who dies
    ways: Counter[HowEnded] = Counter()

    async def try_once() -> None:
        loop = asyncio.get_running_loop()
        run = asyncio.ensure_future(runner.run(plan))
        killed_s: list[float] = []

        def kill() -> None:
            there = descendants()
            if there:
                with suppress(ProcessLookupError):  # a link that has just ended
                    os.kill(chance.choice(there), signal.SIGKILL)
                    killed_s.append(loop.time())
            if killed_s:
                return
            if not run.done():
                loop.call_later(0.001, kill)

        loop.call_later(chance.random() * LATEST_S, kill)
        async with asyncio.timeout(30):
            ended = await run
        assert killed_s and loop.time() - killed_s[0] < PROMPT_S
        assert ended.how in (HowEnded.EXITED, HowEnded.NOT_STARTED), ended
        assert ended.returncode != 0
        ways[ended.how] += 1

    async def scene() -> None:
        for _ in range(TRIES):
            await try_once()

    asyncio.run(scene())
    assert ways.total() == TRIES
