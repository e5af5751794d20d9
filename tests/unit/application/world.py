"""A RunTool over fakes, with one tool and a clock that tests move."""

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from netsonde.adapters.event_log import RecentEvents
from netsonde.adapters.memory import FakeRunner, Hangs
from netsonde.application.catalog import Catalog, Entry
from netsonde.application.ports import Ended, HowEnded
from netsonde.application.rates import Rates
from netsonde.application.run_tool import RunTool
from netsonde.domain import breaker, bucket
from netsonde.domain.execution import Execution, fold
from netsonde.domain.plan import Plan
from netsonde.domain.privileges import Privileges
from netsonde.domain.terms import Resolved, Terms, Unresolved
from netsonde.domain.tools import PingTool

T = TypeVar("T")
DONE = Ended(how=HowEnded.EXITED, returncode=0)
CRASHED = Ended(how=HowEnded.EXITED, returncode=-11)
TWO_FAILURES = breaker.Settings(failure_threshold=2, recovery_s=60)
SAID_NO = Ended(how=HowEnded.EXITED, returncode=1)


class MovedClock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic_s(self) -> float:
        return self.now_s

    def wall_s(self) -> float:
        return 1_700_000_000.0 + self.now_s


class NoNames:
    """A resolver that knows no name, and counts who asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def resolve(self, name: str) -> Resolved | Unresolved:
        self.asked.append(name)
        await asyncio.sleep(0)
        return Unresolved("no such name")


class World:
    """Everything around one RunTool. `script` says what a plan comes to."""

    def __init__(
        self,
        script: Callable[[Plan], Ended | Hangs] = lambda plan: DONE,
        *,
        concurrency: int = 2,
        queue: int = 1,
        enabled: bool = True,
        path: str | None = "/usr/bin/ping",
        settings: breaker.Settings = TWO_FAILURES,
        rate: bucket.Rate | None = None,
    ) -> None:
        tool = PingTool()
        self.entry = Entry(
            tool=tool,
            terms=Terms(program=path or "ping", profiles=tool.profiles),
            path=path,
            enabled=enabled,
            concurrency=concurrency,
            queue=queue,
            breaker=settings,
        )
        self.runner = FakeRunner(script)
        self.clock = MovedClock()
        self.resolver = NoNames()
        self.log = RecentEvents()
        self.run_tool = RunTool(
            catalog=Catalog((self.entry,)),
            runner=self.runner,
            resolver=self.resolver,
            clock=self.clock,
            log=self.log,
            new_id=map("e{}".format, itertools.count(1)).__next__,
            privileges=Privileges(raw_sockets=True),
            rates=Rates(rate, self.clock),
        )

    def execution(self, number: int) -> Execution:
        """The nth execution, folded from its recorded events."""
        return fold(self.log.events(f"e{number}"))

    async def running(self, count: int) -> None:
        """Wait until that many programs run."""
        async with asyncio.timeout(5):
            while self.runner.running != count:  # noqa: ASYNC110  # the fake yields once a step
                await asyncio.sleep(0)


def run(test: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, within 10 s."""

    async def bounded() -> T:
        async with asyncio.timeout(10):
            return await test

    return asyncio.run(bounded())
