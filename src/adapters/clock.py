"""The system's clock, and the ids made from it."""

import os
import time


class SystemClock:
    """Meets the port `Clock`."""

    def monotonic_s(self) -> float:
        """Seconds since some moment before the start; suspended time may not count (time(7))."""
        return time.monotonic()

    def wall_s(self) -> float:
        """Unix time."""
        return time.time()


def new_execution_id() -> str:
    """32 hexadecimal digits: 48 bits of milliseconds, 80 random ones, so that ids sort by time."""
    return f"{time.time_ns() // 1_000_000:012x}{os.urandom(10).hex()}"
