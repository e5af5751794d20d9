"""The use-case: plan a request, admit it, run it, record it. Planning alone is the same path, cut short."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ..domain import breaker as circuit
from ..domain import bucket
from ..domain.errors import ToolError
from ..domain.execution import (
    Event,
    Finished,
    Happening,
    Planned,
    Progressed,
    Requested,
    Started,
    ToolOutput,
)
from ..domain.plan import Plan
from ..domain.planning import Allowed, Verdict, judge, name_to_resolve
from ..domain.privileges import Privileges
from ..domain.refusal import Refused
from ..domain.request import read
from . import answers, refusals
from .catalog import Catalog, Entry
from .places import Full, Places
from .ports import Clock, Ended, EventLog, HowEnded, ProcessRunner, Resolver
from .progress import Progress, Ticker

OnProgress = Callable[[Progress], None]
_MOST_ECHOED = 4096
_SHORTEST_TELLING_S = 1.0
_LEFT = "the caller went away or asked for it"


class Stage(msgspec.Struct):
    """What changes about one tool while the server runs: its breaker, its places, its usual length."""

    places: Places
    breaker: circuit.Breaker = circuit.Breaker()
    typical_s: float = 5.0


class _Call(msgspec.Struct, frozen=True, kw_only=True):
    """Who asked what, as far as it could be read."""

    execution_id: str
    entry: Entry | ToolError
    tool: str
    target: str
    caller: str
    asked_s: float

    def refusal(self, error: ToolError, plan: Plan | None = None) -> ToolOutput:
        """The answer when nothing was started."""
        return answers.refusal(
            execution_id=self.execution_id,
            tool=self.tool,
            target=self.target,
            at_s=self.asked_s,
            error=error,
            plan=plan,
        )


class RunTool:
    """Runs tools for callers. One instance serves one event loop."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        runner: ProcessRunner,
        resolver: Resolver,
        clock: Clock,
        log: EventLog,
        new_id: Callable[[], str],
        privileges: Privileges,
        rate: bucket.Rate | None = None,
    ) -> None:
        self.catalog = catalog
        self._runner = runner
        self._resolver = resolver
        self._clock = clock
        self._log = log
        self._new_id = new_id
        self._privileges = privileges
        self._rate = rate
        self._buckets: dict[tuple[str, str], bucket.Bucket] = {}
        self._stages = {
            entry.name: Stage(Places(entry.concurrency, entry.queue)) for entry in catalog.entries()
        }
        self._running: dict[str, asyncio.Task[ToolOutput]] = {}

    async def plan(self, tool: str, members: Mapping[str, Any]) -> answers.PlanAnswer:
        """Judge a request and run nothing."""
        entry = self._entry(tool)
        if isinstance(entry, ToolError):
            return answers.PlanAnswer(verdict="refused", error=entry)
        return answers.answer_plan(await self.judge(entry, members))

    async def judge(self, entry: Entry, members: Mapping[str, Any]) -> Verdict:
        """Judge a request: parse it, look its name up if that may be, apply the policy."""
        request = read(members)
        if isinstance(request, Refused):
            return request
        name = name_to_resolve(entry.tool, request, entry.terms)
        looked_up = await self._resolver.resolve(name) if name is not None else None
        return judge(entry.tool, request, entry.terms, self._privileges, looked_up)

    async def execute(
        self,
        tool: str,
        members: Mapping[str, Any],
        *,
        caller: str = "local",
        on_progress: OnProgress | None = None,
    ) -> ToolOutput:
        """Run a request to its end; every outcome but cancellation of the waiting task is an answer.

        The execution has a task of its own, so that a driver which cancels a call in its own way
        (anyio cancels again at every await) can't cut the clean-up short. It ends within 2 s.
        """
        call = self._open(tool, members, caller)
        work = asyncio.ensure_future(self._execute(call, members, on_progress or _ignore))
        self._running[call.execution_id] = work
        work.add_done_callback(lambda _: self._close(call, work))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            work.cancel()
            raise

    def cancel(self, execution_id: str) -> bool:
        """Cancel a running execution; False if there is none of that id."""
        work = self._running.get(execution_id)
        return work is not None and work.cancel()

    async def drain(self) -> None:
        """Cancel what runs and wait until nothing of it is left."""
        while self._running:
            works = tuple(self._running.values())
            for work in works:
                work.cancel()
            await asyncio.wait(works)

    def breaker_state(self, entry: Entry) -> circuit.State:
        """The state of a tool's circuit breaker."""
        return self._stages[entry.name].breaker.state

    def _open(self, tool: str, members: Mapping[str, Any], caller: str) -> _Call:
        entry = self._entry(tool)
        target, extra_args = (
            text[:_MOST_ECHOED] if isinstance(text, str) else ""
            for text in (members.get("target"), members.get("extra_args"))
        )
        call = _Call(
            execution_id=self._new_id(),
            entry=entry,
            tool=tool if isinstance(entry, ToolError) else entry.name,
            target=target,
            caller=caller,
            asked_s=self._clock.wall_s(),
        )
        self._record(
            call.execution_id,
            Requested(tool=call.tool, target=target, extra_args=extra_args, caller=caller),
        )
        return call

    def _close(self, call: _Call, work: asyncio.Task[ToolOutput]) -> None:
        del self._running[call.execution_id]
        if work.cancelled():  # before its first step, so it could not say so itself
            self._record(call.execution_id, Finished(call.refusal(answers.cancelled(_LEFT))))

    async def _execute(
        self, call: _Call, members: Mapping[str, Any], on_progress: OnProgress
    ) -> ToolOutput:
        plan: Plan | None = None
        try:
            if isinstance(call.entry, ToolError):
                outcome: ToolOutput | ToolError = call.entry
            else:
                verdict = await self.judge(call.entry, members)
                if isinstance(verdict, Allowed):
                    plan = verdict.plan
                    self._record(call.execution_id, Planned(plan))
                    outcome = await self._admit(call, call.entry, plan, on_progress)
                else:
                    outcome = verdict.error()
        except asyncio.CancelledError:
            outcome = answers.cancelled(_LEFT)
        except Exception:  # a bug, ours or a plug-in's: the driver says so, the record must end too
            self._record(call.execution_id, Finished(call.refusal(refusals.BROKEN, plan)))
            raise
        if isinstance(outcome, ToolError):
            outcome = call.refusal(outcome, plan)
        self._record(call.execution_id, Finished(outcome))
        return outcome

    async def _admit(
        self, call: _Call, entry: Entry, plan: Plan, on_progress: OnProgress
    ) -> ToolOutput | ToolError:
        """Rate, breaker, place, breaker again after the wait; then run."""
        stage = self._stages[entry.name]
        if (
            error := refusals.unavailable(entry) or self._over_rate(entry, call.caller)
        ) is not None:
            return error
        rejected = circuit.rejects(stage.breaker, entry.breaker, self._clock.monotonic_s())
        if rejected is not None:
            return refusals.breaker_open(entry, rejected)
        try:
            async with stage.places.take(stage.typical_s):
                admitted = circuit.admit(stage.breaker, entry.breaker, self._clock.monotonic_s())
                if isinstance(admitted, circuit.Rejected):
                    return refusals.breaker_open(entry, admitted)
                stage.breaker = admitted.breaker
                signal = circuit.Signal.ABANDONED
                try:
                    output, signal = await self._run(
                        call.execution_id, entry, plan, stage, on_progress
                    )
                    return output
                finally:
                    stage.breaker = circuit.report(
                        stage.breaker,
                        entry.breaker,
                        signal,
                        admitted.era,
                        self._clock.monotonic_s(),
                    )
        except Full as full:
            return refusals.busy(entry, full)

    async def _run(
        self,
        execution_id: str,
        entry: Entry,
        plan: Plan,
        stage: Stage,
        on_progress: OnProgress,
    ) -> tuple[ToolOutput, circuit.Signal]:
        self._record(execution_id, Started())
        started_s, since_s = self._clock.wall_s(), self._clock.monotonic_s()

        def tell(progress: Progress) -> None:
            if progress.said:
                self._record(execution_id, Progressed(progress.percent))
            on_progress(progress)

        with Ticker(entry.tool, plan, self._clock, tell) as ticker:
            ended = await self._runner.run(plan, ticker.feed)
        duration_s = self._clock.monotonic_s() - since_s
        stage.typical_s += 0.3 * (duration_s - stage.typical_s)
        output = answers.report(
            execution_id=execution_id,
            entry=entry,
            plan=plan,
            ended=ended,
            started_s=started_s,
            duration_s=duration_s,
        )
        return output, _signal(ended, plan)

    def _entry(self, name: str) -> Entry | ToolError:
        entry = self.catalog.find(name)
        if entry is None:
            return refusals.unknown_tool(name, self.catalog)
        if not entry.enabled:
            return refusals.switched_off(entry)
        return entry

    def _over_rate(self, entry: Entry, caller: str) -> ToolError | None:
        if self._rate is None:
            return None
        now_s, key = self._clock.monotonic_s(), (caller, entry.name)
        taken = bucket.take(
            self._buckets.get(key) or bucket.full(self._rate, now_s), self._rate, now_s
        )
        self._buckets[key] = taken.bucket
        if isinstance(taken, bucket.Taken):
            return None
        return refusals.over_rate(entry, self._rate, taken)

    def _record(self, execution_id: str, what: Happening) -> None:
        self._log.append(Event(execution_id=execution_id, at_s=self._clock.wall_s(), what=what))


def _signal(ended: Ended, plan: Plan) -> circuit.Signal:
    """Only failures of the tool count: an exit status above 0 is an answer about the target.

    A time limit of less than a second, which only a caller sets, tells nothing about the tool.
    """
    if ended.how is HowEnded.TIMED_OUT and plan.limits.timeout_s < _SHORTEST_TELLING_S:
        return circuit.Signal.ABANDONED
    crashed = ended.how is HowEnded.EXITED and (ended.returncode or 0) < 0
    return (
        circuit.Signal.FAILURE
        if crashed or ended.how is not HowEnded.EXITED
        else circuit.Signal.SUCCESS
    )


def _ignore(progress: Progress) -> None:
    """Nobody listens."""
