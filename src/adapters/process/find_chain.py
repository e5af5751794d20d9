"""Which layers this host really allows: each is tried once, at start, with a short process."""

import os
import tempfile
from functools import partial
from pathlib import Path

import msgspec

from ...application.ports import Programs
from ...domain.layer import Layer, LayerMode, switched_off
from . import capabilities, landlock, links, seccomp
from .bubblewrap import NAME as BWRAP
from .bubblewrap import Bubblewrap
from .contained_chain import ContainedChain, Filters, LandlockView, Parts
from .egress.find_guards import find_guards
from .file_view import FileView, look_at_system
from .find_cgroups import find_cgroups
from .launch_chain import find_setpriv, setpriv_layer
from .launch_thread import filter_calls, started_from_thread
from .probe import told, tried, tried_for
from .syscalls import processor

_CAP_SETPCAP, _CAP_NET_RAW = 1 << capabilities.CAP_SETPCAP, 1 << capabilities.CAP_NET_RAW
_NEEDS_NNP = "can't be had without no_new_privileges, which is switched off"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator wants of each layer, and what goes with it (`sandbox.*`)."""

    no_new_privileges: LayerMode = LayerMode.AUTO
    capabilities: LayerMode = LayerMode.AUTO
    pid_namespace: LayerMode = LayerMode.AUTO
    filesystem: LayerMode = LayerMode.AUTO
    seccomp: LayerMode = LayerMode.AUTO
    cgroup: LayerMode = LayerMode.AUTO
    egress: LayerMode = LayerMode.AUTO
    readable: tuple[str, ...] = ()
    max_processes: int = 128


def find_chain(programs: Programs, wanted: Wanted) -> ContainedChain:
    """Some ten short processes, 40 ms or so; call it once, in the main thread."""
    return _Search(programs, wanted).chain()


class _Search:
    """The one look around; what was learned is kept for the layers that come later."""

    def __init__(self, programs: Programs, wanted: Wanted) -> None:
        self._wanted = wanted
        self._programs = programs
        self._true = programs.find("true") or "/bin/true"
        self._setpriv = find_setpriv(programs)
        effective = capabilities.effective_in(Path("/proc/self/status").read_text())
        self._any_capability = bool(effective)
        self._setpcap = bool(effective & _CAP_SETPCAP)
        self._raw = bool(effective & _CAP_NET_RAW)
        self._nnp = wanted.no_new_privileges is not LayerMode.OFF
        self._view = look_at_system(wanted.readable)

    def chain(self) -> ContainedChain:
        wanted = self._wanted
        wrapper, why_no_wrapper = self._find_bubblewrap()
        landlock_view, why_no_landlock = self._find_landlock()
        if wrapper and wrapper.view and not wrapper.pid_namespace and landlock_view:
            # /proc would show the server's environment and memory; Landlock keeps them closed.
            wrapper = None
        if wrapper and not wrapper.user_namespace:
            landlock_view = None  # never needed
        filters, seccomp_layer = self._find_seccomp()
        cgroups, cgroup_layer = find_cgroups(wanted.cgroup, wanted.max_processes, self._true)
        by_setpriv, capabilities_layer = self._find_capabilities(wrapper)
        guards, egress_layer = find_guards(
            wanted.egress,
            nft=self._programs.find("nft"),
            without_capabilities=capabilities_layer.active,
            raw_sockets=self._raw,
        )
        setpriv = self._setpriv if self._nnp else None
        parts = Parts(
            setpriv=setpriv,
            capabilities=by_setpriv,
            has_raw_sockets=self._raw,
            has_setpcap=self._setpcap,
            bubblewrap=wrapper,
            landlock=landlock_view,
            filters=filters,
            cgroups=cgroups,
            guards=guards,
            max_processes=wanted.max_processes,
        )
        layers = (
            Layer("resource_limits", True, f"ulimit of {links.SHELL}"),
            self._no_new_privileges(parts),
            setpriv_layer(
                "parent_death_signal",
                wrapper.path if wrapper else setpriv,
                why_not="" if self._nnp else _NEEDS_NNP,
            ),
            capabilities_layer,
            self._pid_namespace(wrapper, why_no_wrapper),
            self._filesystem(wrapper, landlock_view, f"{why_no_wrapper}; {why_no_landlock}"),
            seccomp_layer,
            cgroup_layer,
            egress_layer,
        )
        return ContainedChain(parts, layers)

    def _find_bubblewrap(self) -> tuple[Bubblewrap | None, str]:
        view = self._view if self._wanted.filesystem is not LayerMode.OFF else None
        pid_namespace = self._wanted.pid_namespace is not LayerMode.OFF
        if view is None and not pid_namespace:
            return None, ""
        if not self._nnp:
            return None, _NEEDS_NNP
        path = self._programs.find(BWRAP)
        if path is None:
            return None, "bubblewrap (bwrap) is not installed"
        shapes = [(view, pid_namespace)]
        if view is not None and pid_namespace:
            # A container's /proc that is masked in part may not be mounted anew (mount_namespaces(7)).
            shapes.append((view, False))
        why = ""
        for shape_view, shape_pid in shapes:
            # With the privilege first: in a user namespace there are no raw sockets.
            for user_namespace in (False, True) if os.geteuid() == 0 else (True,):
                wrapper = Bubblewrap(
                    path=path,
                    view=shape_view,
                    pid_namespace=shape_pid,
                    user_namespace=user_namespace,
                    has_capabilities=self._any_capability and not user_namespace,
                    may_bound=self._setpcap,
                )
                failure = self._try_bubblewrap(wrapper)
                if failure is None:
                    return wrapper, why
                why = why or failure
        return None, why

    def _try_bubblewrap(self, wrapper: Bubblewrap) -> str | None:
        """Also with raw sockets, and not only whether it starts but what the program then has.

        bubblewrap 0.8 leaves CAP_SYS_ADMIN in place when it can't give what it was asked to add.
        """
        cat = self._programs.find("cat") or "/bin/cat"
        with tempfile.TemporaryDirectory(prefix="netsonde-") as directory:
            for raw in {False, self._raw and not wrapper.user_namespace}:
                words = wrapper.words(program=cat, directory=directory, raw=raw, seccomp=None)
                start = partial(tried_for, *words, cat, "/proc/self/status")
                status, failure = started_from_thread(wrapper.confine, start)
                left = capabilities.effective_in(status) & ~(_CAP_NET_RAW if raw else 0)
                if failure is None and left:
                    failure = f"{BWRAP} leaves capabilities to the program"
                if failure:
                    return failure
        return None

    def _find_landlock(self) -> tuple[LandlockView | None, str]:
        if self._wanted.filesystem is LayerMode.OFF:
            return None, ""
        if not self._nnp:
            return None, _NEEDS_NNP
        try:
            found = LandlockView(version=landlock.abi(), view=self._view)
            with tempfile.TemporaryDirectory(prefix="netsonde-") as directory:
                failure = self._try_in_thread(found, directory)
        except OSError as error:
            failure = told(error)
        return (None, f"Landlock: {failure}") if failure else (found, "")

    def _try_in_thread(self, found: LandlockView, directory: str) -> str | None:
        def confine() -> None:
            landlock.restrict_thread(
                found.version, found.view, program=self._true, directory=directory
            )

        return started_from_thread(confine, lambda: tried(self._true))

    def _find_seccomp(self) -> tuple[Filters | None, Layer]:
        mode = self._wanted.seccomp
        if mode is LayerMode.OFF:
            return None, switched_off("seccomp")
        if not self._nnp:
            return None, Layer("seccomp", False, _NEEDS_NNP, mode, "Switch it on.")
        here = processor()
        if here is None:
            reason = f"no filter is written for {os.uname().machine}"
            return None, Layer("seccomp", False, reason, mode, "Run it on x86-64 or aarch64.")
        plain = seccomp.compiled(here, raw_sockets=False)
        raw = seccomp.compiled(here, raw_sockets=True)

        def confine() -> None:
            landlock.refuse_new_privileges()
            filter_calls(plain)

        try:
            failure = started_from_thread(confine, lambda: tried(self._true))
        except OSError as error:
            failure = told(error)
        if failure:
            fix = "Use a kernel with CONFIG_SECCOMP_FILTER."
            return None, Layer("seccomp", False, failure, mode, fix)
        filters = Filters(plain=plain, raw=raw, plain_fd=_in_memory(plain), raw_fd=_in_memory(raw))
        reason = f"{len(seccomp.DENIED)} system calls and {len(plain) // 8} instructions"
        return filters, Layer("seccomp", True, reason, mode)

    def _find_capabilities(self, wrapper: Bubblewrap | None) -> tuple[bool, Layer]:
        name, mode = "capabilities", self._wanted.capabilities
        if mode is LayerMode.OFF:
            return False, switched_off(name)
        setpriv = self._setpriv if self._nnp else None
        failure: str | None = "setpriv of util-linux 2.33 or later not found or not usable"
        if setpriv:
            kept = links.without_capabilities(bounding=self._setpcap, raw=self._raw)
            words = links.setpriv_words(setpriv, *kept)
            failure = tried(*words, self._true)
        left = "CAP_NET_RAW for plans that send raw packets" if self._raw else "none"
        if wrapper and not wrapper.user_namespace:
            return failure is None, Layer(name, True, f"{left}, by {wrapper.path}", mode)
        if failure is None:
            return True, Layer(name, True, f"{left}, by {setpriv}", mode)
        return False, Layer(name, False, failure, mode, "Install util-linux 2.33 or later.")

    def _no_new_privileges(self, parts: Parts) -> Layer:
        by = parts.bubblewrap.path if parts.bubblewrap else self._setpriv
        if by is None and (parts.landlock or parts.filters):
            by = "prctl(2) of the thread that starts the program"
        return setpriv_layer("no_new_privileges", by, self._wanted.no_new_privileges)

    def _pid_namespace(self, wrapper: Bubblewrap | None, why_not: str) -> Layer:
        name, mode = "pid_namespace", self._wanted.pid_namespace
        if mode is LayerMode.OFF:
            return switched_off(name)
        if wrapper is None or not wrapper.pid_namespace:
            if os.getpid() == 1:
                why_not += "; the server is process 1 here: everything dies with it"
            return Layer(name, False, why_not, mode, _FIX_BUBBLEWRAP)
        if wrapper.user_namespace and self._raw:
            return Layer(
                name,
                mode is not LayerMode.REQUIRE,
                f"{wrapper.path}, but not for plans that send raw packets",
                mode,
                "Run the server as root, or without CAP_NET_RAW.",
            )
        return Layer(name, True, wrapper.path, mode)

    def _filesystem(
        self, wrapper: Bubblewrap | None, restricted: LandlockView | None, why_not: str
    ) -> Layer:
        name, mode = "filesystem", self._wanted.filesystem
        if mode is LayerMode.OFF:
            return switched_off(name)
        by_landlock = f"Landlock, version {restricted.version}" if restricted else ""
        if restricted and not landlock.scopes_signals(restricted.version):
            by_landlock += " (signals to other processes of this user are not stopped: Linux 6.12)"
        if wrapper and wrapper.view:
            reason = f"{wrapper.path}, nothing but {_described(wrapper.view)}"
            if wrapper.user_namespace and self._raw:
                reason += f"; plans that send raw packets: {by_landlock or 'not at all'}"
                return Layer(name, bool(by_landlock) or mode is not LayerMode.REQUIRE, reason, mode)
            if not wrapper.pid_namespace:
                reason += "; /proc shows the processes of others"
            return Layer(name, True, reason, mode)
        if restricted:
            return Layer(name, True, by_landlock, mode)
        return Layer(name, False, why_not, mode, _FIX_BUBBLEWRAP)


_FIX_BUBBLEWRAP = (
    "Install bubblewrap, and run the server as root or where user namespaces are allowed "
    "(sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces; a container's "
    "seccomp profile must let unshare pass)."
)


def _described(view: FileView) -> str:
    return ", ".join((*view.directories, *view.readable, "a few files of /etc"))


def _in_memory(content: bytes) -> int:
    descriptor = os.memfd_create("netsonde-seccomp", os.MFD_CLOEXEC)
    os.write(descriptor, content)
    return descriptor
