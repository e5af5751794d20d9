"""What the command line needs of a start: protocols, since drivers are handed finished objects."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from ...application.run_tool import RunTool
from ...domain.execution import Recorded
from ...domain.health import CheckResult
from ...domain.layer import Layer
from ...domain.terms import Resolved, Unresolved


class LookUp(Protocol):
    """Looks names up while everything waits."""

    def look_up(self, name: str) -> Resolved | Unresolved:
        """Every address of `name`, or why there is none."""
        ...


class Setting(Protocol):
    """A setting in force."""

    @property
    def key(self) -> str: ...
    @property
    def value(self) -> Any: ...
    @property
    def source(self) -> str: ...
    @property
    def variable(self) -> str: ...


class Problem(Protocol):
    """What is wrong with the record: a stable code, and the number of the first bad one if it has one."""

    @property
    def code(self) -> str: ...
    @property
    def number(self) -> int | None: ...
    @property
    def message(self) -> str: ...


class Verification(Protocol):
    """What came of verifying the record. Times are Unix times; `head` is NUMBER:MAC."""

    @property
    def records(self) -> int: ...
    @property
    def first(self) -> int | None: ...
    @property
    def last(self) -> int | None: ...
    @property
    def from_s(self) -> float | None: ...
    @property
    def to_s(self) -> float | None: ...
    @property
    def head(self) -> str: ...
    @property
    def problem(self) -> Problem | None: ...


class Audit(Protocol):
    """The record, for those who examine it; raises OSError if there is none to be read."""

    def verify(self, noted: tuple[int, str] | None = None) -> Verification:
        """Whether it is whole, and goes on from the head (number, MAC) that was noted before."""
        ...

    def events(self, since: int | None, limit: int) -> Iterable[Recorded]:
        """Events above number `since`, oldest first; None: the newest."""
        ...


class Assembly(LookUp, Protocol):
    """The finished objects of one start."""

    @property
    def run_tool(self) -> RunTool: ...

    def layers(self) -> Sequence[Layer]:
        """What contains a program on this host."""
        ...

    def described(self) -> Sequence[Setting]:
        """Every setting in force, secrets hidden."""
        ...

    def hosts(self, text: str) -> LookUp:
        """A table in the format of hosts(5) that answers look-ups."""
        ...

    async def examine(self) -> Sequence[CheckResult]:
        """What works here."""
        ...

    def audit(self, folder: str | None) -> Audit:
        """The record in the folder; None: in the one of the settings."""
        ...


class Starter(Protocol):
    """Makes an assembly from the settings, once the command line has said which."""

    @property
    def version(self) -> str: ...

    def assemble(self, config: str | None, *, lenient: bool = False) -> Assembly:
        """With `lenient`, settings that are wrong are a result of `examine`, not an error."""
        ...

    def serve(self, config: str | None, command_line: dict[str, object]) -> int:
        """Serve; gives the exit status."""
        ...
