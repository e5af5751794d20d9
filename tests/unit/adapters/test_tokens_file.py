"""The file of access tokens: who may change it, and what it may hold."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netsonde.adapters.tokens_file import MAX_BYTES, Tokens, read_tokens_file

TOOLS = ("PingTool",)
GOOD = f"""
[[token]]
name = "ops"
sha256 = "{"0" * 64}"
scopes = ["read", "execute"]
tools = ["PingTool"]
networks = ["10.1.0.0/16"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tokens.toml"
    path.write_text(GOOD)
    path.chmod(0o600)
    return path


def read(path: Path | str) -> Tokens:
    tokens = read_tokens_file(str(path), tools=TOOLS)
    assert not (tokens.credentials and tokens.problems)
    assert tokens.credentials or tokens.problems
    return tokens


def test_a_good_file_gives_its_credentials(file: Path) -> None:
    tokens = read(file)
    assert [credential.caller.name for credential in tokens.credentials] == ["ops"]
    assert tokens.warnings == ()


def test_a_flaw_is_told_with_its_key(file: Path) -> None:
    file.write_text(GOOD.replace("PingTool", "PongTool"))
    (problem,) = read(file).problems
    assert problem.key == "token 1 (ops).tools"


def test_a_file_that_anybody_may_write_is_refused(file: Path) -> None:
    file.chmod(0o606)
    assert "written by anybody" in read(file).problems[0].reason


def test_a_folder_where_anybody_may_put_another_file_is_refused(file: Path) -> None:
    file.parent.chmod(0o777)
    assert "replace it" in read(file).problems[0].reason
    file.parent.chmod(0o1777)  # as /tmp is: nobody can replace what belongs to others
    assert read(file).credentials
    file.parent.chmod(0o700)


def test_a_file_that_anybody_may_read_is_warned_of(file: Path) -> None:
    file.chmod(0o644)
    tokens = read(file)
    assert tokens.credentials
    assert len(tokens.warnings) == 1
    file.write_text("token = 1\n")
    assert len(read(file).warnings) == 1


def test_a_link_is_followed_and_the_file_behind_it_looked_at(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    assert read(link).credentials
    file.chmod(0o602)
    assert read(link).problems


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (fifo, tmp_path, "/dev/null", tmp_path / "missing", f"{tmp_path}/x\0y", ""):
        (problem,) = read(path).problems
        assert problem.key == ""


def test_a_file_without_end_is_refused(file: Path) -> None:
    file.write_bytes(GOOD.encode() + b"#" * MAX_BYTES)
    assert str(MAX_BYTES) in read(file).problems[0].reason


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"\0",
        b"[[token",
        b"x = " + b"[" * 20_000,
        b"x = " + b"9" * 5_000,
        b"x = 2020-13-45",
        b'[[token]]\nname = "a"\nname = "b"',
    ],
)
def test_what_is_no_toml_is_told_and_not_repeated(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    (problem,) = read(file).problems
    assert len(problem.reason) < 200


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200), at=st.integers(0, len(GOOD)), length=st.integers(0, 20))
def test_any_bytes_give_credentials_or_problems(
    file: Path, data: bytes, at: int, length: int
) -> None:
    for content in (data, GOOD.encode()[:at] + data + GOOD.encode()[at + length :]):
        file.write_bytes(content)
        read(file)


def test_a_key_of_thousands_of_parts_is_refused(file: Path) -> None:
    file.write_text("a." * 50_000 + "b = 1")
    (problem,) = read(file).problems
    assert "parts" in problem.reason


def test_a_file_with_thousands_of_mistakes_is_told_of_some_at_once(file: Path) -> None:
    unknown = "".join(f"k{number} = 1\n" for number in range(20_000))
    for text in (unknown, GOOD + unknown, "".join(f"[[token]]\nk{n} = 1\n" for n in range(1000))):
        file.write_text(text)
        assert 10 < len(read(file).problems) < 200
