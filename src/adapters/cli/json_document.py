"""Reads and writes JSON files that belong to other programs, and loses nothing of what is in them."""

import itertools
import json
import math
import os
import re
from pathlib import Path
from typing import Any, NoReturn

MAX_BYTES = 64 * 1024 * 1024  # Claude Code's grows with its history
_DEFAULT_INDENT = "  "


class UnfitDocument(Exception):
    """A file that can't be changed without a risk to what is in it; the text says why."""


class Document:
    """A JSON object in a file, as it was when it was read. A file that is missing is an empty one."""

    def __init__(self, path: Path) -> None:
        """Read `path`; `UnfitDocument` if it is no JSON object, OSError if it can't be read."""
        self.path = path.resolve()  # many keep such files in a repository, behind a link
        self._bytes = _read(self.path)
        text = _decode(self._bytes or b"")
        self._indent = _indent_of(text)
        self.members: dict[str, Any] = _parse(text) if text.strip() else {}

    @property
    def exists(self) -> bool:
        """Whether there was a file."""
        return self._bytes is not None

    def write(self) -> Path | None:
        """Replace the file by `members`, at once or not at all; gives the backup of the old one.

        `UnfitDocument` if another program wrote it after we read it: its change would be lost.
        """
        data = _encode(self.members, self._indent)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_name(f".{self.path.name}.netsonde-{os.getpid()}")
        try:
            _create(new, data, like=self.path if self.exists else None)
            if _read(self.path) != self._bytes:
                raise UnfitDocument("another program has just changed it; try again")
            backup = self._back_up()
            os.replace(new, self.path)
        finally:
            new.unlink(missing_ok=True)
        return backup

    def _back_up(self) -> Path | None:
        if self._bytes is None:
            return None
        for number in itertools.count():
            backup = self.path.with_name(f"{self.path.name}.bak{number or ''}")
            try:
                _create(backup, self._bytes, like=self.path)
            except FileExistsError:
                continue  # the backup of an earlier time is never overwritten
            return backup
        raise AssertionError("itertools.count has no end")


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    if len(data) > MAX_BYTES:
        raise UnfitDocument(f"it is larger than {MAX_BYTES} bytes")
    return data


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")  # editors on Windows begin with a byte order mark
    except UnicodeDecodeError as error:
        raise UnfitDocument(f"it is not UTF-8: {error}") from error


def _parse(text: str) -> dict[str, Any]:
    try:
        value = json.loads(
            text, object_pairs_hook=_members, parse_constant=_no_constant, parse_float=_finite
        )
    except (ValueError, RecursionError) as error:
        raise UnfitDocument(f"it is no valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise UnfitDocument("it holds no JSON object")
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two members with one name the first would get lost in silence."""
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"an object has the member {twice!r} twice")
    return members


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits} is too large")  # it would be written as Infinity
    return number


def _indent_of(text: str) -> str:
    """That of the first member that has a line of its own."""
    found = re.search(r"^\{\s*\n([ \t]+)\"", text)
    return found[1] if found else _DEFAULT_INDENT


def _encode(members: dict[str, Any], indent: str) -> bytes:
    try:
        return (json.dumps(members, indent=indent, ensure_ascii=False) + "\n").encode()
    except RecursionError as error:  # writing takes more of the stack than reading
        raise UnfitDocument("it is nested too deeply") from error
    except UnicodeEncodeError:  # half of a surrogate pair, written as \ud800, can only stay so
        return (json.dumps(members, indent=indent) + "\n").encode()


def _create(path: Path, data: bytes, *, like: Path | None) -> None:
    """Write a new file to the disk, with the owner and the mode of `like`: it may hold secrets."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if like else 0o666)
    with os.fdopen(descriptor, "wb") as file:
        if like is not None:
            model = like.stat()
            own = os.fstat(file.fileno())
            if (model.st_uid, model.st_gid) != (own.st_uid, own.st_gid):
                os.chown(file.fileno(), model.st_uid, model.st_gid)  # sudo: it stays the user's
            os.chmod(file.fileno(), model.st_mode & 0o777)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
