"""Ports kept in memory: for tests, for authors of plug-ins, for dry runs. Nothing here is a mock."""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

import msgspec

from ..application.ports import Capture, Ended, HowEnded, Usage
from ..domain.plan import Limits, Plan
from ..domain.terms import Resolved, Unresolved


class Hangs(msgspec.Struct, frozen=True, kw_only=True):
    """A program that writes something and goes on until it is ended, or until `until` is set."""

    stdout: bytes = b""
    until: asyncio.Event | None = None
    then: Ended = Ended(how=HowEnded.EXITED, returncode=0)


class FakeRunner:
    """Runs nothing: a script says what each plan would have come to. Meets `ProcessRunner`.

    `plans` are those that were run, `running` is how many are at it now, `cancelled` how many were.
    `digests` are the SHA-256 of its programs, for plans that pin one.
    """

    def __init__(
        self,
        script: Callable[[Plan], Ended | Hangs],
        *,
        digests: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._script = script
        self._digests = digests
        self.plans: list[Plan] = []
        self.running = 0
        self.cancelled = 0

    async def run(self, plan: Plan, on_stdout: Callable[[bytes], None] | None = None) -> Ended:
        """Keeps to the plan's byte and time limits, as the real one does."""
        if plan.program_sha256 not in ("", self._digests.get(plan.argv[0])):
            await asyncio.sleep(0)
            return Ended(how=HowEnded.ALTERED, returncode=None, reason="not the pinned program")
        self.plans.append(plan)
        self.running += 1
        try:
            await asyncio.sleep(0)
            scripted = self._script(plan)
            if isinstance(scripted, Ended):
                return _within(plan.limits, scripted, on_stdout)
            return await _hang(scripted, plan.limits, on_stdout)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1


async def _hang(script: Hangs, limits: Limits, on_stdout: Callable[[bytes], None] | None) -> Ended:
    said = Capture(data=script.stdout, total_bytes=len(script.stdout))
    begun = _within(limits, Ended(how=HowEnded.TIMED_OUT, returncode=-15, stdout=said), on_stdout)
    try:
        async with asyncio.timeout(limits.timeout_s):
            await (script.until or asyncio.Event()).wait()
    except TimeoutError:
        return begun
    rest = _within(limits, script.then, None).stdout
    room = max(limits.max_stdout_bytes - len(begun.stdout.data), 0)
    if on_stdout and rest.data[:room]:
        on_stdout(rest.data[:room])
    both = Capture(
        data=begun.stdout.data + rest.data[:room],
        total_bytes=begun.stdout.total_bytes + rest.total_bytes,
    )
    return msgspec.structs.replace(_within(limits, script.then, None), stdout=both)


def _within(limits: Limits, ended: Ended, on_stdout: Callable[[bytes], None] | None) -> Ended:
    stdout = _cut(ended.stdout, limits.max_stdout_bytes)
    if on_stdout and stdout.data:
        on_stdout(stdout.data)
    return msgspec.structs.replace(
        ended,
        stdout=stdout,
        stderr=_cut(ended.stderr, limits.max_stderr_bytes),
        report=_cut(ended.report, limits.max_report_bytes),
    )


def _cut(capture: Capture, limit_bytes: int) -> Capture:
    total_bytes = max(capture.total_bytes, len(capture.data))
    return Capture(data=capture.data[:limit_bytes], total_bytes=total_bytes)


class FakeClock:
    """Stands still until it is moved. Meets `Clock`."""

    def __init__(self, *, wall_s: float = 1_700_000_000.0) -> None:
        self._monotonic_s = 0.0
        self._wall_s = wall_s

    def monotonic_s(self) -> float:
        """The seconds it was moved."""
        return self._monotonic_s

    def wall_s(self) -> float:
        """Unix time as it was set, and moved since."""
        return self._wall_s

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._monotonic_s += max(0.0, seconds)
        self._wall_s += max(0.0, seconds)

    def leap(self, seconds: float) -> None:
        """Set the wall clock ahead or, below 0, back; no time passes."""
        self._wall_s += seconds


class FakeResolver:
    """Knows the names that it was given. Meets `Resolver`.

    `asked` are the names that were looked up.
    """

    def __init__(self, names: Mapping[str, Resolved | Unresolved] | None = None) -> None:
        self._names = dict(names or {})
        self.asked: list[str] = []

    async def resolve(self, name: str) -> Resolved | Unresolved:
        """See the port."""
        self.asked.append(name)
        await asyncio.sleep(0)
        return self._names.get(name, Unresolved("the name does not exist"))


class KeptSwitches:
    """Remembers as long as it lives. Meets `Switches`."""

    def __init__(self, disabled: frozenset[str] = frozenset()) -> None:
        self._disabled = disabled

    def disabled(self) -> frozenset[str]:
        """See the port."""
        return self._disabled

    def remember(self, disabled: frozenset[str]) -> None:
        """See the port."""
        self._disabled = disabled


_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}\Z")


class KeptSpan:
    """A span that was opened. `parent` is its span here, `trace` the trace id that a caller named.

    `ended` is None while it is open, else "done", "cancelled" or "failed".
    """

    def __init__(self, name: str, parent: "KeptSpan | None", trace: str) -> None:
        self.name = name
        self.parent = parent
        self.trace = trace
        self.attributes: dict[str, str | int | float | bool] = {}
        self.ended: str | None = None

    def set(self, **attributes: str | int | float | bool) -> None:
        """See the port `Span`."""
        self.attributes |= attributes


class KeptSpans:
    """Keeps every span, in the order they were opened, in `spans`. Meets `Tracer`."""

    def __init__(self) -> None:
        self.spans: list[KeptSpan] = []
        self._current: ContextVar[KeptSpan | None] = ContextVar("span", default=None)

    @contextmanager
    def request(
        self, name: str, carrier: Mapping[str, str], **attributes: str | int | float | bool
    ) -> Iterator[KeptSpan]:
        """See the port."""
        named = _TRACEPARENT.match(str(carrier.get("traceparent", "")))
        with self._open(KeptSpan(name, None, named[1] if named else ""), attributes) as span:
            yield span

    @contextmanager
    def span(self, name: str, **attributes: str | int | float | bool) -> Iterator[KeptSpan]:
        """See the port."""
        parent = self._current.get()
        with self._open(KeptSpan(name, parent, parent.trace if parent else ""), attributes) as span:
            yield span

    @contextmanager
    def _open(
        self, span: KeptSpan, attributes: Mapping[str, str | int | float | bool]
    ) -> Iterator[KeptSpan]:
        span.set(**attributes)
        self.spans.append(span)
        token = self._current.set(span)
        span_ended = "done"
        try:
            yield span
        except asyncio.CancelledError:
            span_ended = "cancelled"
            raise
        except BaseException:
            span_ended = "failed"
            raise
        finally:
            span.ended = span_ended
            self._current.reset(token)


class FakeMachine:
    """As busy as it is told to be. Meets `Machine`; `now` is what it says next."""

    def __init__(self, now: Usage | None = None) -> None:
        self.now = now or Usage(
            cpu_percent=10.0,
            memory_percent=20.0,
            disk_percent=30.0,
            descriptors=40,
            max_descriptors=1024,
        )

    def usage(self) -> Usage:
        """See the port."""
        return self.now
