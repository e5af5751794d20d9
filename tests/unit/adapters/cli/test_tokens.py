"""`netsonde token`: what it prints is what the service reads."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.adapters.tokens_file import read_tokens_file
from netsonde.application.credentials import read_credentials
from netsonde.application.gate import Credential
from netsonde.application.tokens import digest_of, object_to_name
from netsonde.domain.access import Scope
from tests.unit.adapters.cli.world import World

TOOLS = ("NmapTool", "TracertTool", "PingTool", "MtrTool", "DigTool")


def made(*words: str) -> tuple[str, str]:
    """The token and the TOML that `token new` prints."""
    result = World().call("token", "new", *words)
    assert result.exit_code == 0, result.output
    token, empty, toml = result.stdout.split("\n", 2)
    assert empty == ""
    return token, toml


def only(toml: str) -> Credential:
    found = read_credentials(tomllib.loads(toml), tools=TOOLS)
    assert isinstance(found, tuple)
    (credential,) = found
    return credential


def test_a_new_token_is_let_in_by_the_lines_below_it(tmp_path: Path) -> None:
    token, toml = made("ops", "--scope", "read", "--tool", "ping", "--network", "10.1.0.0/16")
    file = tmp_path / "tokens.toml"
    file.touch(0o600)
    file.write_text(toml)
    (credential,) = read_tokens_file(str(file), tools=TOOLS).credentials
    assert credential.digest == digest_of(token)
    caller = credential.caller
    assert caller.name == "ops"
    assert caller.scopes == frozenset({Scope.READ})
    assert caller.tools == frozenset({"PingTool"})
    assert list(map(str, caller.networks or ())) == ["10.1.0.0/16"]
    assert token not in toml


def test_a_token_is_recognised_and_cannot_be_guessed() -> None:
    tokens = {made("ops")[0] for _ in range(5)}
    assert len(tokens) == 5
    assert all(token.startswith("nsd_") and len(token) == 47 for token in tokens)


def test_unless_it_is_told_otherwise_it_may_read_and_execute() -> None:
    caller = only(made("ops")[1]).caller
    assert caller.scopes == frozenset({Scope.READ, Scope.EXECUTE})
    assert not caller.narrowed


NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True).filter(
    lambda name: object_to_name(name) is None
)


@given(
    name=NAMES,
    scopes=st.lists(st.sampled_from(Scope)),
    tools=st.lists(st.sampled_from(TOOLS)),
    networks=st.lists(st.ip_addresses(v=4).map(str) | st.sampled_from(["10.0.0.0/8", "fd00::/8"])),
)
def test_whatever_is_printed_is_read_back(
    name: str, scopes: list[Scope], tools: list[str], networks: list[str]
) -> None:
    words = [name]
    for option, values in (("--scope", scopes), ("--tool", tools), ("--network", networks)):
        for value in values:
            words += [option, str(value)]
    token, toml = made(*words)
    credential = only(toml)
    assert credential.digest == digest_of(token)
    caller = credential.caller
    assert caller.name == name
    assert caller.scopes == frozenset(scopes or (Scope.READ, Scope.EXECUTE))
    assert caller.tools == (frozenset(tools) if tools else None)
    assert len(caller.networks or ()) == len(set(networks))


def test_json_holds_the_same() -> None:
    result = World().call("token", "new", "ops", "--json")
    answer = json.loads(result.stdout)
    assert digest_of(answer["token"]).hex() == answer["sha256"]
    assert only(answer["toml"]).caller.name == answer["name"] == "ops"
    assert result.stderr == ""


@pytest.mark.parametrize(
    "words",
    [
        ("admin",),
        ("10.0.0.1",),
        ("a b",),
        ("ops", "--scope", "write"),
        ("ops", "--tool", "pong"),
        ("ops", "--network", "10.1.2.3/8"),
        (),
    ],
)
def test_what_the_file_would_not_take_is_not_made(words: tuple[str, ...]) -> None:
    result = World().call("token", "new", *words)
    assert (result.exit_code, result.stdout) == (2, "")


def test_settings_are_looked_at_only_to_know_the_tools() -> None:
    world = World()
    world.call("token", "new", "ops")
    assert world.configs == []
    world.call("token", "new", "ops", "--tool", "DigTool", "--config", "f")
    assert world.configs == [("f", True)]


def test_hash_gives_the_line_for_a_token_that_is_there_already() -> None:
    for end in ("", "\n", "\r\n"):
        result = World().call("token", "hash", stdin="a-token-of-my-own" + end)
        assert result.stdout == f'sha256 = "{digest_of("a-token-of-my-own").hex()}"\n'
    result = World().call("token", "hash", "--json", stdin="a-token-of-my-own")
    assert json.loads(result.stdout) == {"sha256": digest_of("a-token-of-my-own").hex()}


@pytest.mark.parametrize(
    "given_", ["", "short", "with spaces in its midst", b"\xff" * 20, "x" * 5000, "\x1b[31m" * 5]
)
def test_hash_refuses_what_is_no_token_and_does_not_repeat_it(given_: str | bytes) -> None:
    result = World().call("token", "hash", stdin=given_)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "with spaces" not in result.stderr


def test_on_a_terminal_the_token_is_not_shown_as_it_is_typed() -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "netsonde", "token", "hash"]
    with subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        shown = b""
        while b"Token" not in shown:  # by then the terminal has been told not to echo
            shown += os.read(ours, 1024)
        os.write(ours, b"a-token-of-my-own\n")
        stdout, _ = process.communicate(timeout=20)
        shown += os.read(ours, 1024)
    os.close(ours)
    assert stdout.decode() == f'sha256 = "{digest_of("a-token-of-my-own").hex()}"\n'
    assert b"my-own" not in shown
