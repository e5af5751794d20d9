"""Where settings come from, and what becomes of those that are wrong."""

from pathlib import Path

import msgspec
import pytest

from netsonde.bootstrap.settings import HIDDEN, Settings
from netsonde.bootstrap.settings_load import Clamped, Loaded, load
from netsonde.bootstrap.settings_problems import ConfigError
from netsonde.bootstrap.settings_table import general_rows

HOME = {"HOME": "/home/someone"}


def problems(**environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(HOME | environ)
    return [str(problem) for problem in caught.value.problems]


def file(tmp_path: Path, text: str, name: str = "settings.toml") -> str:
    path = tmp_path / name
    path.write_text(text)
    return str(path)


def source_of(loaded: Loaded, key: str) -> str:
    return next(row.source for row in loaded.described() if row.key == key)


def test_without_anything_the_defaults_are_in_force() -> None:
    loaded = load(HOME)
    state = msgspec.structs.replace(Settings().state, dir="/home/someone/.local/state/netsonde")
    assert loaded.settings == msgspec.structs.replace(Settings(), state=state)
    assert {row.source for row in loaded.described()} == {"default"}


def test_the_state_folder_follows_xdg_unless_it_is_relative() -> None:
    assert load(HOME | {"XDG_STATE_HOME": "/var/x"}).settings.state.dir == "/var/x/netsonde"
    assert load(HOME | {"XDG_STATE_HOME": "x"}).settings.state.dir.startswith("/home/someone/")
    assert load(HOME | {"MCP_STATE_DIR": "/srv/n"}).settings.state.dir == "/srv/n"


def test_environment_wins_over_file_and_command_line_over_both(tmp_path: Path) -> None:
    path = file(tmp_path, "[server]\nport = 1\nhost = '10.0.0.1'\n[security]\nmax_hosts = 5\n")
    loaded = load(
        {"MCP_CONFIG_FILE": path, "MCP_SERVER_PORT": "2", "MCP_SECURITY_MAX_HOSTS": "6"},
        command_line={"server.port": 3},
    )
    settings = loaded.settings
    assert (settings.server.port, settings.security.max_hosts) == (3, 6)
    assert settings.server.host == "10.0.0.1"
    assert source_of(loaded, "server.port") == "command line"
    assert source_of(loaded, "security.max_hosts") == "MCP_SECURITY_MAX_HOSTS"
    assert source_of(loaded, "server.host") == path


def test_a_file_that_is_named_takes_the_place_of_the_variables(tmp_path: Path) -> None:
    path = file(tmp_path, "[server]\nport = 1\n")
    assert load({"MCP_CONFIG_FILE": "/missing.toml"}, config=path).settings.server.port == 1


@pytest.mark.parametrize(
    ("variable", "value", "section", "name", "expected"),
    [
        ("MCP_SERVER_TRANSPORT", "http", "server", "transport", "http"),
        ("MCP_SERVER_CORS_ORIGINS", "https://a, https://b,", "server", "cors_origins", ("https://a", "https://b")),
        ("MCP_SECURITY_ALLOWED_NETWORKS", "10.1.0.0/16,fd00::/8,10.2.3.4", "security", "allowed_networks", ("10.1.0.0/16", "fd00::/8", "10.2.3.4/32")),
        ("MCP_SECURITY_ALLOWED_NETWORKS", " ", "security", "allowed_networks", ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")),
        ("MCP_SECURITY_ALLOWED_SUFFIXES", ".Corp.Example,host.example.", "security", "allowed_suffixes", (".corp.example", "host.example")),
        ("MCP_SECURITY_ALLOW_INTRUSIVE", "Yes", "security", "allow_intrusive", True),
        ("MCP_AUTH_TOKEN", "geheim", "security", "auth_token", "geheim"),
        ("TOOLS_PACKAGE", "my.tools", "tool", "package", "my.tools"),
        ("TOOL_INCLUDE", "NmapTool, PingTool", "tool", "include", ("NmapTool", "PingTool")),
        ("TOOL_EXCLUDE", "MtrTool", "tool", "exclude", ("MtrTool",)),
        ("LOG_LEVEL", "debug", "logging", "level", "DEBUG"),
        ("LOG_LEVEL", "warn", "logging", "level", "WARNING"),
        ("MCP_LOGGING_FORMAT", "json", "logging", "format", "json"),
        ("MCP_MAX_ARGS_LEN", "100", "tool", "max_args_len", 100),
        ("MCP_MAX_STDOUT_BYTES", "4096", "tool", "max_stdout_bytes", 4096),
        ("MCP_MAX_STDERR_BYTES", "4096", "tool", "max_stderr_bytes", 4096),
        ("MCP_DEFAULT_TIMEOUT_SEC", "1.5", "tool", "default_timeout", 1.5),
        ("MCP_DEFAULT_CONCURRENCY", "7", "tool", "default_concurrency", 7),
        ("MCP_TOOL_QUEUE", "0", "tool", "queue", 0),
        ("MCP_MAX_MEMORY_MB", "128", "tool", "max_memory_mb", 128),
        ("MCP_MAX_FILE_DESCRIPTORS", "128", "tool", "max_file_descriptors", 128),
        ("MCP_CIRCUIT_BREAKER_FAILURE_THRESHOLD", "3", "circuit_breaker", "failure_threshold", 3),
        ("MCP_CIRCUIT_BREAKER_RECOVERY_TIMEOUT", "9", "circuit_breaker", "recovery_timeout", 9.0),
        ("MCP_RATE_LIMIT_RATE", "2", "rate_limit", "rate", 2.0),
        ("MCP_RATE_LIMIT_STDIO", "on", "rate_limit", "stdio", True),
    ],
)  # fmt: skip
def test_a_variable_sets_its_setting(
    variable: str, value: str, section: str, name: str, expected: object
) -> None:
    settings = load(HOME | {variable: value}).settings
    assert getattr(getattr(settings, section), name) == expected


def test_every_setting_has_a_variable_of_its_own_and_help() -> None:
    rows = general_rows()
    assert len({row.variable for row in rows}) == len(rows)
    assert all(row.help for row in rows)


def test_an_empty_variable_is_no_setting() -> None:
    environ = {"MCP_SERVER_PORT": "", "MCP_AUTH_TOKEN": " ", "MCP_SECURITY_ALLOW_INTRUSIVE": ""}
    assert load(HOME | environ).sources == {}


@pytest.mark.parametrize(
    ("variable", "value", "key", "original", "new"),
    [
        ("MCP_DEFAULT_TIMEOUT_SEC", "9999", "tool.default_timeout", "9999", "3600"),
        ("MCP_DEFAULT_TIMEOUT_SEC", "0", "tool.default_timeout", "0", "1"),
        ("MCP_DEFAULT_CONCURRENCY", "65", "tool.default_concurrency", "65", "64"),
        ("MCP_DEFAULT_CONCURRENCY", "-1", "tool.default_concurrency", "-1", "1"),
        ("MCP_TOOLS_PINGTOOL_TIMEOUT", "9999", "tools.PINGTOOL.timeout", "9999", "3600"),
    ],
)
def test_a_value_out_of_range_is_clamped_and_told(
    variable: str, value: str, key: str, original: str, new: str
) -> None:
    loaded = load(HOME | {variable: value})
    assert loaded.clamped == (Clamped(param=key, original=original, new=new),)


def test_a_clamped_value_that_is_overridden_is_not_told(tmp_path: Path) -> None:
    path = file(tmp_path, "[tool]\ndefault_timeout = 9999\n")
    environ = {"MCP_CONFIG_FILE": path, "MCP_DEFAULT_TIMEOUT_SEC": "30"}
    assert load(environ).clamped == ()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MCP_DEFAULT_TIMEOUT_SEC", "nine"),
        ("MCP_DEFAULT_TIMEOUT_SEC", "nan"),
        ("MCP_DEFAULT_TIMEOUT_SEC", "1e3"),
        ("MCP_SERVER_PORT", "80.5"),
        ("MCP_SERVER_PORT", "0x50"),
        ("MCP_SERVER_PORT", "٣"),
        ("MCP_SERVER_PORT", "9" * 5000),
        ("MCP_SECURITY_ALLOW_INTRUSIVE", "maybe"),
        ("MCP_SERVER_TRANSPORT", "sse"),
        ("LOG_LEVEL", "loud"),
        ("MCP_SECURITY_ALLOWED_NETWORKS", "10.0.0.0/33"),
        ("MCP_SECURITY_ALLOWED_NETWORKS", "10.1.2.3/8"),
        ("MCP_SECURITY_ALLOWED_NETWORKS", "fd00::1/64"),
        ("MCP_SECURITY_DENIED_NETWORKS", "host.lab.internal"),
        ("MCP_SECURITY_DENIED_NETWORKS", "010.0.0.0/8"),
        ("MCP_SECURITY_ALLOWED_SUFFIXES", "*.lab.internal"),
        ("MCP_SECURITY_ALLOWED_SUFFIXES", "."),
        ("MCP_SECURITY_ALLOWED_SUFFIXES", ".10.0.0.1"),
        ("MCP_SECURITY_ALLOWED_SUFFIXES", ".lab internal"),
        ("TOOLS_PACKAGE", "my-tools"),
        ("MCP_TOOLS_NMAPTOOL_PROFILES", "[1]"),
        ("MCP_TOOLS_NMAPTOOL_PROFILES", "{"),
        ("MCP_TOOLS_NMAPTOOL_PROFILES", '{"a b": "-sV"}'),
        ("MCP_AUTH_TOKEN", "a\x01b"),
    ],
)
def test_a_malformed_value_names_its_variable_and_not_a_secret(variable: str, value: str) -> None:
    (problem,) = problems(**{variable: value})
    assert problem.startswith(f"{variable}: ")
    assert "a\x01b" not in problem


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("MCP_SECURITY_ALOWED_NETWORKS", "MCP_SECURITY_ALLOWED_NETWORKS"),
        ("MCP_SECURTY_MAX_HOSTS", "MCP_SECURITY_MAX_HOSTS"),
        ("MCP_SECURITY_ZZZ", ""),
        ("MCP_TOOL_MAX_ARGS_LEN", "MCP_MAX_ARGS_LEN"),
        ("MCP_LOGGING_LEVEL", "LOG_LEVEL"),
        ("MCP_DEFAULT_TIMEOUT", "MCP_DEFAULT_TIMEOUT_SEC"),
        ("MCP_CONFIG_FIL", "MCP_CONFIG_FILE"),
        ("MCP_PLUGIN", "MCP_PLUGINS"),
        ("TOOLS_EXCLUDE", "TOOL_EXCLUDE"),
        ("MCP_TOOLS_NMAPTOOL_TIMEOUTS", "TIMEOUT"),
        ("MCP_TOOLS_TIMEOUT", "TIMEOUT"),
    ],
)
def test_a_variable_that_looks_misspelled_stops_the_start(variable: str, hint: str) -> None:
    (problem,) = problems(**{variable: "1"})
    assert problem.startswith(f"{variable}: ")
    assert hint in problem


