"""Words for the small programs that stand before a program on its command line: each becomes the next."""

import resource

from ...domain.plan import Limits

SHELL = "/bin/sh"
LIMITS_NAME = "netsonde-launch"
# Each word is passed as a word: nothing of a plan is ever read as shell. Standard input is a socket
# on whose other end a living server gives the word to go on, see go_ahead.py. CPU seconds are limited
# twice, so that SIGXCPU comes first, which tells what happened better than SIGKILL. dash has the
# number of processes as -p, bash as -u.
LIMITS_SCRIPT = """
while [ "$1" != -- ]; do echo 0 > "$1" || exit 126; shift; done
ulimit -v "$2" && ulimit -n "$3" && ulimit -c 0 && ulimit -f 0 &&
ulimit -S -t "$4" && ulimit -H -t "$5" || exit 126
[ "$6" = - ] || ulimit -u "$6" 2>/dev/null || ulimit -p "$6" || exit 126
shift 6
echo >&0 && read -r _ || exit 126
unset PWD OLDPWD SHLVL
exec "$@" </dev/null
"""
JOIN_SCRIPT = """
while [ "$1" != -- ]; do echo 0 > "$1" || exit 126; shift; done
shift
exec "$@"
"""

PARENT_DEATH = ("--no-new-privs", "--pdeathsig", "KILL")
# Without SECBIT_NOROOT uid 0 would get everything back at the next exec (capabilities(7)). CAP_NET_RAW
# stays in the bounding set: ping and mtr-packet carry it as a file capability, and exec fails if it
# can't be had (EPERM); "no new privileges" keeps it from being gained.
_BOUND = ("--bounding-set=-all,+net_raw", "--securebits=+noroot,+noroot_locked")


def setpriv_words(path: str, *privileges: str) -> tuple[str, ...]:
    """No new privileges, the parent-death signal, and the words of one of the functions below.

    Comes first in a chain: until the parent-death signal was asked for, a server that is killed
    leaves the child behind.
    """
    return (path, *PARENT_DEATH, *privileges, "--")


def without_capabilities(*, bounding: bool, raw: bool) -> tuple[str, ...]:
    """None but raw sockets; `bounding`: the server may change its bounding set (CAP_SETPCAP)."""
    kept = "-all,+net_raw" if raw else "-all"
    return (f"--inh-caps={kept}", f"--ambient-caps={kept}", *(_BOUND if bounding else ()))


def limits_words(
    limits: Limits, *, max_processes: int | None = None, joins: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Limits in force from the program's first instruction; before them, joins the cgroups.

    Setting limits after the spawn would be a race, and preexec_fn forks the whole server.
    """
    memory_bytes = _within_hard_limit(resource.RLIMIT_AS, limits.max_memory_bytes)
    cpu_s = _within_hard_limit(resource.RLIMIT_CPU, limits.max_cpu_s)
    return (
        *(SHELL, "-c", LIMITS_SCRIPT, LIMITS_NAME, *joins, "--"),
        str(memory_bytes // 1024),
        str(_within_hard_limit(resource.RLIMIT_NOFILE, limits.max_file_descriptors)),
        str(cpu_s),
        str(_within_hard_limit(resource.RLIMIT_CPU, cpu_s + 1)),
        "-" if max_processes is None else str(max_processes),
    )


def join_words(joins: tuple[str, ...]) -> tuple[str, ...]:
    """Go into cgroups, whose files are out of sight for what comes after."""
    return (SHELL, "-c", JOIN_SCRIPT, LIMITS_NAME, *joins, "--") if joins else ()


def _within_hard_limit(kind: int, value: int) -> int:
    """Asking for more than the hard limit needs CAP_SYS_RESOURCE, else the program won't start."""
    hard = resource.getrlimit(kind)[1]
    return value if hard == resource.RLIM_INFINITY else min(value, hard)
