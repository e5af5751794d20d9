"""The programs installed on this host, as far as they can be trusted."""

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
        """The absolute path, symbolic links resolved, of the first program that can be trusted."""
        return next((path for path, flaw in self._candidates(name) if flaw is None), None)

    def flaws(self, name: str) -> tuple[str, ...]:
        """Why programs of that name were passed over, as sentences; empty when none was seen."""
        return tuple(f"{path}: {flaw}" for path, flaw in self._candidates(name) if flaw)

    def _candidates(self, name: str) -> list[tuple[str, str | None]]:
        if not name or "/" in name or "\0" in name or name in (".", ".."):
            return []
        paths = [os.path.join(directory, name) for directory in self._directories]
        real = dict.fromkeys(os.path.realpath(path) for path in paths if os.path.lexists(path))
        return [(path, self._flaw(path)) for path in real]

    def _flaw(self, path: str) -> str | None:
        """What speaks against running this file, or None."""
        try:
            file, directory = os.stat(path), os.stat(os.path.dirname(path))
        except OSError as error:
            return os.strerror(error.errno or 0)
        if not stat.S_ISREG(file.st_mode):
            return "not a regular file"
        if not os.access(path, os.X_OK):
            return "not executable"
        for what, found in (("the file", file), ("its directory", directory)):
            if found.st_uid not in self._trusted_uids:
                return f"{what} belongs to uid {found.st_uid}, who isn't trusted"
        if file.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return "group or others may write to it"
        # Others may not replace what they don't own in a sticky directory (unlink(2), EPERM). A group
        # is let be here: Debian gives /usr/local/bin to the group staff.
        if directory.st_mode & stat.S_IWOTH and not directory.st_mode & stat.S_ISVTX:
            return "anybody may replace files in its directory"
        return None


def _usual_uids() -> frozenset[int]:
    # The owner of / may replace any program anyway. In a user namespace that doesn't map the
    # host's root (the network lab), this is how root's files show: as the overflow uid.
    return frozenset({0, os.geteuid(), os.stat("/").st_uid})
