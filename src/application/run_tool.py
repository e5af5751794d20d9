"""The use-case: plan a request, admit it, run it, record it. Planning alone is the same path, cut short."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec

from ..domain import breaker as circuit
from ..domain.access import LOCAL, Caller
from ..domain.audit import Denied
from ..domain.errors import ToolError
from ..domain.execution import Event, Finished, Happening, Planned, Requested, ToolOutput
from ..domain.plan import Plan
from ..domain.planning import Allowed, Verdict
from ..domain.privileges import Privileges
from . import answers, refusals
from .catalog import Catalog, Entry
from .judging import Judge
from .patience import RULE, Patience
from .ports import Clock, EventLog, LogFailed, ProcessRunner, Resolver, Tracer
from .progress import Progress
from .rates import Rates, Standing
from .run_plan import PlanRunner
from .stage import NotAdmitted, Stage
from .untraced import Untraced

OnProgress = Callable[[Progress], None]
_MOST_ECHOED = 4096
_LONGEST_NAME = 128  # of a tool; longer ones exist nowhere, and would be kept in the record


class _Call(msgspec.Struct, frozen=True, kw_only=True):
    """Who asked what, as far as it could be read."""

    execution_id: str
    entry: Entry | ToolError
    tool: str
    target: str
    caller: Caller
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
        rates: Rates | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        self.catalog = catalog
        self._clock = clock
        self._log = log
        self._new_id = new_id
        self._rates = Rates(None, clock) if rates is None else rates
        self._patience = Patience(self._rates)
        self._tracer = tracer if tracer is not None else Untraced()
        self._judge = Judge(resolver, privileges, self._tracer)
        self._plans = PlanRunner(runner, clock, self._tracer)
        self._stages: dict[str, Stage] = {}
        self._running: dict[str, asyncio.Task[ToolOutput]] = {}
        self._askers: dict[str, str] = {}
        self._closed = False
        self.adopt(catalog)

    def adopt(self, catalog: Catalog) -> None:
        """Serve another catalog from now on; what runs or waits goes on under the terms it had."""
        self.catalog = catalog
        for entry in catalog.entries():
            stage = self._stages.get(entry.name)
            if stage is None:
                self._stages[entry.name] = Stage(entry, self._clock, self._tracer)
            else:
                stage.resize(entry)

    async def plan(
        self, tool: str, members: Mapping[str, Any], *, caller: Caller = LOCAL
    ) -> answers.PlanAnswer:
        """Judge a request and run nothing."""
        entry = self._entry(tool)
        if isinstance(entry, ToolError):
            return answers.PlanAnswer(verdict="refused", error=entry)
        return answers.answer_plan(await self.judge(entry, members, caller=caller))

    async def judge(
        self, entry: Entry, members: Mapping[str, Any], *, caller: Caller = LOCAL
    ) -> Verdict:
        """Judge a request: parse it, look its name up if that may be, apply the policy."""
        return await self._judge.judge(entry, members, caller)

    async def execute(
        self,
        tool: str,
        members: Mapping[str, Any],
        *,
        caller: Caller = LOCAL,
        on_progress: OnProgress | None = None,
    ) -> ToolOutput:
        """Run a request to its end; every outcome but cancellation of the waiting task is an answer.

        The execution has a task of its own, so that a driver which cancels a call in its own way
        (anyio cancels again at every await) can't cut the clean-up short. It ends within 2 s.
        Whatever is answered is settled in the event log, or the answer says that it is not. A caller
        with too many refusals there is only counted, as denied (`rate.refused`).
        """
        call = self._read(tool, members, caller)
        if (error := self._patience.take(caller)) is not None:
            self._deny(call)
            return call.refusal(error)
        self._open(call, members)
        work = asyncio.ensure_future(self._execute(call, members, on_progress or _ignore))
        self._running[call.execution_id] = work
        self._askers[call.execution_id] = caller.name
        work.add_done_callback(lambda _: self._close(call, work))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            work.cancel()
            raise

    def cancel(self, execution_id: str, *, caller: Caller = LOCAL) -> bool:
        """Cancel a running execution; False if there is none of that id that the caller may see."""
        work = self._running.get(execution_id)
        return work is not None and caller.may_see(self._askers[execution_id]) and work.cancel()

    async def ended(self, execution_id: str) -> None:
        """Wait for the end of an execution; return at once if it does not run."""
        if (work := self._running.get(execution_id)) is not None:
            await asyncio.wait((work,))

    def close(self) -> None:
        """Admit nothing more; what runs goes on."""
        self._closed = True

    async def idle(self) -> None:
        """Wait until nothing runs or waits for a place."""
        while self._running:
            await asyncio.wait(tuple(self._running.values()))

    async def drain(self) -> None:
        """Cancel what runs and wait until nothing of it is left."""
        while self._running:
            works = tuple(self._running.values())
            for work in works:
                work.cancel()
            await asyncio.wait(works)

    def breaker_state(self, entry: Entry) -> circuit.State:
        """The state of a tool's circuit breaker."""
        return self._stages[entry.name].state

    def breaker_states(self) -> dict[str, circuit.State]:
        """The state of every tool's circuit breaker, by the tool's name."""
        return {entry.name: self.breaker_state(entry) for entry in self.catalog.entries()}

    def standing(self, entry: Entry, caller: Caller) -> Standing | None:
        """How many calls of a tool are left to a caller; None where there is no limit."""
        return self._rates.standing(caller.name, entry.name)

    def _read(self, tool: str, members: Mapping[str, Any], caller: Caller) -> _Call:
        entry = self._entry(tool)
        return _Call(
            execution_id=self._new_id(),
            entry=entry,
            tool=tool[:_LONGEST_NAME] if isinstance(entry, ToolError) else entry.name,
            target=_text(members, "target"),
            caller=caller,
            asked_s=self._clock.wall_s(),
        )

    def _open(self, call: _Call, members: Mapping[str, Any]) -> None:
        self._record(
            call.execution_id,
            Requested(
                tool=call.tool,
                target=call.target,
                extra_args=_text(members, "extra_args"),
                options=_echoed(members.get("options")),
                profile=_text(members, "profile"),
                caller=call.caller.name,
            ),
        )

    def _deny(self, call: _Call) -> None:
        known = self.catalog.find(call.tool) is not None
        tool = call.tool if known else "unknown"
        who = call.caller.name
        what = Denied(caller=who, address="", action=f"execute {tool}", rule=RULE, tool=tool)
        self._record("", what)

    def _close(self, call: _Call, work: asyncio.Task[ToolOutput]) -> None:
        del self._running[call.execution_id], self._askers[call.execution_id]
        if work.cancelled():  # before its first step, so it could not say so itself
            self._record(call.execution_id, Finished(call.refusal(answers.CANCELLED)))

    async def _execute(
        self, call: _Call, members: Mapping[str, Any], on_progress: OnProgress
    ) -> ToolOutput:
        plan: Plan | None = None
        try:
            outcome: ToolOutput | ToolError
            if self._closed:
                outcome = refusals.STOPPING
            elif isinstance(call.entry, ToolError):
                outcome = call.entry
            else:
                verdict = await self.judge(call.entry, members, caller=call.caller)
                if isinstance(verdict, Allowed):
                    plan = verdict.plan
                    self._record(call.execution_id, Planned(plan))
                    outcome = await self._admit(call, call.entry, plan, on_progress)
                else:
                    outcome = verdict.error()
        except LogFailed as failure:
            outcome = refusals.unrecorded(failure)
        except asyncio.CancelledError:
            outcome = answers.CANCELLED
        except Exception:  # a bug, ours or a plug-in's: the driver says so, the record must end too
            self._record(call.execution_id, Finished(call.refusal(refusals.BROKEN, plan)))
            raise
        if isinstance(outcome, ToolError):
            outcome = call.refusal(outcome, plan)
        self._record(call.execution_id, Finished(outcome))
        return await self._settled(outcome)

    async def _settled(self, outcome: ToolOutput) -> ToolOutput:
        """The answer once its record is safe. It is over: a cancellation changes nothing any more."""
        settling = asyncio.ensure_future(self._log.settle())
        while not settling.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait((settling,))
        failure = settling.exception()
        if isinstance(failure, LogFailed):
            return answers.not_recorded(outcome, refusals.unrecorded(failure))
        settling.result()
        return outcome

    async def _admit(
        self, call: _Call, entry: Entry, plan: Plan, on_progress: OnProgress
    ) -> ToolOutput | ToolError:
        """Rate, breaker, place; then run."""
        error = refusals.unavailable(entry) or self._over_rate(entry, call.caller)
        if error is not None:
            return error
        try:
            async with self._stages[entry.name].admitted(entry) as turn:
                self._patience.give_back(call.caller)
                await self._log.settle()  # what was decided is on record before anything is done
                return await self._plans.run(
                    call.execution_id,
                    entry,
                    plan,
                    turn,
                    record=partial(self._record, call.execution_id),
                    on_progress=on_progress,
                )
        except NotAdmitted as not_admitted:
            return not_admitted.error

    def _entry(self, name: str) -> Entry | ToolError:
        entry = self.catalog.find(name)
        if entry is None:
            return refusals.unknown_tool(name, self.catalog)
        if not entry.enabled:
            return refusals.switched_off(entry)
        return entry

    def _over_rate(self, entry: Entry, caller: Caller) -> ToolError | None:
        empty = self._rates.take(caller.name, entry.name)
        rate = self._rates.rate
        return refusals.over_rate(entry, rate, empty) if empty and rate else None

    def _record(self, execution_id: str, what: Happening) -> None:
        self._log.append(Event(execution_id=execution_id, at_s=self._clock.wall_s(), what=what))


def _text(members: Mapping[str, Any], name: str) -> str:
    """A member as far as it is kept; "" for what is no text."""
    text = members.get(name)
    return text[:_MOST_ECHOED] if isinstance(text, str) else ""


def _echoed(options: Any) -> str:
    """Typed options as JSON, as far as they are kept; "" for none, and for what is no JSON."""
    if not options:
        return ""
    try:
        return msgspec.json.encode(options)[:_MOST_ECHOED].decode("utf-8", "replace")
    except (TypeError, ValueError, RecursionError):
        return ""


def _ignore(progress: Progress) -> None:
    """Nobody listens."""
