"""What the event log tells about each tool, counted; plain numbers, no technology."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from ...application.ports import ToolCounts
from ...domain.audit import Denied
from ...domain.errors import VIOLATION, ErrorType
from ...domain.execution import Event, Finished, Planned, Started, Status, ToolOutput
from .series import OTHER_RULE, RULES, UNKNOWN_TOOL


class Ran(msgspec.Struct, frozen=True):
    """A program came to its end after `seconds`."""

    tool: str
    seconds: float


class Tally:
    """Counts since the start. One thread counts; others may read.

    A tool that leaves the catalog keeps its counts, since counters must not fall; names that no
    catalog ever had are counted together as `unknown`.
    """

    def __init__(self, tools: Iterable[str]) -> None:
        self.tools: tuple[str, ...] = ()
        self._known: set[str] = set()
        self._waiting: dict[str, str] = {}
        self._running: dict[str, str] = {}
        self._ended: Counter[tuple[str, Status]] = Counter()
        self._refused: Counter[tuple[str, str]] = Counter()
        self._limited: Counter[str] = Counter()
        self._runs: Counter[str] = Counter()
        self._run_s: dict[str, float] = {}
        self.adopt(tools)

    def adopt(self, tools: Iterable[str]) -> None:
        """The tools of the catalog from now on."""
        self.tools = tuple(tools)
        self._known |= set(self.tools)

    def note(self, event: Event) -> Ran | None:
        """Count an event; tells when it ends the run of a program."""
        match event.what:
            case Planned(plan):
                self._waiting[event.execution_id] = self._label(plan.tool)
            case Started():
                tool = self._waiting.pop(event.execution_id, UNKNOWN_TOOL)
                self._running[event.execution_id] = tool
            case Finished(output):
                return self._end(event.execution_id, output)
            case Denied(tool=tool, count=count) if tool:
                # An execution that is not on record as one, of a caller with too many refusals.
                self._ended[self._label(tool), Status.REFUSED] += count
                self._limited[self._label(tool)] += count
        return None

    def ended(self) -> dict[tuple[str, Status], int]:
        """Executions by tool and final status."""
        return self._ended.copy()

    def refused(self) -> dict[tuple[str, str], int]:
        """Refusals by tool and rule, but those for the rate."""
        return self._refused.copy()

    def limited(self) -> dict[str, int]:
        """Refusals for the rate, by tool."""
        return self._limited.copy()

    def active(self) -> dict[str, int]:
        """Programs that run, by tool."""
        return Counter(tuple(self._running.values()))

    def counts(self) -> dict[str, ToolCounts]:
        """For the tools of the catalog, in its order."""
        active = self.active()
        return {
            tool: ToolCounts(
                executions=sum(n for (name, _), n in self._ended.items() if name == tool),
                successes=self._ended[tool, Status.SUCCESS],
                failures=self._ended[tool, Status.FAILED] + self._ended[tool, Status.TIMEOUT],
                avg_duration=self._run_s.get(tool, 0.0) / (self._runs[tool] or 1),
                active=active.get(tool, 0),
            )
            for tool in self.tools
        }

    def _end(self, execution_id: str, output: ToolOutput) -> Ran | None:
        tool = self._label(output.tool)
        self._waiting.pop(execution_id, None)
        started = self._running.pop(execution_id, None) is not None
        self._ended[tool, output.status] += 1
        if output.status is Status.REFUSED:
            self._refuse(tool, output)
            return None
        if output.error and output.error.metadata.get("rule") == VIOLATION:
            self._refuse(tool, output)
        if not started:
            return None
        self._runs[tool] += 1
        self._run_s[tool] = self._run_s.get(tool, 0.0) + output.duration_sec
        return Ran(tool, output.duration_sec)

    def _refuse(self, tool: str, output: ToolOutput) -> None:
        error = output.error
        error_type = error.error_type if error else ErrorType.UNKNOWN
        if error_type is ErrorType.RATE_LIMITED:
            self._limited[tool] += 1
            return
        rule = error.metadata.get("rule", error_type.value) if error else error_type.value
        known = isinstance(rule, str) and rule in RULES
        self._refused[tool, rule if known else OTHER_RULE] += 1

    def _label(self, tool: str) -> str:
        return tool if tool in self._known else UNKNOWN_TOOL