@pytest.mark.parametrize(
    "variable",
    [
        "MCP_TOOL_TIMEOUT",
        "MCP_TIMEOUT",
        "MCP_SERVER_REQUEST_TIMEOUT",
        "MCP_INSPECTOR_URL",
        "MCP_PORT",
        "TOOLCHAIN",
        "PATH",
    ],
)
def test_other_peoples_variables_are_let_be(variable: str) -> None:
    assert load(HOME | {variable: "x"}).sources == {}


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    path = file(tmp_path, "[server]\nprot = 1\n[tool]\nqueue = 'many'\n")
    told = problems(MCP_CONFIG_FILE=path, MCP_SERVER_PORT="x", MCP_SECURITY_X="1")
    assert len(told) == 4


def test_settings_of_a_tool_come_from_file_and_variables_in_any_case(tmp_path: Path) -> None:
    path = file(tmp_path, "[tools.NmapTool]\ntimeout = 60\nconcurrency = 1\n")
    environ = {
        "MCP_CONFIG_FILE": path,
        "MCP_TOOLS_NMAPTOOL_TIMEOUT": "30",
        "MCP_TOOLS_NMAPTOOL_RECOVERY_TIMEOUT": "5",
        "MCP_TOOLS_PINGTOOL_ENABLED": "no",
        "MCP_TOOLS_PINGTOOL_PROFILES": '{"mine": "-c 2"}',
    }
    loaded = load(environ).for_tools(["NmapTool", "PingTool"])
    nmap, ping = loaded.settings.of_tool("NmapTool"), loaded.settings.of_tool("PingTool")
    assert (nmap.timeout, nmap.concurrency, nmap.recovery_timeout) == (30.0, 1, 5.0)
    assert (ping.enabled, ping.profiles) == (False, {"mine": "-c 2"})
    assert source_of(loaded, "tools.NmapTool.timeout") == "MCP_TOOLS_NMAPTOOL_TIMEOUT"
    assert source_of(loaded, "tools.NmapTool.concurrency") == path
    assert source_of(loaded, "tools.PingTool.enabled") == "MCP_TOOLS_PINGTOOL_ENABLED"


