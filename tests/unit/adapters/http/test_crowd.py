"""The one timer that looks after all connections."""

import asyncio
import logging

import pytest

from netsonde.adapters.http.crowd import Crowd
from netsonde.adapters.http.limits import ServingLimits

QUICK = ServingLimits(header_timeout_s=0.02)


class Broken:
    """A connection that can't be examined."""

    peer = ""

    def __init__(self) -> None:
        self.aborted = False

    def examine(self, now_s: float) -> None:
        raise MemoryError

    def abort(self) -> None:
        self.aborted = True


class Sound(Broken):
    """One that can."""

    def __init__(self) -> None:
        super().__init__()
        self.examined = asyncio.Event()

    def examine(self, now_s: float) -> None:
        self.examined.set()


def test_a_connection_that_can_not_be_examined_is_cut_off_and_the_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene() -> None:
        crowd, broken, sound = Crowd(QUICK, logging.getLogger("test")), Broken(), Sound()
        for member in (broken, sound):
            crowd.admit(member)
        watching = asyncio.ensure_future(crowd.watch())
        for _ in range(3):
            sound.examined.clear()
            async with asyncio.timeout(10):
                await sound.examined.wait()
        assert broken.aborted
        watching.cancel()

    asyncio.run(scene())
    assert "http.unexamined" in caplog.messages
