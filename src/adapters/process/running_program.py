"""One started program: its leader, its pipes and its private directory."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, nullcontext, suppress
from typing import Self

from ...domain.environment import ENVIRONMENT
from ...domain.plan import REPORT_FD, Plan
from .go_ahead import GoAhead
from .launch_chain import LaunchChain
from .launch_thread import LaunchThread
from .pipe_reader import PipeReader
from .process_tree import ProcessTree, children_of
from .report_descriptor import lent_to


class RunningProgram:
    """Leaving the context frees everything at once, by force if the program is still there."""

    def __init__(
        self,
        plan: Plan,
        chain: LaunchChain,
        *,
        on_stdout: Callable[[bytes], None] | None,
        base_dir: str | None,
        tree: ProcessTree,
    ) -> None:
        """Start it; raises OSError or ValueError, and then nothing is left of the attempt.

        Blocks for about the time of one execve(2). Not to be called from a thread that ends before
        the program: PR_SET_PDEATHSIG fires at the end of the parent thread.
        """
        self.complaint: Exception | None = None
        self.returncode: int | None = None
        self.violation: str | None = None
        self._on_stdout = on_stdout
        self._tree = tree
        self._reaped = False
        loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = loop.create_future()
        limits = plan.limits
        with ExitStack() as stack:
            directory = tempfile.mkdtemp(prefix="netsonde-", dir=base_dir)
            stack.callback(_remove, directory)
            piece = self._hand_on if on_stdout else None
            self.stdout = stack.enter_context(PipeReader(limits.max_stdout_bytes, piece))
            self.stderr = stack.enter_context(PipeReader(limits.max_stderr_bytes))
            self.report = PipeReader(limits.max_report_bytes) if plan.reads_report else None
            pipes = [self.stdout, self.stderr]
            if self.report:
                pipes.append(stack.enter_context(self.report))
            # What the chain holds is given back once the tree below is seen to be gone.
            self._launch = stack.enter_context(
                chain.prepared(plan, directory, self._note_violation)
            )
            go_ahead = stack.enter_context(GoAhead())
            with lent_to(self.report.write_end) if self.report else nullcontext():
                self._leader = self._started(stack, directory, go_ahead.stdin)
            tree.leaders.add(self._leader.pid)
            stack.callback(self._end_at_once)
            go_ahead.answer(loop)
            pidfd = os.pidfd_open(self._leader.pid)
            stack.callback(_forget, loop, pidfd)
            loop.add_reader(pidfd, self._note_end, loop, pidfd)
            for pipe in pipes:
                pipe.close_write_end()
                pipe.start(loop)
            self._pipes = pipes
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def signal_group(self, number: signal.Signals) -> None:
        """Reaches all that stayed in the group. The group's number is ours until we reap."""
        if not self._reaped:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._leader.pid, number)

    def ask_to_end(self) -> None:
        """SIGTERM for the program alone: a monitor that died of it would take the program along."""
        if not self._launch.monitored:
            self.signal_group(signal.SIGTERM)
            return
        if not self._reaped:
            # No await between looking and signalling: the monitor is about to reap its child at the
            # most, and that number would have to be a new session's by then.
            for pid in children_of(self._leader.pid):
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGTERM)

    def reap(self) -> None:
        """Take the leader's status; without one (still dying, or taken by others) it is None."""
        if self._reaped:
            return
        with suppress(ChildProcessError):
            pid, status = os.waitpid(self._leader.pid, os.WNOHANG)
            if pid:
                self.returncode = self._launch.exit_status(os.waitstatus_to_exitcode(status))
        self._reaped = True
        # From here on, should it still be dying, it is an orphan to be swept like any other.
        self._tree.leaders.discard(self._leader.pid)
        # Else Popen would warn, and wait for a process number that may be another's by then.
        self._leader.returncode = -signal.SIGKILL if self.returncode is None else self.returncode

    def settle(self) -> None:
        """Hear what it did that was not told yet; to be called when nothing of it is left."""
        self._launch.settle()

    def drain(self) -> None:
        """Read what the pipes still hold; not until end of file, which a survivor could keep away."""
        for pipe in self._pipes:
            pipe.drain()

    def _started(self, stack: ExitStack, directory: str, stdin: int) -> subprocess.Popen[bytes]:
        launch, report = self._launch, (REPORT_FD,) if self.report else ()

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(  # noqa: S603 - no shell; a judged plan
                launch.argv,
                cwd=directory,
                env=ENVIRONMENT,
                stdin=stdin,
                stdout=self.stdout.write_end,
                stderr=self.stderr.write_end,
                pass_fds=(*report, *launch.descriptors),
                start_new_session=True,
            )

        if launch.confine is None:
            return start()
        thread = LaunchThread(launch.confine, start)
        stack.callback(thread.end)
        return thread.result

    def _note_end(self, loop: asyncio.AbstractEventLoop, pidfd: int) -> None:
        loop.remove_reader(pidfd)  # a pidfd stays readable
        if not self.ended.done():
            self.ended.set_result(None)

    def _note_violation(self, destination: str) -> None:
        """It was held back already; whoever tries is not to try on."""
        if self.violation is None:
            self.violation = destination
            self.signal_group(signal.SIGKILL)

    def _hand_on(self, piece: bytes) -> None:
        if self._on_stdout is None or self.complaint is not None:
            return
        try:
            self._on_stdout(piece)
        except Exception as complaint:  # any: it is raised to the caller of run()
            self.complaint = complaint
            self.signal_group(signal.SIGKILL)

    def _end_at_once(self) -> None:
        """The way out where nothing can be awaited: a failed start, a closed loop."""
        if not self._reaped:
            self.signal_group(signal.SIGKILL)
            with suppress(OSError):
                os.waitid(os.P_PID, self._leader.pid, os.WEXITED | os.WNOWAIT)
            self.reap()
            self._tree.sweep_now()


def _forget(loop: asyncio.AbstractEventLoop, pidfd: int) -> None:
    if not loop.is_closed():
        loop.remove_reader(pidfd)
    os.close(pidfd)


def _remove(directory: str) -> None:
    try:
        os.rmdir(directory)
    except OSError:  # a file size limit of 0 doesn't keep a program from making empty files
        with suppress(RecursionError):
            shutil.rmtree(directory, ignore_errors=True)
