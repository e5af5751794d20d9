"""The state folder's files of the record: its key, its locks, and a damaged file moved out of the way."""

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager

DATABASE = "record.db"
KEY = "audit.key"
LOCK = "record.lock"
KEY_BYTES = 32
OPENING_S = 10.0
_SIDE_FILES = ("", "-wal", "-shm")


def prepare(folder: str) -> str:
    """Make the folder (0700) if it is not there; gives its real path. Raises OSError."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return os.path.realpath(folder)


def read_key(folder: str) -> bytes:
    """The key of the chain; raises OSError."""
    path = os.path.join(folder, KEY)
    with open(path, "rb") as file:
        key = file.read(KEY_BYTES + 1)
    if len(key) != KEY_BYTES:
        raise OSError(f"{path} is no key of {KEY_BYTES} bytes; restore it from a backup")
    return key


def read_or_make_key(folder: str) -> bytes:
    """The key of the chain, made once; raises OSError if it is missing though there is a record.

    Call it within `opening`: two processes must not make one each.
    """
    path, database = os.path.join(folder, KEY), os.path.join(folder, DATABASE)
    try:
        return read_key(folder)
    except FileNotFoundError:
        if os.path.exists(database) and os.path.getsize(database) > 0:
            raise OSError(
                f"{path} is missing, but {database} was made with it: restore the key, or move "
                f"{database} away to begin a new record"
            ) from None
    fresh = f"{path}.new"  # a crash must not leave half a key
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "wb") as file:
        file.write(os.urandom(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    os.rename(fresh, path)
    sync(folder)
    return read_key(folder)


def make_private(path: str) -> None:
    """Make the file if it is not there, for its owner alone; SQLite gives its other files that mode."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        if mode & 0o077:
            os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


class UseLock:
    """Tells the other processes that the database is open here; the file itself stays empty.

    `opening` lets one process at a time look at, make or move the database.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        path = os.path.join(folder, LOCK)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o600)
        self._opening = os.open(f"{path}.opening", flags, 0o600)
        self._descriptors: tuple[int, ...] = (self._descriptor, self._opening)

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Raises OSError when another process takes longer than OPENING_S over it."""
        until_s = time.monotonic() + OPENING_S
        while not _flock(self._opening, fcntl.LOCK_EX):
            if time.monotonic() > until_s:
                raise OSError(f"{self._folder}: another netsonde has been opening the record")
            time.sleep(0.02)
        try:
            yield
        finally:
            fcntl.flock(self._opening, fcntl.LOCK_UN)

    def share(self) -> None:
        """From now on the database is in use."""
        _flock(self._descriptor, fcntl.LOCK_SH)

    def alone(self) -> bool:
        """Whether no other process uses the database. Ask it before `share`, within `opening`."""
        if not _flock(self._descriptor, fcntl.LOCK_EX):
            return False
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        return True

    def close(self) -> None:
        """The database is not in use here any more. Once is enough."""
        descriptors, self._descriptors = self._descriptors, ()
        for descriptor in descriptors:
            os.close(descriptor)


def set_aside(path: str, at_s: float) -> str:
    """Rename a database with its side files, which belong to it; gives its new name."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at_s))
    aside, tries = f"{path}.damaged-{stamp}", 0
    while os.path.lexists(aside):
        tries += 1
        aside = f"{path}.damaged-{stamp}.{tries}"
    for suffix in _SIDE_FILES:
        if os.path.lexists(path + suffix):
            os.rename(path + suffix, aside + suffix)
    sync(os.path.dirname(path))
    return aside


def sync(folder: str) -> None:
    """Make the names in the folder outlast a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flock(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
