"""Policy tests: `plan --batch`."""

import json
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from netsonde.domain.terms import Resolved
from tests.unit.adapters.cli.world import World, objects


def line(tool: str = "ping", target: str = "10.0.0.1", **more: Any) -> str:
    return json.dumps({"tool": tool, "target": target, **more})


def judge(*lines: str | bytes, world: World | None = None, words: tuple[str, ...] = ()) -> Any:
    data = b"\n".join(one.encode() if isinstance(one, str) else one for one in lines)
    return (world or World()).call("plan", "--batch", "-", *words, stdin=data)


def rule(verdict: dict[str, Any]) -> str:
    return str(verdict["error"]["metadata"]["rule"])


def test_each_line_gives_a_verdict_in_order_and_nothing_else_on_stdout() -> None:
    result = judge(
        line(), "", "# a remark", line(target="8.8.8.8"), line("NmapTool", "10.0.0.0/24")
    )
    assert result.exit_code == 0
    verdicts = objects(result.stdout)
    assert [one["verdict"] for one in verdicts] == ["allowed", "refused", "allowed"]
    assert set(verdicts[0]) == {
        "verdict",
        "command",
        "addresses",
        "host_count",
        "timeout_sec",
        "limits",
        "error",
    }
    assert verdicts[2]["host_count"] == 256
    assert rule(verdicts[1]) == "target.public"
    assert "3 judged: 2 allowed, 1 refused" in result.stderr


def test_what_was_expected_ends_with_0() -> None:
    result = judge(
        line(expect="allow"),
        line(target="8.8.8.8", expect="refuse"),
        line(target="8.8.8.8", expect="refuse", rule="target"),
        line(target="8.8.8.8", rule="target.public"),
        line(why="remarks are let be", note=1, **{"class": "x"}),
    )
    assert (result.exit_code, len(objects(result.stdout))) == (0, 5)


@pytest.mark.parametrize(
    ("unexpected", "got"),
    [
        (line(expect="refuse"), "wanted refused, got allowed: /usr/bin/ping"),
        (line(target="8.8.8.8", expect="allow"), "wanted allowed, got refused (target.public)"),
        (
            line(target="8.8.8.8", rule="option"),
            "wanted refused (option), got refused (target.public)",
        ),
        (line(rule="option"), "wanted refused (option), got allowed"),
    ],
)
def test_what_was_not_expected_is_told_by_line_and_ends_with_1(unexpected: str, got: str) -> None:
    result = judge("# first", line(), unexpected, line())
    assert result.exit_code == 1
    assert f"line 3: {got}" in result.stderr
    assert "1 not as expected" in result.stderr
    assert len(objects(result.stdout)) == 3


@pytest.mark.parametrize(
    ("unreadable", "told"),
    [
        ("{", "no JSON object"),
        ("[]", "no JSON object"),
        ("[" * 60_000, "no JSON object"),
        (b'{"tool": "\xff"}', "no JSON object"),
        ('{"target": "10.0.0.1"}', "'tool'"),
        ('{"tool": 5}', "'tool'"),
        (line(expect="deny"), "'expect'"),
        (line(expect=True), "'expect'"),
        (line(rule=""), "'rule'"),
        (line(expect="allow", rule="target"), "'rule'"),
        (line(expcet="allow"), "did you mean 'expect'"),
        (line(extra_arg="-c 1"), "did you mean 'extra_args'"),
        (line(dns=[]), "'dns'"),
        (line(dns={"a b": []}), "'dns'"),
        (line(dns={"a.b": "10.0.0.1"}), "'dns'"),
        (line(dns={"a.b": ["10.0.0.300"]}), "'dns'"),
        (line(dns={"a.b": [5]}), "'dns'"),
        (line("nosuch", expect="refuse"), "no tool 'nosuch'"),
        ("x" * 70_000, "longer than 65536"),
        (line(why="x" * 66_000), "longer than 65536"),
    ],
)
def test_an_unreadable_line_ends_with_2_and_the_others_are_judged(
    unreadable: str | bytes, told: str
) -> None:
    result = judge(line(), unreadable, line(expect="refuse"), line())
    assert result.exit_code == 2
    assert f"line 2: {told}" in result.stderr or told in result.stderr.splitlines()[0]
    assert result.stderr.startswith("line 2: ")
    verdicts = objects(result.stdout)
    assert [one["verdict"] for one in verdicts] == ["allowed", "refused", "allowed", "allowed"]
    assert rule(verdicts[1]) == "request.malformed"


