"""All layers that a host allows, put around each plan in the order in which they must come."""

import os
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import msgspec

from ...domain.layer import Layer
from ...domain.plan import Plan
from . import bubblewrap, landlock, links
from .bubblewrap import Bubblewrap
from .cgroups import Cgroups
from .egress.find_guards import Guards
from .egress.guard import Confinement, destinations_of
from .file_view import FileView
from .launch_chain import Launch, link_failure
from .launch_thread import filter_calls


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Compiled seccomp filters, and the same as files in memory for bubblewrap to read."""

    plain: bytes
    raw: bytes
    plain_fd: int
    raw_fd: int


class LandlockView(msgspec.Struct, frozen=True, kw_only=True):
    """A file view by Landlock, of that version."""

    version: int
    view: FileView


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What was found to work here and is wanted; None or False for what isn't.

    `capable` says which capabilities the server itself has: raw sockets (CAP_NET_RAW), and changing
    its bounding set (CAP_SETPCAP). `max_processes` bounds an execution without a cgroup, where it
    has a user namespace to be counted in.
    """

    setpriv: str | None
    capabilities: bool
    has_raw_sockets: bool
    has_setpcap: bool
    bubblewrap: Bubblewrap | None
    landlock: LandlockView | None
    filters: Filters | None
    cgroups: Cgroups | None
    guards: Guards
    max_processes: int


class ContainedChain:
    """bubblewrap where it can be had, else a thread that gives up the rights; both with the rest."""

    def __init__(self, parts: Parts, layers: tuple[Layer, ...]) -> None:
        self._parts = parts
        self._layers = layers
        if parts.filters:
            weakref.finalize(self, _close, parts.filters.plain_fd, parts.filters.raw_fd)

    @contextmanager
    def prepared(self, plan: Plan, directory: str, tell: Callable[[str], None]) -> Iterator[Launch]:
        """Holds a cgroup and a place behind the egress guard, if there are any, until it is left."""
        parts = self._parts
        raw = plan.needs_raw_sockets and parts.has_raw_sockets
        with ExitStack() as stack:
            confinement: Confinement | None = None
            if guard := parts.guards.for_raw if raw else parts.guards.for_others:
                # Before the cgroup, in whose end whatever is left is killed.
                confinement = stack.enter_context(guard.held(destinations_of(plan), tell))
            joins: tuple[str, ...] = ()
            if parts.cgroups:
                joins = stack.enter_context(parts.cgroups.slot(plan.limits)).joins
            if parts.bubblewrap and not (raw and parts.bubblewrap.user_namespace):
                launch = self._behind_bubblewrap(
                    parts.bubblewrap, plan, directory, raw, joins, stack
                )
            else:
                launch = self._from_thread(plan, directory, raw, joins)
            yield guarded(launch, confinement) if confinement else launch

    def failure(self, returncode: int, stderr: bytes) -> str | None:
        """See `link_failure`."""
        wrapper = self._parts.bubblewrap
        paths = (self._parts.setpriv, wrapper.path if wrapper else None)
        return link_failure(returncode, stderr, *paths)

    def layers(self) -> tuple[Layer, ...]:
        """As found at start."""
        return self._layers

    def _behind_bubblewrap(
        self,
        wrapper: Bubblewrap,
        plan: Plan,
        directory: str,
        raw: bool,
        joins: tuple[str, ...],
        stack: ExitStack,
    ) -> Launch:
        parts = self._parts
        seccomp: int | None = None
        if parts.filters:
            # Opened anew: a descriptor's position is shared, and bubblewrap reads to the end.
            file = parts.filters.raw_fd if raw else parts.filters.plain_fd
            seccomp = os.open(f"/proc/self/fd/{file}", os.O_RDONLY | os.O_CLOEXEC)
            stack.callback(os.close, seccomp)
        # Root's processes aren't counted by RLIMIT_NPROC, a user's are, and in each user namespace
        # by themselves (Linux 5.14).
        counted = wrapper.user_namespace and not parts.cgroups
        return Launch(
            argv=(
                *links.join_words(joins),
                *wrapper.words(program=plan.argv[0], directory=directory, raw=raw, seccomp=seccomp),
                *links.limits_words(
                    plan.limits, max_processes=parts.max_processes if counted else None
                ),
                *plan.argv,
            ),
            descriptors=() if seccomp is None else (seccomp,),
            confine=wrapper.confine,
            monitored=True,
            exit_status=bubblewrap.exit_status,
        )

    def _from_thread(self, plan: Plan, directory: str, raw: bool, joins: tuple[str, ...]) -> Launch:
        parts = self._parts

        def confine() -> None:
            if parts.landlock:
                landlock.restrict_thread(
                    parts.landlock.version,
                    parts.landlock.view,
                    program=plan.argv[0],
                    directory=directory,
                    writable=joins,
                )
            if parts.filters:
                landlock.refuse_new_privileges()
                filter_calls(parts.filters.raw if raw else parts.filters.plain)

        kept: tuple[str, ...] = ()
        if parts.capabilities:
            kept = links.without_capabilities(bounding=parts.has_setpcap, raw=raw)
        return Launch(
            argv=(
                *self._setpriv(*kept),
                *links.limits_words(plan.limits, joins=joins),
                *plan.argv,
            ),
            confine=confine if parts.landlock or parts.filters else None,
        )

    def _setpriv(self, *privileges: str) -> tuple[str, ...]:
        setpriv = self._parts.setpriv
        return links.setpriv_words(setpriv, *privileges) if setpriv else ()


def guarded(launch: Launch, confinement: Confinement) -> Launch:
    """A launch under an egress guard, whose part comes last: it may close what the others need."""

    def confine() -> None:
        if launch.confine:
            launch.confine()
        confinement.confine()

    return msgspec.structs.replace(launch, confine=confine, settle=confinement.settle)


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