@pytest.mark.parametrize(
    ("variable", "value"),
    [("MCP_TOOLS_NMAPTOL_TIMEOUT", "5"), ("TOOL_EXCLUDE", "NmapTol"), ("TOOL_INCLUDE", "nmaptool")],
)
def test_a_setting_for_a_tool_that_does_not_exist_stops_the_start(
    variable: str, value: str
) -> None:
    loaded = load(HOME | {variable: value})
    with pytest.raises(ConfigError, match=f"{variable}: .*NmapTool"):
        loaded.for_tools(["NmapTool", "PingTool"])
    assert loaded.for_tools(["NmapTool"], complete=False).settings == loaded.settings


def test_a_secret_is_shown_nowhere() -> None:
    loaded = load(HOME | {"MCP_AUTH_TOKEN": "geheim"})
    assert "geheim" not in repr(loaded)
    shown = {row.key: row.value for row in loaded.described()}
    assert shown["security.auth_token"] == HIDDEN
    assert "geheim" not in str(shown)


@pytest.mark.parametrize(
    "variable", ["MCP_MAX_HOSTS", "MCP_DENIED_NETWORKS", "MCP_ALLOWED_NETWORKS", "MCP_TOKENS_FILE"]
)
def test_a_variable_of_the_policy_without_its_section_is_no_variable_to_pass_over(
    variable: str,
) -> None:
    with pytest.raises(ConfigError):
        load(HOME | {variable: "1"})


