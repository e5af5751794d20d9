"""Whether a program is still the one that is pinned, asked right before each start."""

import hashlib
import os

Stamp = tuple[int, int, int, int, int]


class ProgramDigests:
    """Reads a file again only when its stamp has changed since it was last read.

    Who can replace the file between this look and execve(2) can also have the pin changed: only the
    owner of the file and of its folder can, who are trusted (see the adapter `programs`). ctime is
    in the stamp since no user can set it.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[Stamp, str]] = {}

    def objection(self, path: str, sha256: str) -> str | None:
        """Why the program at `path` isn't the one with this digest, or None."""
        try:
            found = self._digest(path)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            return f"{path} can't be compared with its pinned SHA-256: {reason or error}"
        if found != sha256:
            return f"{path}: its SHA-256 is {found}, but {sha256} is pinned"
        return None

    def _digest(self, path: str) -> str:
        known = self._known.get(path)
        if known is not None and known[0] == _stamp(os.stat(path)):
            return known[1]
        with open(path, "rb") as file:
            before = _stamp(os.fstat(file.fileno()))
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            if before == _stamp(os.fstat(file.fileno())):
                self._known[path] = (before, digest)
        return digest


def _stamp(found: os.stat_result) -> Stamp:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
