"""Settings files: formats, keys, bounds."""

import os
import socket
from pathlib import Path

import pytest

from netsonde.bootstrap.settings_file import MAX_BYTES
from netsonde.bootstrap.settings_load import Loaded, load
from netsonde.bootstrap.settings_problems import ConfigError

SAME = {
    "a.toml": """
plugins = ["mine"]
[security]
allowed_networks = ["10.1.0.0/16"]
allow_intrusive = true
[tools.NmapTool.profiles]
web = "-p 80,443"
""",
    "a.yaml": """
plugins: [mine]
security:
  allowed_networks: ["10.1.0.0/16"]
  allow_intrusive: on
server:
tools:
  NmapTool:
    profiles: {web: "-p 80,443"}
""",
    "a.json": """{"plugins": ["mine"],
"security": {"allowed_networks": ["10.1.0.0/16"], "allow_intrusive": true},
"tools": {"NmapTool": {"profiles": {"web": "-p 80,443"}}}}""",
}


def read(tmp_path: Path, name: str, text: str | bytes) -> Loaded:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load({"MCP_CONFIG_FILE": str(path)})


def problem(tmp_path: Path, name: str, text: str | bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, name, text)
    (only,) = caught.value.problems
    assert only.source == str(tmp_path / name)
    return str(only)


@pytest.mark.parametrize("name", SAME)
def test_every_format_says_the_same(tmp_path: Path, name: str) -> None:
    settings = read(tmp_path, name, SAME[name]).settings
    assert settings.security.allowed_networks == ("10.1.0.0/16",)
    assert settings.security.allow_intrusive is True
    assert settings.plugins == ("mine",)
    assert settings.of_tool("NmapTool").profiles == {"web": "-p 80,443"}


def test_the_suffix_yml_and_a_byte_order_mark_are_taken(tmp_path: Path) -> None:
    assert read(tmp_path, "a.yml", b"\xef\xbb\xbfserver: {port: 5}").settings.server.port == 5


def test_an_empty_file_sets_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "a.yaml", "# nothing\n").sources == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[security]\nallowed_netwroks = []\n", "security.allowed_networks"),
        ("[secrity]\nmax_hosts = 1\n", "security"),
        ("allowed_networks = []\n", "security.allowed_networks"),
        ("[tools.NmapTool]\ntimout = 1\n", "tools.NmapTool.timeout"),
        ("[server]\nport = '80'\n", "server.port is a text"),
        ("[server]\nport = true\n", "server.port is a boolean"),
        ("[server]\nport = 1.5\n", "server.port is a fraction"),
        ("[tool]\ndefault_timeout = inf\n", "not finite"),
        ("[security]\nallowed_networks = '10.0.0.0/8'\n", "list"),
        ("[security]\nallowed_networks = [1]\n", "list"),
        ("[security]\nallow_intrusive = 'true'\n", "is a text, but a boolean"),
        ("[server]\ntransport = 1\n", "one of stdio, http"),
        ("security = 1\n", "is a section"),
        ("tools = 1\n", "is a section"),
        ("[tools]\nNmapTool = 1\n", "is a section"),
        ("[tools.'a b']\n", "is no name of a tool"),
        ("[tools.NmapTool]\n[tools.nmaptool]\n", "is there twice"),
        ("[tools.NmapTool]\nprofiles = 'x'\n", "table of texts"),
        ("[tools.NmapTool.profiles]\nmine = 1\n", "no text"),
        ("[server\n", "can't be read"),
        ("[server]\nport = 1\nport = 2\n", "can't be read"),
    ],
)
def test_a_mistake_names_the_file_the_key_and_what_was_meant(
    tmp_path: Path, text: str, told: str
) -> None:
    assert told in problem(tmp_path, "a.toml", text)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.json", '{"server": {"port": 1, "port": 2}}', "'port' is there twice"),
        ("a.yaml", "server:\n  port: 1\n  port: 2\n", "'port' is there twice"),
        ("a.yaml", "[1, 2]", "no table"),
        ("a.json", "[]", "no table"),
        ("a.yaml", "a: !!python/object/apply:os.system ['true']", "can't be read"),
        ("a.yaml", "a: [", "can't be read"),
        ("a.yaml", "1: 2", "1 is unknown"),
        ("a.json", "[" * 100_000, "can't be read"),
        ("a.json", '{"server": {"port": 1e400}}', "a fraction"),
        ("a.json", '{"tool": {"default_timeout": 1' + "0" * 400 + "}}", "not finite"),
        ("a.toml", b"a = '\xff'", "not UTF-8"),
        ("a.ini", "", "none of the suffixes"),
        ("a.yaml", "#" * (MAX_BYTES + 1), "larger than"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(
    tmp_path: Path, name: str, text: str | bytes, told: str
) -> None:
    assert told in problem(tmp_path, name, text)


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "a.toml"
    os.mkfifo(pipe)
    for path, told in (
        (pipe, "no regular file"),
        (tmp_path, "Is a directory"),
        (tmp_path / "missing.toml", "No such file"),
    ):
        with pytest.raises(ConfigError, match=told):
            load({"MCP_CONFIG_FILE": str(path)})


def test_a_socket_is_no_settings_file(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        with pytest.raises(ConfigError, match="can't be read"):
            load({"MCP_CONFIG_FILE": str(path)})


def test_a_bomb_of_aliases_is_refused_quickly(tmp_path: Path) -> None:
    layers = "\n".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]" for i in range(9)
    )
    with pytest.raises(ConfigError):
        read(tmp_path, "a.yaml", f"a: &a [x]\n{layers}\n")


def test_a_key_both_dotted_and_in_its_section_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text("security.max_hosts: 10\nsecurity:\n  max_hosts: 100000\n")
    with pytest.raises(ConfigError) as raised:
        load({}, config=str(path))
    assert [problem.key for problem in raised.value.problems] == ["security.max_hosts"]


def test_a_path_with_a_nul_is_a_problem() -> None:
    with pytest.raises(ConfigError):
        load({}, config="a\0b.yaml")
