"""The only place where a program is started, and the order in which its run comes to an end."""

import asyncio
import os
import signal
import stat
from collections.abc import Callable

from ...application.ports import Capture, Ended, HowEnded
from ...domain.layer import Layer
from ...domain.plan import Plan
from .launch_chain import LaunchChain
from .process_tree import ProcessTree
from .program_digests import ProgramDigests
from .report_descriptor import reserve_report_descriptor
from .running_program import RunningProgram
from .steadfast import Steadfast

GRACE_S = 1.0
FORCE_S = 0.8  # with the grace, less than the 2 s in which nothing may be left


class SubprocessRunner:
    """Runs plans as child processes of this one; meets the `ProcessRunner` port.

    Make one at start, in the main thread, and use it from one event loop in that thread.
    `base_dir` is where each run's own empty directory is made; None for the system's place.
    """

    def __init__(
        self, chain: LaunchChain, *, grace_s: float = GRACE_S, base_dir: str | None = None
    ) -> None:
        self._chain = chain
        self._grace_s = grace_s
        self._base_dir = base_dir
        self._tree = ProcessTree()
        self._digests = ProgramDigests()
        self._no_report = reserve_report_descriptor()

    def layers(self) -> tuple[Layer, ...]:
        """What of the containment is in force on this host."""
        return (*self._chain.layers(), self._tree.layer())

    async def run(self, plan: Plan, on_stdout: Callable[[bytes], None] | None = None) -> Ended:
        """See the port. An exception raised by `on_stdout` ends the program and is raised here."""
        if obstacle := self._obstacle(plan):
            return _not_started(obstacle)
        if altered := self._altered(plan):
            return Ended(how=HowEnded.ALTERED, returncode=None, reason=altered)
        try:
            program = RunningProgram(
                plan,
                self._chain,
                on_stdout=on_stdout,
                base_dir=self._base_dir,
                tree=self._tree,
            )
        except (OSError, ValueError, MemoryError) as error:
            return _not_started(_sentence(error))
        with program:
            ended = await self._see_to_its_end(program, plan)
        failure = None
        if ended.returncode and ended.how is HowEnded.EXITED and not ended.stdout.total_bytes:
            failure = self._chain.failure(ended.returncode, ended.stderr.data)
        return _not_started(failure) if failure else ended

    async def _see_to_its_end(self, program: RunningProgram, plan: Plan) -> Ended:
        loop = asyncio.get_running_loop()
        waiting = Steadfast()
        await waiting.until(program.ended, plan.limits.timeout_s)
        how = HowEnded.EXITED if program.ended.done() else HowEnded.TIMED_OUT
        if not program.ended.done():
            program.ask_to_end()
            await waiting.until(program.ended, self._grace_s)  # a cancellation cuts the grace short
        # Before the leader is reaped: until then its group's number can't be anybody else's.
        program.signal_group(signal.SIGKILL)
        deadline_s = loop.time() + FORCE_S
        while not program.ended.done() and loop.time() < deadline_s:
            await waiting.until(program.ended, deadline_s - loop.time())
        program.reap()
        await self._tree.sweep(waiting, deadline_s)
        program.drain()
        program.settle()
        waiting.raise_cancellation()
        if program.complaint is not None:
            raise program.complaint
        if program.violation is not None:
            how = HowEnded.VIOLATED
        return Ended(
            how=how,
            returncode=program.returncode,
            stdout=program.stdout.capture,
            stderr=program.stderr.capture,
            report=program.report.capture if program.report else Capture(),
            reason=program.violation or "",
        )

    def _altered(self, plan: Plan) -> str | None:
        pinned = plan.program_sha256
        return self._digests.objection(plan.argv[0], pinned) if pinned else None

    def _obstacle(self, plan: Plan) -> str | None:
        """What can be known before the spawn, and said better than by a link of the chain."""
        path = plan.argv[0] if plan.argv else ""
        if not os.path.isabs(path):
            return f"{path or 'the program'} is not an absolute path"
        try:
            mode = os.stat(path).st_mode
        except (OSError, ValueError) as error:
            return _sentence(error)
        if not stat.S_ISREG(mode) or not os.access(path, os.X_OK):
            return f"{path} is not an executable file"
        return self._no_report if plan.reads_report else None


def _not_started(reason: str) -> Ended:
    return Ended(how=HowEnded.NOT_STARTED, returncode=None, reason=reason)


def _sentence(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__
