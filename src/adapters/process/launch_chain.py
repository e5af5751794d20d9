"""What stands between a plan and its process: the port of everything that contains a program."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

import msgspec

from ...application.ports import Programs
from ...domain.layer import Layer, LayerMode, switched_off
from ...domain.plan import Plan
from . import links
from .egress.guard import nothing_more
from .probe import tried


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """One start, prepared.

    `argv` is the whole command line; `plan.argv` is its end, word for word. `descriptors` are handed
    on besides the report's. `confine` is called in a thread that is the program's parent and starts
    nothing else. With `monitored`, the child is a monitor with one child of its own, which leads the
    session that the program is in. `exit_status` undoes what a monitor does to the program's status.
    `settle` is called when nothing of the program is left: what it did that is to be told is told then.
    """

    argv: tuple[str, ...]
    descriptors: tuple[int, ...] = ()
    confine: Callable[[], None] | None = None
    monitored: bool = False
    exit_status: Callable[[int], int] = int
    settle: Callable[[], None] = nothing_more


class LaunchChain(Protocol):
    """Puts layers around plans, and explains its own failures."""

    def prepared(
        self, plan: Plan, directory: str, tell: Callable[[str], None]
    ) -> AbstractContextManager[Launch]:
        """What is needed for one start, and held until nothing of the program is left.

        `directory` is the run's own. `tell` gets each destination of packets that were held back,
        which the plan doesn't name. Raises OSError if it can't be had: then nothing is started.
        """
        ...

    def failure(self, returncode: int, stderr: bytes) -> str | None:
        """Why the program never began, if it was a link of the chain that ended like this."""
        ...

    def layers(self) -> tuple[Layer, ...]:
        """What the chain puts in force on this host."""
        ...


class BasicChain:
    """setpriv, a shell that sets limits, then the program: each replaces itself, so one process."""

    def __init__(self, *, setpriv: str | None) -> None:
        self._setpriv = setpriv

    @contextmanager
    def prepared(self, plan: Plan, directory: str, tell: Callable[[str], None]) -> Iterator[Launch]:
        """Holds nothing, and holds nothing back."""
        words = (self._setpriv, *links.PARENT_DEATH, "--") if self._setpriv else ()
        yield Launch(argv=(*words, *links.limits_words(plan.limits), *plan.argv))

    def failure(self, returncode: int, stderr: bytes) -> str | None:
        """See `link_failure`."""
        return link_failure(returncode, stderr, self._setpriv)

    def layers(self) -> tuple[Layer, ...]:
        """Limits always; the other two need setpriv."""
        return (
            Layer("resource_limits", True, f"ulimit of {links.SHELL}"),
            setpriv_layer("no_new_privileges", self._setpriv),
            setpriv_layer("parent_death_signal", self._setpriv),
        )


def link_failure(returncode: int, stderr: bytes, *links_used: str | None) -> str | None:
    """Links say their name first, and no program that we run has such a name.

    A link that can't load its libraries is named by its path (ld.so(8)).
    """
    names = ("setpriv", "bwrap", links.LIMITS_NAME, *links_used)
    own = tuple(f"{name}: ".encode() for name in names if name)
    if returncode not in (1, 2, 126, 127) or not stderr.startswith(own):
        return None
    return stderr.decode("utf-8", "replace").splitlines()[0][:300]


def setpriv_layer(
    name: str, setpriv: str | None, mode: LayerMode = LayerMode.AUTO, why_not: str = ""
) -> Layer:
    """A layer that is setpriv's doing."""
    if mode is LayerMode.OFF:
        return switched_off(name)
    if setpriv:
        return Layer(name, True, setpriv, mode)
    reason = why_not or "setpriv of util-linux 2.33 or later not found or not usable"
    return Layer(name, False, reason, mode, "Install util-linux 2.33 or later.")


def find_setpriv(programs: Programs) -> str | None:
    """Being there is not enough: busybox's, and util-linux's before 2.33, lack an option."""
    setpriv, true = programs.find("setpriv"), programs.find("true")
    if setpriv and true and tried(setpriv, *links.PARENT_DEATH, "--", true) is None:
        return setpriv
    return None


def find_basic_chain(programs: Programs) -> BasicChain:
    """Look for the links and try them once (a short process; call it at start, not per run)."""
    return BasicChain(setpriv=find_setpriv(programs))
