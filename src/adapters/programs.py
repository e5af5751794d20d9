"""The programs installed on this host, as far as they can be trusted."""

import hashlib
import os
import stat
from collections.abc import Sequence

from ..domain.environment import SEARCH_PATH


class InstalledPrograms:
    """Finds programs in the fixed search path, whatever the server's own PATH says.

    `extra_dirs` (plug-ins, tests) come last, so that they can add a program but not replace one.
    A program must belong to one of `trusted_uids`: None for root and this server's own user.
    """

    def __init__(
        self, extra_dirs: Sequence[str] = (), *, trusted_uids: frozenset[int] | None = None
    ) -> None:
        self._directories = (*SEARCH_PATH, *extra_dirs)
        self._trusted_uids = _usual_uids() if trusted_uids is None else trusted_uids

    def find(self, name: str) -> str | None:
        """The absolute path of the first program that can be trusted.

        The path is the one with the program's own name (`traceroute`, not Debian's `traceroute.db`
        behind it); the file behind every link was looked at.
        """
        return next((path for path, flaw in self._candidates(name) if flaw is None), None)

    def flaws(self, name: str) -> tuple[str, ...]:
        """Why programs of that name were passed over, as sentences; empty when none was seen."""
        return tuple(f"{path}: {flaw}" for path, flaw in self._candidates(name) if flaw)

    def objection(self, path: str, sha256: str = "") -> str | None:
        """See the port. The file is read whole if `sha256` is given."""
        if not os.path.isabs(path) or "\0" in path:
            return f"{path!a} is no absolute path"
        real = os.path.realpath(path)
        flaw = self._flaw(real)
        for start in (path, real) if flaw is None else ():
            for folder in _folders_above(start):
                flaw = flaw or self._directory_flaw(folder)
        if flaw is None and sha256:
            flaw = _not_pinned(real, sha256)
        return f"{path}: {flaw}" if flaw else None

    def _candidates(self, name: str) -> list[tuple[str, str | None]]:
        if not name or "/" in name or "\0" in name or name in (".", ".."):
            return []
        paths = [os.path.join(directory, name) for directory in self._directories]
        seen: dict[str, str] = {}
        for path in paths:
            if os.path.lexists(path):
                seen.setdefault(os.path.realpath(path), path)
        return [
            (path, self._flaw(real) or self._directory_flaw(os.path.dirname(path)))
            for real, path in seen.items()
        ]

    def _flaw(self, path: str) -> str | None:
        """What speaks against running this file, its links resolved, or None."""
        try:
            file = os.stat(path)
        except OSError as error:
            return os.strerror(error.errno or 0)
        if not stat.S_ISREG(file.st_mode):
            return "not a regular file"
        if not os.access(path, os.X_OK):
            return "not executable"
        if file.st_uid not in self._trusted_uids:
            return f"the file belongs to uid {file.st_uid}, who isn't trusted"
        if file.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return "group or others may write to it"
        if file.st_mode & (stat.S_ISUID | stat.S_ISGID):
            # With no_new_privs the bit has no effect; without, it gives rights that no plan has.
            return "set-uid or set-gid: it would have rights that aren't the server's"
        return self._directory_flaw(os.path.dirname(path))

    def _directory_flaw(self, path: str) -> str | None:
        """Why somebody untrusted might put another file where one was looked at, or None."""
        try:
            directory = os.stat(path)
        except OSError as error:
            return os.strerror(error.errno or 0)
        if directory.st_uid not in self._trusted_uids:
            return f"the directory {path} belongs to uid {directory.st_uid}, who isn't trusted"
        # Others may not replace what they don't own in a sticky directory (unlink(2), EPERM). A group
        # is let be here: Debian gives /usr/local/bin to the group staff.
        if directory.st_mode & stat.S_IWOTH and not directory.st_mode & stat.S_ISVTX:
            return f"anybody may replace files in the directory {path}"
        return None


def _folders_above(path: str) -> list[str]:
    folders = [os.path.dirname(path)]
    while folders[-1] != "/":
        folders.append(os.path.dirname(folders[-1]))
    return folders


def _not_pinned(path: str, sha256: str) -> str | None:
    try:
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"can't be read: {os.strerror(error.errno or 0)}"
    return None if found == sha256 else f"its SHA-256 is {found}, but {sha256} is pinned"


def _usual_uids() -> frozenset[int]:
    # The owner of / may replace any program anyway. In a user namespace that doesn't map the
    # host's root (the network lab), this is how root's files show: as the overflow uid.
    return frozenset({0, os.geteuid(), os.stat("/").st_uid})
