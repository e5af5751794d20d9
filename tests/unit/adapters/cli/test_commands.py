"""The commands over fakes: what they print, and their exit statuses."""

import json
import shlex
from ipaddress import ip_address

import pytest

from netsonde.adapters.cli.commands import command_line
from netsonde.application.ports import Capture, Ended, HowEnded
from netsonde.domain.health import HealthStatus
from netsonde.domain.terms import Resolved
from tests.unit.adapters.cli.world import World, check

PINGED = b"""PING 10.0.0.1 (10.0.0.1) 56(84) bytes of data.
64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=0.036 ms

--- 10.0.0.1 ping statistics ---
1 packets transmitted, 1 received, 0% packet loss, time 0ms
rtt min/avg/max/mdev = 0.036/0.036/0.036/0.000 ms
"""


def ended(stdout: bytes = b"", returncode: int = 0, how: HowEnded = HowEnded.EXITED) -> Ended:
    capture = Capture(data=stdout, total_bytes=len(stdout))
    return Ended(how=how, returncode=returncode, stdout=capture)


def test_run_prints_a_report_and_ends_with_0() -> None:
    world = World(lambda plan: ended(PINGED))
    result = world.call("run", "ping", "10.0.0.1", "--", "-c", "1")
    assert result.exit_code == 0, result.output
    assert "1 sent, 1 received, 0 % lost" in result.stdout
    assert world.runner.plans[0].argv[:3] == ("/usr/bin/ping", "-c", "1")


def test_run_json_prints_the_answer_alone() -> None:
    result = World(lambda plan: ended(PINGED)).call("run", "PingTool", "10.0.0.1", "--json")
    answer = json.loads(result.stdout)
    assert (answer["status"], answer["tool"], answer["target"]) == (
        "success",
        "PingTool",
        "10.0.0.1",
    )
    assert answer["result"]["received"] == 1
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("how", "status"),
    [
        (ended(returncode=1), 1),
        (ended(how=HowEnded.TIMED_OUT, returncode=-15), 4),
        (Ended(how=HowEnded.NOT_STARTED, returncode=None, reason="no"), 5),
    ],
)
def test_the_exit_status_tells_how_it_ended(how: Ended, status: int) -> None:
    for words in ((), ("--json",)):
        assert World(lambda plan: how).call("run", "ping", "10.0.0.1", *words).exit_code == status


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("ping", "8.8.8.8"), 3),
        (("ping", "10.0.0.1", "--", "--flood-all"), 3),
        (("nosuch", "10.0.0.1"), 2),
        (("mtr", "10.0.0.1"), 5),
    ],
)
def test_what_is_not_run_says_why_by_its_exit_status(words: tuple[str, ...], status: int) -> None:
    world = World(disabled="MtrTool")
    for command in ("run", "plan"):
        result = world.call(command, *words)
        assert result.exit_code == status, result.output
        assert world.call(command, words[0], words[1], "--json", *words[2:]).exit_code == status
    assert world.runner.plans == []


def test_a_missing_program_is_unavailable_and_says_how_to_install_it() -> None:
    result = World(missing="PingTool").call("run", "ping", "10.0.0.1")
    assert result.exit_code == 5
    assert "apt-get install iputils-ping" in result.stdout


def test_a_suggestion_is_a_command_line_that_works() -> None:
    world = World()
    result = world.call("plan", "nmap", "10.1.0.0/16", "--", "-sV", "--script-args", "user=a b")
    assert result.exit_code == 3
    assert "target.too_large" in result.stdout
    line = next(line for line in result.stdout.splitlines() if "netsonde plan" in line)
    again = world.call(*shlex.split(line)[1:])
    assert again.exit_code == 0, again.output


def test_plan_prints_the_command_and_runs_nothing() -> None:
    world = World(names={"a.lab.internal": Resolved((ip_address("10.0.0.5"),))})
    result = world.call("plan", "ping", "a.lab.internal")
    assert result.exit_code == 0
    assert "/usr/bin/ping" in result.stdout
    assert "10.0.0.5" in result.stdout
    answer = json.loads(world.call("plan", "ping", "a.lab.internal", "--json").stdout)
    assert answer["addresses"] == ["10.0.0.5"]
    assert world.runner.plans == []