def test_a_line_of_just_64_kib_is_read() -> None:
    bare = len(line(why=""))
    assert judge(line(why="x" * (65_536 - bare))).exit_code == 0
    assert judge(line(why="x" * (65_537 - bare))).exit_code == 2


def test_windows_lines_and_a_missing_last_newline_are_read() -> None:
    result = judge(line() + "\r", "  # remark\r", "\r", line())
    assert (result.exit_code, len(objects(result.stdout))) == (0, 2)


def test_a_request_of_wrong_types_is_a_refusal_not_an_unreadable_line() -> None:
    result = judge('{"tool": "ping", "target": 5, "expect": "refuse", "rule": "request.type"}')
    assert result.exit_code == 0
    assert judge('{"tool": "ping", "expect": "refuse", "rule": "request.member"}').exit_code == 0


def test_the_names_of_a_line_come_before_the_table_and_that_before_the_dns(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("10.0.0.2 a.lab.internal b.lab.internal\n")
    world = World(names={"a.lab.internal": Resolved((ip_address("10.0.0.3"),))})
    lines = [
        line(target="a.lab.internal", dns={"A.lab.internal.": ["10.0.0.1"]}),
        line(target="b.lab.internal", dns={"a.lab.internal": ["10.0.0.1"]}),
        line(target="b.lab.internal", dns={"b.lab.internal": []}),
        line(target="b.lab.internal", dns={"b.lab.internal": ["10.0.0.9", "8.8.8.8"]}),
        line(target="c.lab.internal"),
    ]
    verdicts = objects(judge(*lines, world=world, words=("--hosts", str(hosts))).stdout)
    assert [one["addresses"] for one in verdicts[:2]] == [["10.0.0.1"], ["10.0.0.2"]]
    rules = [rule(one) for one in verdicts[2:]]
    assert rules == ["target.unresolved", "target.rebinding", "target.unresolved"]
    assert world.resolver.asked == []
    verdicts = objects(judge(line(target="a.lab.internal"), world=world).stdout)
    assert verdicts[0]["addresses"] == ["10.0.0.3"]


def test_a_name_is_asked_once_in_a_batch() -> None:
    world = World(names={"a.lab.internal": Resolved((ip_address("10.0.0.3"),))})
    judge(*[line(target="a.lab.internal")] * 5, world=world)
    assert world.resolver.asked == ["a.lab.internal"]


def test_a_batch_is_judged_with_every_privilege_and_runs_nothing() -> None:
    world = World()
    result = judge(line("nmap", extra_args="-sS", expect="allow"), world=world)
    assert result.exit_code == 0
    assert "-sS" in objects(result.stdout)[0]["command"]
    assert world.runner.plans == []


def test_a_missing_program_does_not_change_a_verdict_and_a_disabled_tool_refuses() -> None:
    world = World(missing="PingTool", disabled="MtrTool")
    assert judge(line(expect="allow"), world=world).exit_code == 0
    assert judge(line("mtr", expect="refuse"), world=world).exit_code == 0


def test_that_a_tool_is_not_offered_can_be_expected() -> None:
    assert judge(line("nosuch", rule="tool.unknown")).exit_code == 0
    assert judge(line("nosuch", rule="target")).exit_code == 2


def test_a_table_that_is_too_large_is_a_usage_error(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_bytes(b"\n" * (16 * 1024 * 1024 + 1))
    assert judge(line(), words=("--hosts", str(hosts))).exit_code == 2


def test_options_and_profiles_are_judged_too() -> None:
    result = judge(
        line("nmap", options={"ports": "22"}, profile="version", timeout_sec=7, expect="allow"),
        line("nmap", options={"nosuch": 1}, rule="option.unknown"),
        line("nmap", profile="nosuch", rule="request.profile"),
    )
    assert result.exit_code == 0, result.stderr
    assert objects(result.stdout)[0]["timeout_sec"] == 7
