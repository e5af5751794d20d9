"""The way into a sealed world: namespaces without a route out, under a PID 1 that dies with us.

Stdlib only and no relative imports: the file is also run by its path, before anything is set up.

    front (our pid, our terminal) -> unshare -> PID 1 (this file again) -> the command

Root's world has all of his groups, which the egress guard needs; unshare(1) can't map them, so that
this file does it (`grouped`) before unshare makes the rest. Another user's world has one group.

A pipe from the front to PID 1 carries signal numbers, because unshare(1) blocks SIGINT and SIGTERM
while it waits. Its end of file means that the front is gone, and the world goes with it.
"""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

FLAG: Final = "NETSONDE_LAB"
SEAL: Final = ("unshare", "-Urmn", "--fork", "--pid", "--mount-proc", "--kill-child")
SEAL_OF_ROOT: Final = ("unshare", "-mn", *SEAL[2:])
PROGRAMS: Final = ("unshare", "nsenter", "mount", "umount", "ip", "nft")
CLIENT_MARK: Final = Path("/run/lab/client")

_FORWARDED: Final = (signal.SIGINT, signal.SIGTERM)
# sigaction(2): "sent by the kernel". A terminal sends ^C to its whole foreground group, so the
# child has it already.
_SI_KERNEL: Final = 0x80
_CLONE_NEWUSER: Final = 0x10000000
# Some kernels put these into every new namespace, down and without a route.
_FALLBACK_DEVICES: Final = frozenset(
    ("tunl0", "sit0", "ip6tnl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "ip6gre0")
)
# What the lab will do, tried for real: each of these is refused by some kernel or container.
_TRIAL: Final = """
set -e
test -e /etc/resolv.conf || test -L /etc/resolv.conf
mount -t tmpfs tmpfs /run
mkdir /run/netns
: > /run/file
if test -e /etc/hosts; then mount --bind /run/file /etc/hosts; fi
ip link set lo up
ip netns add trial
ip link add name one type veth peer name two netns trial
ip link add name three type bridge
nft 'add table ip trial; add chain ip trial f; add rule ip trial f numgen inc mod 10 { 2, 5 } drop'
nsenter --net=/run/netns/trial sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'
"""


def available() -> str | None:
    """None if a sealed world can be made here, else the reason in words. Tries it: about 60 ms."""
    path = _search_path()
    missing = [name for name in PROGRAMS if shutil.which(name, path=path) is None]
    if missing:
        return f"these programs are missing: {', '.join(missing)}"
    trial = subprocess.run(
        [*_seal(), "sh", "-c", _TRIAL],
        env={**os.environ, "PATH": path, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if trial.returncode == 0:
        return None
    words = trial.stderr.strip().splitlines() or [f"exit status {trial.returncode}"]
    return f"no network namespaces for us here: {words[-1]}"


def inside() -> bool:
    """Whether this process really is in a sealed world; the environment alone is not believed."""
    return (
        os.environ.get(FLAG) == "1"
        and _under_our_pid_1()
        and _devices() <= ({"lo", "eth0"} if marked() else {"lo"})
    )


def mark() -> None:
    """Say that our network namespace is the client host of the lab whose files are in /run."""
    CLIENT_MARK.write_text(_own_namespace())


def marked() -> bool:
    """Whether that has been said, of this namespace: an inner world sees the outer's files."""
    return CLIENT_MARK.exists() and CLIENT_MARK.read_text() == _own_namespace()


def _own_namespace() -> str:
    return os.readlink("/proc/self/ns/net")


def replace(argv: Sequence[str]) -> NoReturn:
    """Become the front of a sealed world that runs argv; the exit status is the command's."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-I", "-S", __file__, "front", *argv])


def replace_with_self() -> NoReturn:
    """Start this command line again, interpreter options, coverage and all, in a sealed world."""
    replace([sys.executable, *sys.orig_argv[1:]])


def supervise(
    argv: Sequence[str],
    env: Mapping[str, str],
    forward: Callable[[int, int], None] = os.kill,
    started: Callable[[int], None] = lambda _child: None,
) -> int:
    """Run argv, pass signals on, reap what ends; argv's exit status (128 + n after signal n)."""
    watched = {*_FORWARDED, signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    try:
        # CPython ignores these two, and exec would hand that on.
        child = os.posix_spawnp(
            argv[0],
            list(argv),
            dict(env),
            setsigmask=before,
            setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),
        )
    except OSError as error:
        print(f"{argv[0]}: {error.strerror}", file=sys.stderr)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return 127
    started(child)
    try:
        while True:
            came = signal.sigwaitinfo(watched)
            if came.si_signo == signal.SIGCHLD:
                status = _reap(child)
                if status is not None:
                    return status
            elif came.si_code != _SI_KERNEL:
                forward(child, came.si_signo)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _reap(awaited: int) -> int | None:
    found: int | None = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        if pid == awaited:
            code = os.waitstatus_to_exitcode(status)
            found = code if code >= 0 else 128 - code


def _front(argv: Sequence[str]) -> int:
    read_end, write_end = os.pipe()
    os.set_inheritable(read_end, True)
    os.environ["PATH"] = _search_path()
    pid_1 = (sys.executable, "-I", "-S", __file__, "pid-1", str(read_end), *argv)
    return supervise(
        (*_seal(), *pid_1),
        os.environ,
        forward=lambda _child, signo: _send(write_end, signo),
        started=lambda _child: os.close(read_end),
    )


def _seal() -> tuple[str, ...]:
    if os.geteuid() == 0:
        return (sys.executable, "-I", "-S", __file__, "grouped", *SEAL_OF_ROOT)
    return SEAL


def _grouped(argv: Sequence[str]) -> NoReturn:
    """Become argv in a user namespace with one user, root, and every group that there is here."""
    groups = [line.split()[::2] for line in Path("/proc/self/gid_map").read_text().splitlines()]
    maps = {
        "gid_map": "".join(f"{first} {first} {count}\n" for first, count in groups),
        "uid_map": "0 0 1\n",
    }
    us, (unshared, told) = os.getpid(), os.pipe()
    if (outside := os.fork()) == 0:  # in there, nobody may map what is out here
        os.close(told)
        status = 0 if os.read(unshared, 1) else 1
        for name, text in maps.items():
            with open(f"/proc/{us}/{name}", "w") as file:
                file.write(text)
        os._exit(status)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    os.write(told, b"x")
    if os.waitpid(outside, 0)[1]:
        raise OSError("the groups of the user namespace could not be mapped")
    os.execvp(argv[0], list(argv))


def _send(write_end: int, signo: int) -> None:
    # A broken pipe: PID 1 has just ended, and its status is on the way to us.
    with suppress(BrokenPipeError):
        os.write(write_end, bytes([signo]))


def _pid_1(control: int, argv: Sequence[str]) -> int:
    os.set_inheritable(control, False)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    if _devices() != {"lo"} or _routes_beyond_loopback():
        print("this namespace is not sealed: it has devices or routes of its own", file=sys.stderr)
        return 125

    def listen(child: int) -> None:
        threading.Thread(target=_obey, args=(control, child), daemon=True).start()

    return supervise(argv, {**os.environ, FLAG: "1"}, started=listen)


def _obey(control: int, child: int) -> None:
    while order := os.read(control, 1):
        # No such process: it has just ended, and the main thread is about to return its status.
        with suppress(ProcessLookupError):
            os.kill(child, order[0])
    os._exit(129)  # The end of PID 1 is the end of every process in here.


def _under_our_pid_1() -> bool:
    try:
        words = Path("/proc/1/cmdline").read_bytes().split(b"\0")
        same_net = os.readlink("/proc/1/ns/net") == _own_namespace()
    except OSError:
        return False
    return same_net and os.fsencode(__file__) in words and b"pid-1" in words


def _devices() -> set[str]:
    return {name for _, name in socket.if_nameindex()} - _FALLBACK_DEVICES


def _routes_beyond_loopback() -> bool:
    ipv4 = Path("/proc/net/route").read_text().splitlines()[1:]
    ipv6_table = Path("/proc/net/ipv6_route")
    ipv6 = ipv6_table.read_text().splitlines() if ipv6_table.exists() else []
    return any(line.split()[0] != "lo" for line in ipv4) or any(
        line.split()[-1] != "lo" for line in ipv6
    )


def _search_path() -> str:
    """PATH with the folders that hold ip and nft, which an ordinary user's PATH leaves out."""
    return os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))


if __name__ == "__main__":
    if sys.argv[1] == "front":
        sys.exit(_front(sys.argv[2:]))
    if sys.argv[1] == "grouped":
        try:
            _grouped(sys.argv[2:])
        except OSError as error:
            sys.exit(f"unshare: {error.strerror or error}")
    sys.exit(_pid_1(int(sys.argv[2]), sys.argv[3:]))
