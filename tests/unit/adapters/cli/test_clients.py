"""Where each client keeps its servers, and what it is told: pure functions of the surroundings."""

import sys
from pathlib import Path

import pytest

from netsonde.adapters.cli.clients import CLIENTS, Surroundings, config_path, entry, own_command

DESKTOP, CODE, VSCODE = CLIENTS


def around(platform: str, **environ: str) -> Surroundings:
    return Surroundings(
        platform=platform, environ=environ, home=Path("/home/ada"), project=Path("/srv/lab")
    )


@pytest.mark.parametrize(
    ("surroundings", "path"),
    [
        (around("linux"), "/home/ada/.config/Claude"),
        (around("linux", XDG_CONFIG_HOME="/etc/xdg-ada"), "/etc/xdg-ada/Claude"),
        (around("linux", XDG_CONFIG_HOME="relative"), "/home/ada/.config/Claude"),
        (around("linux", XDG_CONFIG_HOME=""), "/home/ada/.config/Claude"),
        (around("linux", APPDATA="/nowhere"), "/home/ada/.config/Claude"),
        (around("darwin"), "/home/ada/Library/Application Support/Claude"),
        (around("darwin", XDG_CONFIG_HOME="/x"), "/home/ada/Library/Application Support/Claude"),
        (around("win32", APPDATA="/c/Roaming"), "/c/Roaming/Claude"),
        (around("win32"), "/home/ada/AppData/Roaming/Claude"),
    ],
)
def test_claude_desktop_has_one_file_for_each_user(surroundings: Surroundings, path: str) -> None:
    for user in (False, True):
        file = config_path(DESKTOP, surroundings, user=user)
        assert file == Path(path) / "claude_desktop_config.json"


def test_claude_code_and_vs_code_read_a_file_of_the_project() -> None:
    assert config_path(CODE, around("linux"), user=False) == Path("/srv/lab/.mcp.json")
    assert config_path(VSCODE, around("linux"), user=False) == Path("/srv/lab/.vscode/mcp.json")


@pytest.mark.parametrize(
    ("surroundings", "path"),
    [
        (around("linux"), "/home/ada/.claude.json"),
        (around("linux", CLAUDE_CONFIG_DIR="/etc/claude"), "/etc/claude/.claude.json"),
    ],
)
def test_claude_code_has_a_file_for_every_project(surroundings: Surroundings, path: str) -> None:
    assert config_path(CODE, surroundings, user=True) == Path(path)


@pytest.mark.parametrize(
    ("surroundings", "path"),
    [
        (around("linux"), "/home/ada/.config/Code/User/mcp.json"),
        (around("darwin"), "/home/ada/Library/Application Support/Code/User/mcp.json"),
        (around("win32", APPDATA="/c/Roaming"), "/c/Roaming/Code/User/mcp.json"),
    ],
)
def test_vs_code_has_a_file_for_every_project(surroundings: Surroundings, path: str) -> None:
    assert config_path(VSCODE, surroundings, user=True) == Path(path)


def test_an_entry_names_the_transport_where_the_client_wants_it() -> None:
    command = ("/opt/netsonde/bin/netsonde", "serve")
    bare = {"command": command[0], "args": ["serve"]}
    assert entry(DESKTOP, command) == bare
    assert entry(CODE, command) == entry(VSCODE, command) == {"type": "stdio"} | bare


def test_the_command_is_this_executable_and_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "netsonde"
    script.touch()
    assert own_command(str(script), "/usr/bin/python3") == (str(script), "serve")
    monkeypatch.chdir(tmp_path)
    assert own_command("./netsonde", "/usr/bin/python3") == (str(script), "serve")


def test_the_interpreter_of_a_virtual_environment_is_not_resolved(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    module = tmp_path / "netsonde" / "__main__.py"
    assert own_command(str(module), str(python)) == (str(python), "-m", "netsonde", "serve")


def test_a_script_that_is_not_there_is_not_named(tmp_path: Path) -> None:
    gone = str(tmp_path / "netsonde")
    assert own_command(gone, "/usr/bin/python3") == ("/usr/bin/python3", "-m", "netsonde", "serve")
