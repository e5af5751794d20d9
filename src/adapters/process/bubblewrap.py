"""bubblewrap (bwrap(1)): a program in namespaces of its own, with a file view of its own.

It is the sandbox of Flatpak, in every distribution, and it cleans up after itself: when it ends,
mounts and processes end with it, by the kernel.
"""

import signal
from collections.abc import Iterator
from typing import Final

import msgspec

from . import capabilities
from .file_view import DEVICES, ETC, FileView, is_within

NAME: Final = "bwrap"
_PRIVATE_BYTES: Final = 1 << 20  # what fits into a run's own directory
_LAST_SIGNAL: Final = 64


class Bubblewrap(msgspec.Struct, frozen=True, kw_only=True):
    """How it is called on this host.

    `view` None leaves the file system as it is. `user_namespace`: the server may not unshare
    anything itself and gets a user namespace for it, in which raw sockets can't be had (they belong
    to the network namespace's owner). `has_capabilities`: of the server, to be taken away.
    """

    path: str
    view: FileView | None
    pid_namespace: bool
    user_namespace: bool
    has_capabilities: bool
    may_bound: bool  # the server may change its bounding set

    def confine(self) -> None:
        """For the thread that starts it: leave it what it needs to make namespaces and mounts.

        It takes the first from the program itself, and refuses to start as a user with any at all.
        setpriv could do this and ask for the parent-death signal earlier, for a millisecond more;
        the write to a pipe in links.py covers that moment.
        """
        capabilities.clear_ambient()
        if self.may_bound:
            capabilities.bound_to(capabilities.CAP_SYS_ADMIN, capabilities.CAP_NET_RAW)

    def words(
        self, *, program: str, directory: str, raw: bool, seccomp: int | None
    ) -> tuple[str, ...]:
        """All before the next link. `directory` becomes an empty, private file system in memory."""
        return tuple(self._words(program, directory, raw, seccomp))

    def _words(self, program: str, directory: str, raw: bool, seccomp: int | None) -> Iterator[str]:
        # In a session of its own the program can be signalled without its monitor, see Launch.
        yield from (self.path, "--die-with-parent", "--new-session")
        yield from ("--unshare-ipc", "--unshare-uts")
        if self.user_namespace:
            yield "--unshare-user"
        if self.pid_namespace:
            yield "--unshare-pid"
        if self.has_capabilities:
            yield from ("--cap-drop", "ALL")
            if raw:
                yield from ("--cap-add", "CAP_NET_RAW")
        if self.view is None:
            yield from ("--dev-bind", "/", "/")
        else:
            yield from self._mounts(self.view, program)
        if self.pid_namespace:
            yield from ("--proc", "/proc")
        elif self.view is not None:
            yield from ("--ro-bind", "/proc", "/proc")
        yield from ("--perms", "0700", "--size", str(_PRIVATE_BYTES), "--tmpfs", directory)
        if self.view is not None:
            yield from ("--remount-ro", "/")
        yield from ("--chdir", directory)
        if seccomp is not None:
            yield from ("--seccomp", str(seccomp))
        yield "--"

    def _mounts(self, view: FileView, program: str) -> Iterator[str]:
        for path in view.directories:
            yield from ("--ro-bind", path, path)
        for path, target in view.links:
            yield from ("--symlink", target, path)
        for path in ETC:
            yield from ("--ro-bind-try", path, path)
        for path in DEVICES:
            yield from ("--dev-bind-try", path, path)
        yield from ("--symlink", "/proc/self/fd", "/dev/fd")  # -oX /dev/fd/63
        for path in view.readable:
            yield from ("--ro-bind-try", path, path)
        linked = (path for path, _ in view.links)
        if not is_within(program, (*view.directories, *linked, *view.readable)):
            yield from ("--ro-bind-try", program, program)


def exit_status(returncode: int) -> int:
    """A signal's end as Popen tells it; bwrap tells it as a shell does, by 128 and the number.

    A program that itself exits with such a status can't be told from it. None of the five does.
    """
    number = returncode - 128
    return -number if 0 < number <= _LAST_SIGNAL and number in set(signal.Signals) else returncode
