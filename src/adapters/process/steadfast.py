"""Waits of a clean-up that a cancellation may shorten but not break off."""

import asyncio
from typing import Any


class Steadfast:
    """Remembers a cancellation of the current task, to be raised once the clean-up is done.

    All in the task itself: a helper task would be cancelled along with it when a loop shuts down.
    """

    def __init__(self) -> None:
        self._cancellation: asyncio.CancelledError | None = None

    @property
    def cancelled(self) -> bool:
        """Whether the task was cancelled in one of the waits."""
        return self._cancellation is not None

    async def until(self, future: asyncio.Future[Any], timeout_s: float) -> None:
        """Wait until the future is done, the time is over, or the task is cancelled."""
        try:
            await asyncio.wait((future,), timeout=max(timeout_s, 0))
        except asyncio.CancelledError as cancellation:
            self._cancellation = self._cancellation or cancellation

    async def pause(self, seconds: float) -> None:
        """Let others run."""
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError as cancellation:
            self._cancellation = self._cancellation or cancellation

    def raise_cancellation(self) -> None:
        """Raise what was held back, if anything was."""
        if self._cancellation is not None:
            raise self._cancellation
