"""Running one plan: the process, its progress, its report, and what the breaker learns from it."""

import asyncio
from collections.abc import Callable

from ..domain import breaker as circuit
from ..domain.execution import Happening, Progressed, Started, ToolOutput
from ..domain.plan import Plan
from . import answers
from .catalog import Entry
from .ports import Capture, Clock, Ended, HowEnded, ProcessRunner, Tracer
from .progress import Progress, Ticker
from .stage import Turn

_SHORTEST_TELLING_S = 1.0


class PlanRunner:
    """Runs plans, and makes answers of what their programs said."""

    def __init__(self, runner: ProcessRunner, clock: Clock, tracer: Tracer) -> None:
        self._runner = runner
        self._clock = clock
        self._tracer = tracer

    async def run(
        self,
        execution_id: str,
        entry: Entry,
        plan: Plan,
        turn: Turn,
        *,
        record: Callable[[Happening], None],
        on_progress: Callable[[Progress], None],
    ) -> ToolOutput:
        """Run to the end, which a cancellation of the waiting task is too."""
        record(Started())
        started_s, since_s = self._clock.wall_s(), self._clock.monotonic_s()

        def tell(progress: Progress) -> None:
            if progress.said:
                record(Progressed(progress.percent))
            on_progress(progress)

        with (
            self._tracer.span("process", program=entry.tool.command_name) as span,
            Ticker(entry.tool, plan, self._clock, tell) as ticker,
        ):
            ended = await self._ended(plan, ticker)
            span.set(how=ended.how.value, stdout_bytes=ended.stdout.total_bytes)
        duration_s = self._clock.monotonic_s() - since_s
        turn.signal = _signal(ended, plan)
        if ended.how is not HowEnded.CANCELLED:
            turn.took_s = duration_s
        with self._tracer.span("parse"):
            return answers.report(
                execution_id=execution_id,
                entry=entry,
                plan=plan,
                ended=ended,
                started_s=started_s,
                duration_s=duration_s,
            )

    async def _ended(self, plan: Plan, ticker: Ticker) -> Ended:
        """A cancellation ends here, as an end like any other: what was said is kept."""
        said = bytearray()

        def hear(piece: bytes) -> None:
            said.extend(piece)
            ticker.feed(piece)

        try:
            return await self._runner.run(plan, hear)
        except asyncio.CancelledError:
            stdout = Capture(data=bytes(said), total_bytes=len(said))
            return Ended(how=HowEnded.CANCELLED, returncode=None, stdout=stdout)


def _signal(ended: Ended, plan: Plan) -> circuit.Signal:
    """Only failures of the tool count: an exit status above 0 is an answer about the target.

    A time limit of less than a second, which only a caller sets, tells nothing about the tool.
    """
    match ended.how:
        case HowEnded.CANCELLED | HowEnded.ALTERED | HowEnded.VIOLATED:
            return circuit.Signal.ABANDONED
        case HowEnded.TIMED_OUT if plan.limits.timeout_s < _SHORTEST_TELLING_S:
            return circuit.Signal.ABANDONED
        case HowEnded.EXITED if (ended.returncode or 0) >= 0:
            return circuit.Signal.SUCCESS
    return circuit.Signal.FAILURE
