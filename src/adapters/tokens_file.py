"""The file of access tokens (`security.tokens_file`): TOML that only the right people can change."""

import os
import stat
import tomllib
from collections.abc import Collection

import msgspec

from ..application.credentials import Flaw, Flawed, read_credentials
from ..application.gate import Credential
from ..domain.text import has_long_path

MAX_BYTES = 1024 * 1024


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What the file came to: credentials, or problems and none. `warnings` stop nothing."""

    credentials: tuple[Credential, ...] = ()
    problems: tuple[Flaw, ...] = ()
    warnings: tuple[str, ...] = ()


def read_tokens_file(path: str, *, tools: Collection[str]) -> Tokens:
    """Read the file; `tools` are the names of the tools there are. Never raises.

    A link is followed, as those of Kubernetes' secrets must be.
    """
    warnings: list[str] = []
    try:
        text = _read(path, warnings).decode()
        if has_long_path(text):
            raise _Unfit("has a key of far too many parts")
        document = tomllib.loads(text)
    except _Unfit as error:
        return _problem(str(error))
    except OSError as error:
        return _problem(f"can't be read: {error.strerror}")
    except UnicodeDecodeError as error:
        return _problem(f"is no UTF-8, at byte {error.start}")
    except tomllib.TOMLDecodeError as error:
        return _problem(f"is no TOML: {str(error)[:120]}")
    except (ValueError, RecursionError) as error:  # a NUL in the path, a number out of all bounds
        return _problem(f"can't be read: {type(error).__name__}")
    found = read_credentials(document, tools=tools)
    if isinstance(found, Flawed):
        return Tokens(problems=found.flaws, warnings=tuple(warnings))
    return Tokens(credentials=found, warnings=tuple(warnings))


class _Unfit(Exception):
    """The file must not be used; the text says why."""


def _read(path: str, warnings: list[str]) -> bytes:
    # Not blocking: a FIFO in its place must not hold the start up.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise _Unfit("is no regular file")
        if found.st_mode & stat.S_IWOTH:
            raise _Unfit("may be written by anybody: chmod o-w")
        folder = os.stat(os.path.dirname(os.path.realpath(path)))
        if folder.st_mode & stat.S_IWOTH and not folder.st_mode & stat.S_ISVTX:
            raise _Unfit("is in a folder where anybody may replace it: chmod o-w the folder")
        if found.st_mode & stat.S_IROTH:
            warnings.append(
                "may be read by anybody; it holds digests only, but chmod o-r is better"
            )
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise _Unfit(f"is larger than {MAX_BYTES} bytes")
    return data


def _problem(reason: str) -> Tokens:
    return Tokens(problems=(Flaw("", reason),))