def test_a_list_of_nothing_is_a_mistake_and_an_empty_variable_is_none() -> None:
    with pytest.raises(ConfigError):
        load(HOME | {"MCP_SECURITY_DENIED_NETWORKS": " , "})
    assert load(HOME | {"MCP_SECURITY_DENIED_NETWORKS": ""}).sources == {}


def test_a_pinned_plug_in_is_read_and_a_misspelled_pin_stops_the_start() -> None:
    digest = "AB" * 32
    loaded = load({"MCP_PLUGINS": f"plain, acme@sha256:{digest}"})
    assert loaded.settings.plugins == ("plain", f"acme@sha256:{digest.lower()}")
    for text in ("acme@", "acme@sha256:", "acme@md5:" + digest, f"@sha256:{digest}", "acme@sha256"):
        with pytest.raises(ConfigError):
            load({"MCP_PLUGINS": text})


@pytest.mark.parametrize("name", ["settings.toml", "settings.yaml"])
def test_a_number_of_very_many_digits_is_a_problem_of_its_key(tmp_path: Path, name: str) -> None:
    mark = "=" if name.endswith("toml") else ":"
    for digits in (17, 5000):
        path = file(tmp_path, f"port{mark} 1\nserver.port{mark} 0x{'f' * digits}\n", name)
        assert problems(MCP_CONFIG_FILE=path)


def test_a_file_with_thousands_of_mistakes_is_told_of_some_at_once(tmp_path: Path) -> None:
    path = file(tmp_path, "".join(f"k{number} = 1\n" for number in range(20_000)))
    assert 10 < len(problems(MCP_CONFIG_FILE=path)) < 100
    many = {f"MCP_SECURITY_X{number}": "1" for number in range(1000)}
    assert 10 < len(problems(**many)) < 100


@pytest.mark.parametrize("key", ["a." * 50_000 + "b = 1", "['a'" + " . 'a'" * 50_000 + "]"])
def test_a_key_of_thousands_of_parts_is_refused(tmp_path: Path, key: str) -> None:
    (problem,) = problems(MCP_CONFIG_FILE=file(tmp_path, key))
    assert "parts" in problem


def test_a_long_name_in_a_list_is_no_long_key(tmp_path: Path) -> None:
    name = ".".join("f" * 34)
    path = file(tmp_path, f"[security]\nallowed_suffixes = ['.{name}', '.a.internal']\n" * 1)
    assert load(HOME, config=path).settings.security.allowed_suffixes[0] == f".{name}"


def test_a_table_in_a_variable_that_is_no_utf_8_is_a_problem() -> None:
    (problem,) = problems(MCP_TOOLS_PINGTOOL_PROFILES='{"a": "\udcff"}')
    assert "no JSON object" in problem
