"""What the operator writes: settings files and variables, the tokens file, the state folder's switches."""

import os
import tempfile
from collections.abc import Callable
from functools import cache
from ipaddress import ip_network
from pathlib import Path

import msgspec

from netsonde.adapters.cli.json_document import Document, UnfitDocument
from netsonde.adapters.switches_file import NAME, SwitchesFile
from netsonde.adapters.tokens_file import read_tokens_file
from netsonde.bootstrap.settings_env import CONFIG_FILE
from netsonde.bootstrap.settings_load import Loaded, load
from netsonde.bootstrap.settings_problems import ConfigError
from netsonde.bootstrap.settings_table import general_rows
from netsonde.domain.access import Scope
from tests.unit.domain.asking import TOOLS

from .plain import assert_bounded

_HOME = {"HOME": "/home/someone"}
_TOOLS = tuple(tool.name for tool in TOOLS.values())


def settings_file(suffix: str) -> Callable[[bytes], None]:
    """A target: a settings file with that suffix."""

    def read(data: bytes) -> None:
        path = _written(f"settings{suffix}", data)
        _load(dict(_HOME), path, data)

    return read


def variables(data: bytes) -> None:
    """Variables of the environment, `NAME=text`, a NUL between them as execve(2) has it."""
    environ = dict(_HOME)
    for entry in data.split(b"\0"):
        name, _, text = entry.decode("utf-8", "surrogateescape").partition("=")
        environ[name] = text
    environ.pop(CONFIG_FILE, None)
    _load(environ, None, data)


def tokens_file(data: bytes) -> None:
    """The file of access tokens: all of it is right, or nothing is taken."""
    tokens = read_tokens_file(_written("tokens.toml", data), tools=_TOOLS)
    assert bool(tokens.credentials) != bool(tokens.problems)
    for problem in tokens.problems:
        assert len(problem.key) < 200 and len(problem.reason) < 500
        assert (problem.key + problem.reason).isprintable()
    for credential in tokens.credentials:
        caller = credential.caller
        assert len(credential.digest) == 32
        assert caller.name and caller.scopes and caller.scopes <= set(Scope)
        assert caller.tools is None or (caller.tools and caller.tools <= set(_TOOLS))
        assert caller.networks is None or caller.networks


def switches_file(data: bytes) -> None:
    """The switches of the state folder: damage is an OSError, which stops the start."""
    path = _written(NAME, data)
    try:
        disabled = SwitchesFile(os.path.dirname(path)).disabled()
    except OSError as error:
        assert len(str(error)) < 1000
        return
    assert all(isinstance(name, str) for name in disabled)


def json_document(data: bytes) -> None:
    """An MCP client's file, which `install` changes: read, written, read again, it is the same."""
    path = Path(_written("client.json", data))
    try:
        document = Document(path)
        backup = document.write()
    except UnfitDocument:
        assert path.read_bytes() == data
        return
    assert backup is not None and backup.read_bytes() == data
    backup.unlink()
    assert repr(Document(path).members) == repr(document.members)


def _load(environ: dict[str, str], path: str | None, data: bytes) -> None:
    try:
        loaded = load(environ, config=path)
    except ConfigError as error:
        assert error.problems
        assert len(str(error)) <= 64 * 1024 + 8 * len(data)
        return
    _check(loaded, data)


def _check(loaded: Loaded, data: bytes) -> None:
    rows = {row.key: row for row in general_rows()}
    for described in loaded.described(reveal=True):
        row = rows.get(described.key)
        if row is not None and row.least is not None and described.value is not None:
            assert row.least <= described.value <= (row.most or described.value), described.key
    policy = loaded.settings.security
    for text in (*policy.allowed_networks, *policy.denied_networks):
        assert str(ip_network(text)) == text
    for clamped in loaded.clamped:
        assert len(clamped.original) <= 40
    try:
        assert_bounded([msgspec.to_builtins(row) for row in loaded.described()], data, least=65536)
    except UnicodeEncodeError:
        assert b"\xed" in data or not _is_utf8(data), "a text that came from nowhere"


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    where = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # a folder of our own in it
    return tempfile.TemporaryDirectory(prefix="netsonde-fuzz-", dir=where)


def _written(name: str, data: bytes) -> str:
    path = os.path.join(_folder().name, name)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)
    return path
