"""How long one input may take: time of the processor, so that a busy machine makes no difference."""

import time
from collections.abc import Callable

MOST_S = 1.0
"""Of the processor, for one input, instrumented or not."""

MOST_MIB = 256
"""More memory than the process had before the first input."""

HANGS_S = 30
"""By the clock on the wall: what is ended from outside."""


class TooSlow(Exception):
    """An input took longer than MOST_S."""


def run(target: Callable[[bytes], None], data: bytes) -> None:
    """Give `data` to `target`; raises TooSlow, and whatever broken promise `target` raises."""
    start_s = time.process_time()
    target(data)
    took_s = time.process_time() - start_s
    if took_s > MOST_S:
        raise TooSlow(f"{took_s:.2f} s for {len(data)} bytes")
