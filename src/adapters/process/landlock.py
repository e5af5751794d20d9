"""Landlock (landlock(7)): a thread gives up what its view doesn't name, for itself and its children.

Used where a view of its own (bubblewrap) can't be had: no privilege and no user namespace is needed,
only Linux 5.13 or later with Landlock switched on.
"""

import ctypes
import errno
import os
import struct
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Final

from .file_view import DEVICES, ETC, FileView

# The same on every processor.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG, _PATH_BENEATH = 1, 1
_PR_SET_NO_NEW_PRIVS: Final = 38

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_ALL_OF_FIRST: Final = (1 << 13) - 1
_FOR_FILES: Final = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_READ: Final = _READ_FILE | _READ_DIR
_RUN: Final = _READ | _EXECUTE
_SCOPE_ABSTRACT_UNIX, _SCOPE_SIGNAL = 1 << 0, 1 << 1
_SCOPED_ABI: Final = 6

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def abi() -> int:
    """The kernel's version of Landlock; raises OSError where there is none."""
    return _call(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION_FLAG)


def scopes_signals(version: int) -> bool:
    """Whether what is restricted can't signal what isn't (Linux 6.12)."""
    return version >= _SCOPED_ABI


def refuse_new_privileges() -> None:
    """For this thread and what it starts; raises OSError."""
    if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def restrict_thread(
    version: int, view: FileView, *, program: str, directory: str, writable: Iterable[str] = ()
) -> None:
    """Restrict the calling thread for good; raises OSError, and then it is not restricted.

    Since a domain is this thread's own and a sibling of all others, what it starts can't trace
    (read the memory or environment of) or, from version 6 on, signal anything else of this user.
    """
    fs = _ALL_OF_FIRST
    for since, right in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV)):
        fs |= right if version >= since else 0
    attributes = struct.pack(
        "=QQQ", fs, 0, _SCOPE_ABSTRACT_UNIX | _SCOPE_SIGNAL if scopes_signals(version) else 0
    )[: 24 if scopes_signals(version) else 8]
    with ExitStack() as stack:
        ruleset = _call(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
        stack.callback(os.close, ruleset)
        for path in (*view.directories, *view.readable, program):
            _allow(ruleset, path, _RUN & fs)
        for path in (*ETC, "/proc"):
            _allow(ruleset, path, _READ & fs if path != "/proc" else _READ_FILE)
        for path in DEVICES:
            _allow(ruleset, path, (_READ_FILE | _WRITE_FILE) & fs)
        for path in writable:
            _allow(ruleset, path, (_WRITE_FILE | _TRUNCATE) & fs)
        _allow(ruleset, directory, fs & ~_EXECUTE)
        refuse_new_privileges()
        _call(_RESTRICT_SELF, ruleset, 0)


def _allow(ruleset: int, path: str, rights: int) -> None:
    """What isn't there needs no rule."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not os.path.isdir(path):
            rights &= _FOR_FILES
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, place), 0)
    finally:
        os.close(place)


def _call(number: int, *arguments: object) -> int:
    result: int = _libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        number = ctypes.get_errno()
        reason = {
            errno.ENOSYS: "this kernel has no Landlock (Linux 5.13)",
            errno.EOPNOTSUPP: "Landlock is switched off (boot parameter lsm=)",
        }
        raise OSError(number, reason.get(number, os.strerror(number)))
    return result
