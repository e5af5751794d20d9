"""The command install-client: what it writes, prints, keeps and refuses."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.unit.adapters.cli.world import World

NAMES = ("claude-desktop", "claude-code", "vscode")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without anything in it, the project's folder at once."""
    for variable in ("XDG_CONFIG_HOME", "CLAUDE_CONFIG_DIR", "APPDATA"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys, "argv", ["-m"])
    monkeypatch.setattr(sys, "executable", "/venv/bin/python")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def install(*words: str) -> Result:
    return World().call("install-client", *words)


def read(path: Path) -> Any:
    return json.loads(path.read_text())


@pytest.mark.parametrize(
    ("words", "file", "member"),
    [
        (("claude-desktop",), ".config/Claude/claude_desktop_config.json", "mcpServers"),
        (("claude-code",), ".mcp.json", "mcpServers"),
        (("claude-code", "--user"), ".claude.json", "mcpServers"),
        (("vscode",), ".vscode/mcp.json", "servers"),
        (("vscode", "--user"), ".config/Code/User/mcp.json", "servers"),
    ],
)
def test_it_makes_the_file_that_the_client_reads(
    home: Path, words: tuple[str, ...], file: str, member: str
) -> None:
    result = install(*words)
    assert result.exit_code == 0, result.output
    told = read(home / file)[member]["netsonde"]
    assert told["command"] == "/venv/bin/python"
    assert told["args"] == ["-m", "netsonde", "serve"]
    assert told.get("type", "stdio") == "stdio"
    assert str(home / file) in result.stdout
    assert "Written" in result.stdout


@pytest.mark.parametrize("name", NAMES)
def test_a_dry_run_says_the_same_and_writes_nothing(home: Path, name: str) -> None:
    result = install(name, "--dry-run")
    assert result.exit_code == 0
    assert '+ command: "/venv/bin/python"' in result.stdout
    assert "Nothing was written" in result.stdout
    assert os.listdir(home) == []


def test_everything_else_stays_and_the_old_file_too(home: Path) -> None:
    path = home / ".mcp.json"
    old: dict[str, Any] = {
        "mcpServers": {"other": {"command": "x", "env": {"KEY": "s3cret"}}},
        "more": [1],
    }
    path.write_text(json.dumps(old))
    result = install("claude-code")
    assert result.exit_code == 0
    new = read(path)
    assert new.pop("more") == [1]
    assert new["mcpServers"].pop("other") == old["mcpServers"]["other"]
    assert list(new["mcpServers"]) == ["netsonde"]
    assert read(home / ".mcp.json.bak") == old
    assert ".mcp.json.bak" in result.stdout
    assert "s3cret" not in result.output


def test_a_second_time_there_is_nothing_to_do(home: Path) -> None:
    install("vscode")
    result = install("vscode")
    assert result.exit_code == 0
    assert "nothing to do" in result.stdout
    assert os.listdir(home / ".vscode") == ["mcp.json"]


def test_the_policy_in_an_older_entry_is_kept_and_not_shown(home: Path) -> None:
    path = home / ".mcp.json"
    env = {"MCP_SECURITY_ALLOWED_NETWORKS": "10.1.0.0/16"}
    path.write_text(
        json.dumps({"mcpServers": {"netsonde": {"command": "/old", "env": env, "timeout": 9}}})
    )
    result = install("claude-code")
    entry = read(path)["mcpServers"]["netsonde"]
    assert (entry["env"], entry["timeout"], entry["type"]) == (env, 9, "stdio")
    assert '- command: "/old"' in result.stdout
    assert '+ command: "/venv/bin/python"' in result.stdout
    assert "10.1.0.0" not in result.output
    assert "MCP_SECURITY_ALLOWED_NETWORKS" in result.stdout


def test_an_entry_for_http_becomes_one_for_stdio_and_its_token_is_not_shown(home: Path) -> None:
    path = home / ".mcp.json"
    http = {"type": "http", "url": "https://n/mcp", "headers": {"Authorization": "Bearer s3cret"}}
    path.write_text(json.dumps({"mcpServers": {"netsonde": http}}))
    result = install("claude-code")
    assert set(read(path)["mcpServers"]["netsonde"]) == {"type", "command", "args"}
    assert '- url: "https://n/mcp"' in result.stdout
    assert "s3cret" not in result.output


@pytest.mark.parametrize(
    "text",
    [
        "{ // for ada\n}",
        "[]",
        '{"mcpServers": []}',
        '{"mcpServers": null}',
        '{"mcpServers": {"netsonde": "x"}}',
    ],
)
def test_a_file_that_it_cannot_mend_is_left_alone_and_the_entry_is_told(
    home: Path, text: str
) -> None:
    path = home / ".mcp.json"
    path.write_text(text)
    result = install("claude-code")
    assert result.exit_code != 0
    assert path.read_text() == text
    assert str(path) in result.stderr
    assert "Nothing was written" in result.stderr
    assert '"command": "/venv/bin/python"' in result.stderr
    assert os.listdir(home) == [".mcp.json"]


def test_a_file_that_cannot_be_read_or_made_is_told(home: Path) -> None:
    (home / ".mcp.json").mkdir()
    result = install("claude-code")
    assert result.exit_code != 0
    assert "Is a directory" in result.stderr
    (home / ".vscode").write_text("")
    result = install("vscode")
    assert result.exit_code != 0
    assert "Nothing was written" in result.stderr


def test_an_unknown_client_is_a_mistake_in_usage() -> None:
    result = install("emacs")
    assert result.exit_code == 2
    assert "claude-desktop" in result.stderr


def test_without_a_home_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)
    result = install("claude-code")
    assert result.exit_code != 0
    assert "Set HOME" in result.stderr
