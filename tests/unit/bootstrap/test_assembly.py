"""One start, put together; and the command's exit statuses, within this process."""

import asyncio
import json
from ipaddress import ip_address
from pathlib import Path

import pytest

from netsonde.bootstrap.assembly import Assembly
from netsonde.bootstrap.logs import LOGGER
from netsonde.bootstrap.main import main
from netsonde.bootstrap.settings_problems import ConfigError
from netsonde.domain.health import HealthStatus, roll_up
from netsonde.domain.terms import Resolved, Unresolved

WRONG = {"MCP_SECURITY_MAX_HOST": "1"}
FEW = {"TOOL_INCLUDE": "PingTool", "MCP_STATE_DIR": "/nonexistent/x", "MCP_SERVER_PORT": "0"}


def test_wrong_settings_are_an_error_or_for_doctor_a_finding() -> None:
    with pytest.raises(ConfigError):
        Assembly(WRONG)
    assembly = Assembly(WRONG | {"HOME": "/home/x"}, lenient=True)
    assert len(assembly.problems) == 1
    assert assembly.settings.state.dir == "/home/x/.local/state/netsonde"
    results = asyncio.run(assembly.examine())
    assert results[0].status is HealthStatus.UNHEALTHY


def test_wrong_settings_of_tools_are_findings_too() -> None:
    assert Assembly({"TOOL_EXCLUDE": "NmapTol"}, lenient=True).problems


def test_a_layer_that_is_required_and_missing_stops_the_start() -> None:
    wrong = {"MCP_SANDBOX_FILESYSTEM": "require", "MCP_SANDBOX_NO_NEW_PRIVILEGES": "off"}
    with pytest.raises(ConfigError) as caught:
        Assembly(wrong)
    (problem,) = caught.value.problems
    assert problem.key == "sandbox.filesystem"
    assert "no_new_privileges" in problem.reason
    results = asyncio.run(Assembly(wrong | FEW, lenient=True).examine())
    assert roll_up(results) is HealthStatus.UNHEALTHY


def test_paths_for_programs_are_absolute() -> None:
    with pytest.raises(ConfigError) as caught:
        Assembly({"MCP_SANDBOX_READABLE": "/opt/nmap,lib"})
    assert [problem.key for problem in caught.value.problems] == ["sandbox.readable"]


def test_it_is_examined_as_it_was_set() -> None:
    results = {one.name: one for one in asyncio.run(Assembly(FEW).examine())}
    assert results["settings"].status is HealthStatus.HEALTHY
    assert [name for name in results if name.startswith("program.")] == ["program.ping"]
    assert "/nonexistent/x" in results["state.dir"].message


def test_names_are_looked_up_in_a_table_or_as_an_execution_would() -> None:
    assembly = Assembly(FEW)
    table = assembly.hosts("10.0.0.1 a.lab.internal")
    assert table.look_up("a.lab.internal") == Resolved((ip_address("10.0.0.1"),))
    assert isinstance(table.look_up("b.lab.internal"), Unresolved)
    # In a sealed world without a name server, that is the answer of the real resolver.
    looked_up = assembly.look_up("nobody.invalid")
    assert isinstance(looked_up, Unresolved)


def test_for_a_person_only_warnings_are_logged(capsys: pytest.CaptureFixture[str]) -> None:
    Assembly(FEW, quiet=True)
    LOGGER.info("chatter")
    assert capsys.readouterr().err == ""
    Assembly(FEW | {"LOG_LEVEL": "INFO"}, quiet=True)
    LOGGER.info("asked for")
    assert "asked for" in capsys.readouterr().err


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("MCP_CONFIG_FILE", "TOOL_INCLUDE", "TOOL_EXCLUDE", "TOOLS_PACKAGE", "LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_the_command_shows_its_settings(
    no_settings: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "s.toml"
    path.write_text("[server]\nport = 5\n")
    assert main(["config", "--json", "--config", str(path)]) == 0
    shown = json.loads(capsys.readouterr().out)["server.port"]
    assert (shown["value"], shown["source"]) == (5, str(path))


@pytest.mark.parametrize("words", [[], ["serve"], ["tools"], ["serve", "--port", "1"]])
def test_wrong_settings_end_the_command_with_2(
    no_settings: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    no_settings.setenv("MCP_SECURITY_MAX_HOST", "1")
    assert main(words) == 2
    assert capsys.readouterr().err.startswith("netsonde: MCP_SECURITY_MAX_HOST: ")


def test_to_listen_elsewhere_without_a_token_ends_it_with_2(
    no_settings: pytest.MonkeyPatch,
) -> None:
    assert main(["serve", "--transport", "http", "--host", "0.0.0.0", "--port", "0"]) == 2
