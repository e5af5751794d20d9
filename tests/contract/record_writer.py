"""A process that writes to a record, and says on standard output what it has settled.

Call: FOLDER NAME TASKS COUNT MAX_MIB. Each line is an execution; with COUNT 0 it goes on until it
is killed.
"""

import asyncio
import itertools
import os
import sys
from pathlib import Path

from tests.contract.recordings import life, opened


async def write(folder: Path, name: str, tasks: int, count: int, max_mib: int) -> None:
    async with opened(folder, max_bytes=max_mib * 1024 * 1024) as record:

        async def one(task: int) -> None:
            for number in range(count) if count else itertools.count():
                execution_id = f"{name}-{task}-{number}"
                for happened in life(execution_id, stdout="o" * (number % 7 * 3000)):
                    record.append(happened)
                await record.settle()
                # One write is one line, whatever happens to us next.
                os.write(1, f"{execution_id}\n".encode())

        await asyncio.gather(*(one(task) for task in range(tasks)))


if __name__ == "__main__":
    folder, name, *numbers = sys.argv[1:]
    asyncio.run(write(Path(folder), name, *map(int, numbers)))
