"""A server in small: runs programs, tells their process numbers once all have spoken, goes on."""

import asyncio
import json
import sys

from netsonde.adapters.process.launch_chain import find_basic_chain
from netsonde.adapters.process.subprocess_runner import SubprocessRunner
from netsonde.adapters.programs import InstalledPrograms

from .hostile_programs import plan_for
from .leak_check import children


async def serve(base_dir: str, commands: list[list[str]]) -> None:
    runner = SubprocessRunner(find_basic_chain(InstalledPrograms()), base_dir=base_dir)
    spoken: set[int] = set()

    async def run(number: int, argv: list[str]) -> None:
        def hear(_: bytes) -> None:
            if number not in spoken:
                spoken.add(number)
                if len(spoken) == len(commands):
                    print(json.dumps(children()), flush=True)

        await runner.run(plan_for(*argv), hear)

    await asyncio.gather(*(run(number, argv) for number, argv in enumerate(commands)))


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], json.loads(sys.argv[2])))