def test_typed_options_profile_and_time_limit_are_part_of_the_request() -> None:
    words = ["--options", '{"count": 7}', "--timeout-sec", "9", "--profile", "quick"]
    answer = json.loads(World().call("plan", "ping", "10.0.0.1", "--json", *words).stdout)
    assert answer["timeout_sec"] == 9
    assert "7" in answer["command"]
    assert World().call("plan", "ping", "10.0.0.1", "--options", "{").exit_code == 2
    assert World().call("plan", "ping", "10.0.0.1", "--options", "[]").exit_code == 3
    assert World().call("plan", "ping", "10.0.0.1", "--options", "\udcff").exit_code == 2


def test_words_with_spaces_reach_the_grammar_as_one() -> None:
    result = World().call("plan", "nmap", "10.0.0.1", "--", "-p", "80 8.8.8.8")
    assert result.exit_code == 3
    assert "8.8.8.8" in result.stdout


def test_options_of_the_program_before_the_two_dashes_are_a_usage_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command_line(["run", "nmap", "10.0.0.1", "-sV"], World()) == 2
    assert "after --" in capsys.readouterr().err


def test_markup_and_controls_from_outside_are_shown_as_text() -> None:
    world = World(lambda plan: ended(b"[bold red]x[/] \x1b[31m\x07\n", 1))
    result = world.call("run", "ping", "10.0.0.1")
    assert "[bold red]x[/]" in result.stdout
    assert "\x1b" not in result.stdout
    assert "\x07" not in result.stdout


@pytest.mark.parametrize(
    ("words", "config", "command_line"),
    [
        ([], None, {}),
        (["serve"], None, {}),
        (
            ["serve", "--transport", "http", "--host", "::1", "--port", "1", "--config", "f.toml"],
            "f.toml",
            {"server.transport": "http", "server.host": "::1", "server.port": 1},
        ),
    ],
)
def test_serve_hands_its_options_on(
    words: list[str], config: str | None, command_line: dict[str, object]
) -> None:
    world = World()
    assert world.call(*words).exit_code == 7
    assert world.served == [(config, command_line)]


@pytest.mark.parametrize(
    "words",
    [
        ["nosuch"],
        ["--config", "f.toml", "tools"],
        ["serve", "--port", "99999"],
        ["serve", "--transport", "sse"],
        ["run", "ping"],
        ["plan"],
        ["plan", "ping", "10.0.0.1", "--hosts", "/dev/null"],
        ["plan", "--batch", "/no/such/file"],
        ["plan", "ping", "--batch", "-"],
        ["plan", "--batch", "-", "--profile", "quick"],
    ],
)
def test_a_wrong_command_line_is_2(words: list[str]) -> None:
    assert command_line(words, World()) == 2


def test_tools_lists_them_with_what_is_wrong() -> None:
    world = World(missing="MtrTool", disabled="DigTool")
    result = world.call("tools")
    assert result.exit_code == 0
    for text in ("NmapTool", "apt-get install", "plug-in x", "crashed", "off"):
        assert text in result.stdout
    listings = {tool["name"]: tool for tool in json.loads(world.call("tools", "--json").stdout)}
    assert listings["MtrTool"]["available"] is False
    assert listings["DigTool"]["enabled"] is False
    assert listings["PingTool"]["breaker"] == "closed"


def test_config_shows_values_and_sources() -> None:
    world = World()
    text = world.call("config", "--config", "f.toml").stdout
    assert world.configs == [("f.toml", False)]
    assert "/etc/n.toml" in text
    assert "3600" in text
    shown = json.loads(world.call("config", "--json").stdout)
    assert shown["server.port"] == {
        "value": 8080,
        "source": "default",
        "variable": "MCP_SERVER_PORT",
    }


@pytest.mark.parametrize(
    ("status", "exit_status"),
    [(HealthStatus.HEALTHY, 0), (HealthStatus.DEGRADED, 0), (HealthStatus.UNHEALTHY, 1)],
)
def test_doctor_ends_with_1_if_something_fails(status: HealthStatus, exit_status: int) -> None:
    world = World()
    world.checks = (check(HealthStatus.HEALTHY), check(status, fix="turn it off and on"))
    result = world.call("doctor")
    assert result.exit_code == exit_status
    assert "turn it off and on" in result.stdout
    answer = json.loads(world.call("doctor", "--json").stdout)
    assert answer["status"] == status
    assert len(answer["checks"]) == 2
    assert world.configs[0] == (None, True)


def test_version_and_help_end_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line(["--version"], World()) == 0
    assert "1.2.3" in capsys.readouterr().out
    for words in (["--help"], ["run", "--help"], ["plan", "-h"]):
        assert command_line(words, World()) == 0
