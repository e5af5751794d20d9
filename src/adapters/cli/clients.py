"""The MCP clients that can be told about netsonde: where each keeps its servers, and what an entry is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

SERVER_NAME = "netsonde"


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """One client. `member` is the JSON member that holds the servers by name."""

    name: str
    title: str
    member: str
    entry_has_type: bool
    of_project: bool  # whether it reads a file of the current project unless told otherwise


CLIENTS = (
    Client(
        name="claude-desktop",
        title="Claude Desktop",
        member="mcpServers",
        entry_has_type=False,
        of_project=False,
    ),
    Client(
        name="claude-code",
        title="Claude Code",
        member="mcpServers",
        entry_has_type=True,
        of_project=True,
    ),
    Client(name="vscode", title="VS Code", member="servers", entry_has_type=True, of_project=True),
)


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """Where we are: `platform` as in sys.platform, the home and the project's folder."""

    platform: str
    environ: Mapping[str, str]
    home: Path
    project: Path


def config_path(client: Client, around: Surroundings, *, user: bool) -> Path:
    """The file in which `client` looks up its servers; with `user`, the one for every project."""
    if client.of_project and not user:
        name = ".mcp.json" if client.name == "claude-code" else ".vscode/mcp.json"
        return around.project / name
    if client.name == "claude-code":
        return _folder(around.environ, "CLAUDE_CONFIG_DIR", around.home) / ".claude.json"
    if client.name == "vscode":
        return _applications(around) / "Code" / "User" / "mcp.json"
    return _applications(around) / "Claude" / "claude_desktop_config.json"


def entry(client: Client, command: tuple[str, ...]) -> dict[str, Any]:
    """What makes `client` start `command` and speak MCP on its standard streams."""
    told: dict[str, Any] = {"type": "stdio"} if client.entry_has_type else {}
    return told | {"command": command[0], "args": list(command[1:])}


def own_command(argv0: str, python: str) -> tuple[str, ...]:
    """The command line that starts this very netsonde as a server, with absolute paths.

    Links stay as they are: the interpreter of a virtual environment is a link, and is lost behind it.
    A client's PATH is not ours: on macOS a program started from the desktop has a short one.
    """
    script = Path(argv0)
    if script.stem == "netsonde" and script.is_file():
        return (str(script.absolute()), "serve")
    return (str(Path(python).absolute()), "-m", "netsonde", "serve")


def _applications(around: Surroundings) -> Path:
    """Where programs of the desktop keep their settings."""
    if around.platform == "darwin":
        return around.home / "Library" / "Application Support"
    if around.platform == "win32":
        return _folder(around.environ, "APPDATA", around.home / "AppData" / "Roaming")
    return _folder(around.environ, "XDG_CONFIG_HOME", around.home / ".config")


def _folder(environ: Mapping[str, str], variable: str, otherwise: Path) -> Path:
    """A relative path is no answer (XDG Base Directory Specification: "invalid", to be ignored)."""
    path = Path(environ.get(variable, ""))
    return path if path.is_absolute() else otherwise
