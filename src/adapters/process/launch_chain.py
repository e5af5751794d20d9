"""What stands before a program on its command line, so that bounds hold from its first instruction."""

import resource
import subprocess
from typing import Protocol

from ...application.ports import Programs
from ...domain.environment import ENVIRONMENT
from ...domain.layer import Layer
from ...domain.plan import Limits, Plan

SHELL_NAME = "netsonde-launch"
SHELL_SCRIPT = """
ulimit -v "$1" && ulimit -n "$2" && ulimit -c 0 && ulimit -f 0 &&
ulimit -S -t "$3" && ulimit -H -t "$4" || exit 126
shift 4
unset PWD OLDPWD SHLVL
exec "$@"
"""
SETPRIV_OPTIONS = ("--no-new-privs", "--pdeathsig", "KILL", "--")
PROBE_TIMEOUT_S = 5.0


class LaunchChain(Protocol):
    """Turns a plan into the command line that is really started, and explains its own failures."""

    def argv(self, plan: Plan) -> tuple[str, ...]:
        """The whole command line; `plan.argv` is its end, word for word."""
        ...

    def failure(self, returncode: int, stderr: bytes) -> str | None:
        """Why the program never began, if it was a link of the chain that ended like this."""
        ...

    def layers(self) -> tuple[Layer, ...]:
        """What the chain puts in force on this host."""
        ...


class BasicChain:
    """setpriv, then prlimit, then the program: each replaces itself, so one process in all.

    setpriv comes first: until it has asked for the parent-death signal, a server that is killed
    leaves the child behind.
    """

    def __init__(self, *, setpriv: str | None, prlimit: str | None, shell: str = "/bin/sh") -> None:
        self._setpriv = setpriv
        self._prlimit = prlimit
        self._shell = shell

    def argv(self, plan: Plan) -> tuple[str, ...]:
        """Setting limits after the spawn would be a race, and preexec_fn forks the whole server."""
        privileges = (self._setpriv, *SETPRIV_OPTIONS) if self._setpriv else ()
        if self._prlimit:
            limits = (self._prlimit, *_prlimit_options(plan.limits), "--")
        else:
            limits = (self._shell, "-c", SHELL_SCRIPT, SHELL_NAME, *_shell_words(plan.limits))
        return (*privileges, *limits, *plan.argv)

    def failure(self, returncode: int, stderr: bytes) -> str | None:
        """The links say their name first, and no program that we run has such a name.

        A link that can't load its libraries is named by its path (ld.so(8)).
        """
        links = ("setpriv", "prlimit", SHELL_NAME, self._setpriv, self._prlimit)
        own = tuple(f"{link}: ".encode() for link in links if link)
        if returncode not in (1, 2, 126, 127) or not stderr.startswith(own):
            return None
        return stderr.decode("utf-8", "replace").splitlines()[0][:300]

    def layers(self) -> tuple[Layer, ...]:
        """Limits always; the other two need setpriv."""
        by_setpriv = self._setpriv or "setpriv of util-linux 2.33 or later not found or not usable"
        return (
            Layer("resource_limits", True, self._prlimit or f"ulimit of {self._shell}"),
            Layer("no_new_privileges", self._setpriv is not None, by_setpriv),
            Layer("parent_death_signal", self._setpriv is not None, by_setpriv),
        )


def find_basic_chain(programs: Programs) -> BasicChain:
    """Look for the links and try each once (two short processes; call it at start, not per run).

    Being there is not enough: setpriv of util-linux before 2.33 and of busybox lacks an option.
    """
    setpriv, prlimit, true = (programs.find(name) for name in ("setpriv", "prlimit", "true"))
    return BasicChain(
        setpriv=setpriv if setpriv and true and _works(setpriv, *SETPRIV_OPTIONS, true) else None,
        prlimit=prlimit if prlimit and true and _works(prlimit, "--core=0", "--", true) else None,
    )


def _works(*argv: str) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 - no shell; paths from the port Programs
            argv,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _within_hard_limit(kind: int, value: int) -> int:
    """Asking for more than the hard limit needs CAP_SYS_RESOURCE, else the program won't start."""
    hard = resource.getrlimit(kind)[1]
    return value if hard == resource.RLIM_INFINITY else min(value, hard)


def _bounds(limits: Limits) -> tuple[int, int, int, int]:
    """Address space in bytes, descriptors, CPU seconds soft and hard.

    The second between them lets SIGXCPU come first, which tells what happened better than SIGKILL.
    """
    cpu_s = _within_hard_limit(resource.RLIMIT_CPU, limits.max_cpu_s)
    return (
        _within_hard_limit(resource.RLIMIT_AS, limits.max_memory_bytes),
        _within_hard_limit(resource.RLIMIT_NOFILE, limits.max_file_descriptors),
        cpu_s,
        _within_hard_limit(resource.RLIMIT_CPU, cpu_s + 1),
    )


def _prlimit_options(limits: Limits) -> tuple[str, ...]:
    memory_bytes, files, cpu_s, cpu_hard_s = _bounds(limits)
    return (
        f"--as={memory_bytes}",
        f"--nofile={files}",
        f"--cpu={cpu_s}:{cpu_hard_s}",
        "--core=0",
        "--fsize=0",
    )


def _shell_words(limits: Limits) -> tuple[str, ...]:
    memory_bytes, files, cpu_s, cpu_hard_s = _bounds(limits)
    return (str(memory_bytes // 1024), str(files), str(cpu_s), str(cpu_hard_s))
