"""A process that writes to a record, and says on standard output what it has settled.

Calls: FOLDER NAME TASKS [COUNT]. Each line is an execution; without COUNT it goes on until it is killed.
"""

import asyncio
import itertools
import os
import sys
from pathlib import Path

from tests.contract.recordings import life, opened


async def write(folder: Path, name: str, tasks: int, count: int | None) -> None:
    async with opened(folder, max_bytes=256 * 1024 * 1024) as record:

        async def one(task: int) -> None:
            for number in itertools.count() if count is None else range(count):
                execution_id = f"{name}-{task}-{number}"
                for happened in life(execution_id, stdout="o" * (number % 7 * 3000)):
                    record.append(happened)
                await record.settle()
                # One write is one line, whatever happens to us next.
                os.write(1, f"{execution_id}\n".encode())

        await asyncio.gather(*(one(task) for task in range(tasks)))


if __name__ == "__main__":
    asyncio.run(
        write(
            Path(sys.argv[1]),
            sys.argv[2],
            int(sys.argv[3]),
            int(sys.argv[4]) if len(sys.argv) > 4 else None,
        )
    )
