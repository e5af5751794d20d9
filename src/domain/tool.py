"""Tool: all that the author of a tool imports."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import msgspec

from .grammar import Grammar, Syntax
from .kinds import Choice, Float, Hex, Int, Risk, Seconds, Text
from .network_kinds import Addresses, Ports
from .options import Given, Option, Problem, flag, glued, never, valued
from .plan import Plan
from .privileges import Privileges
from .target import Address, Hostname, Network

__all__ = [
    "Addresses",
    "Arranged",
    "Choice",
    "Draft",
    "Float",
    "Given",
    "Hex",
    "Int",
    "Option",
    "Plan",
    "Ports",
    "Problem",
    "Risk",
    "Seconds",
    "Syntax",
    "Text",
    "Tool",
    "flag",
    "glued",
    "never",
    "valued",
]


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """All that was judged of a request; what `Tool.arrange` makes a command line of.

    `subject` is the address or network to examine, or for a tool that asks about names, the name.
    """

    subject: Address | Network | Hostname
    given: tuple[Given, ...]
    privileges: Privileges
    timeout_s: float
    host_count: int = 1
    declined: frozenset[str] = frozenset()  # keys that the typed options set to false

    def has(self, *keys: str) -> bool:
        """Whether one of the rows with these keys was given."""
        return any(given.option.key in keys for given in self.given)

    def value(self, key: str) -> str | None:
        """The canonical value given for `key`, or None."""
        return next((given.value for given in self.given if given.option.key == key), None)


class Arranged(msgspec.Struct, frozen=True, kw_only=True):
    """A command line without its program: rows given and added, then what is examined.

    What the program may do besides talking to the judged addresses: `needs_raw_sockets`, and
    `asks_resolver`, ask the system's name servers. Where there is an egress guard, one that does it
    without having said so is ended.
    """

    words: tuple[str, ...]
    notes: tuple[str, ...] = ()
    needs_raw_sockets: bool = False
    asks_resolver: bool = False


class Tool:
    """A program that can be run, as data and pure functions. The class name is the tool's name.

    Give `command_name`, and either `table` (rows made by `flag`, `valued`, `glued`, `never`) or the
    short form `allowed_flags` (options without a value). All else has a default.
    """

    command_name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    description: ClassVar[str] = ""  # for a model: what it answers, when to use it, an example
    table: ClassVar[tuple[Option, ...]] = ()
    allowed_flags: ClassVar[Sequence[str]] = ()
    syntax: ClassVar[Syntax] = Syntax()
    profiles: ClassVar[Mapping[str, str]] = {}  # name -> extra_args
    takes_networks: ClassVar[bool] = False
    asks_about_names: ClassVar[bool] = False  # the target is a question, not a host (dig)
    reads_report: ClassVar[bool] = False  # writes a report to plan.REPORT_FD
    install_hint: ClassVar[str] = ""  # the command that installs the program
    version_args: ClassVar[tuple[str, ...]] = ("--version",)

    # None: the operator's setting (tool.default_timeout and its neighbours) stands.
    default_timeout_sec: ClassVar[float | None] = None
    concurrency: ClassVar[int | None] = None
    circuit_breaker_failure_threshold: ClassVar[int | None] = None
    circuit_breaker_recovery_timeout: ClassVar[float | None] = None

    @property
    def name(self) -> str:
        """The name callers use."""
        return type(self).__name__

    @cached_property
    def grammar(self) -> Grammar:
        """The table, indexed."""
        short = (
            flag(name, key=name.lstrip("-").replace("-", "_"), help="")
            for name in self.allowed_flags
        )
        return self.make_grammar((*self.table, *short))

    def make_grammar(self, rows: Sequence[Option]) -> Grammar:
        """How the command line is read; override for a program with a syntax of its own."""
        return Grammar(rows, self.syntax)

    def clash(
        self, given: Sequence[Given], subject: Address | Network | Hostname | None
    ) -> Problem | None:
        """An objection to rows that the program does not take together; None if it takes them.

        `offending` must be the first name of the row to leave out.
        """
        return None

    def arrange(self, draft: Draft) -> Arranged:
        """Make the command line: add defaults, put what is examined last. Must be pure."""
        words = [word for given in draft.given for word in given.words]
        if self.syntax.ends_options:
            words.append("--")
        return Arranged(
            words=(*words, str(draft.subject)),
            needs_raw_sockets=any(given.option.raw for given in draft.given),
        )

    def parse(self, stdout: bytes, report: bytes, complete: bool) -> dict[str, Any] | None:
        """Read the program's output; None if there is nothing to read. Must not raise."""
        return None

    def progress(self, line: str, plan: Plan) -> float | None:
        """How far the program says it is, 0 to 100, on a line of its standard output."""
        return None

    def info(self) -> dict[str, Any]:
        """Extra metadata for the catalog."""
        return {}
