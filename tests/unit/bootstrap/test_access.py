"""Credentials as the settings name them: all of them, or every problem at once."""

import logging
from pathlib import Path

import pytest

from netsonde.application.tokens import digest_of
from netsonde.bootstrap.access import read_credentials
from netsonde.bootstrap.settings import Settings
from netsonde.bootstrap.settings_load import load
from netsonde.bootstrap.settings_problems import ConfigError, Problem

TOOLS = ("PingTool",)
TOKEN = "a-token-of-sixteen-characters"
TABLE = f"""
[[token]]
name = "ops"
sha256 = "{digest_of("another-token-for-ops").hex()}"
scopes = ["read"]
"""


def settings(**environ: str) -> Settings:
    return load(environ).settings


def problems(**environ: str) -> list[Problem]:
    with pytest.raises(ConfigError) as raised:
        read_credentials(settings(**environ), TOOLS)
    return list(raised.value.problems)


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens.toml"
    path.write_text(TABLE)
    path.chmod(0o600)
    return path


def test_without_any_there_is_none() -> None:
    assert read_credentials(settings(), TOOLS) == ()


def test_the_variable_and_the_file_add_up(tokens: Path) -> None:
    found = read_credentials(
        settings(MCP_AUTH_TOKEN=TOKEN, MCP_SECURITY_TOKENS_FILE=str(tokens)), TOOLS
    )
    assert [credential.caller.name for credential in found] == ["admin", "ops"]
    assert found[0].digest == digest_of(TOKEN)


@pytest.mark.parametrize("token", ["short", "x" * 4097, "with a blank in its middle", "é" * 20])
def test_a_token_that_no_header_carries_is_a_problem_that_does_not_repeat_it(token: str) -> None:
    (problem,) = problems(MCP_AUTH_TOKEN=token)
    assert (problem.source, problem.key) == ("MCP_AUTH_TOKEN", "security.auth_token")
    assert token not in str(problem)


@pytest.mark.parametrize("text", ["", "token = 1", "[[token]]\nname = 1", "[[token", "\0"])
def test_a_file_that_can_not_be_used_is_a_problem_and_never_no_token(
    tokens: Path, text: str
) -> None:
    tokens.write_text(text)
    for problem in problems(MCP_SECURITY_TOKENS_FILE=str(tokens)):
        assert problem.source == str(tokens)


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    (problem,) = problems(MCP_SECURITY_TOKENS_FILE=str(tmp_path / "none.toml"))
    assert problem.source.endswith("none.toml")


def test_the_problems_of_both_are_told_at_once(tokens: Path) -> None:
    tokens.write_text(TABLE.replace("read", "reed").replace("ops", "o p s"))
    found = problems(MCP_AUTH_TOKEN="short", MCP_SECURITY_TOKENS_FILE=str(tokens))
    assert [problem.source for problem in found] == ["MCP_AUTH_TOKEN", *[str(tokens)] * 2]


def test_a_tool_that_is_not_there_is_a_problem(tokens: Path) -> None:
    tokens.write_text(TABLE + 'tools = ["PingTol"]\n')
    (problem,) = problems(MCP_SECURITY_TOKENS_FILE=str(tokens))
    assert "PingTool" in str(problem)


def test_what_is_no_more_than_unwise_is_told_to_the_log(
    tokens: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tokens.chmod(0o644)
    with caplog.at_level(logging.WARNING, "netsonde"):
        assert len(read_credentials(settings(MCP_SECURITY_TOKENS_FILE=str(tokens)), TOOLS)) == 1
    (line,) = caplog.records
    assert line.getMessage() == "security.tokens_file"
    assert line.__dict__["fields"]["file"] == str(tokens)
