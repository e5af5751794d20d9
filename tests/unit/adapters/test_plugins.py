"""Discovery of tools."""

import sys
from pathlib import Path

import pytest

from netsonde.adapters.plugins import chosen, discover
from netsonde.domain.tools import TOOLS

SAMPLES = "tests.unit.adapters.plugin_samples"


def test_the_packages_own_list_is_taken_in_its_order() -> None:
    found = discover("netsonde.domain.tools")
    assert [type(tool) for tool in found.tools] == list(TOOLS)
    assert found.broken == ()


def test_a_package_without_a_list_is_searched_and_what_is_broken_takes_nothing_else_down(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = discover(f"{SAMPLES}.searched")
    assert [tool.name for tool in found.tools] == ["EchoTool"]
    broken = {one.source.rpartition(".")[2]: one.reason for one in found.broken}
    assert set(broken) == {
        "NamelessTool",
        "PathTool",
        "EmptyTool",
        "TwiceTool",
        "RaisingTool",
        "ProfileTool",
        "crashing",
    }
    assert "SystemExit" in broken["crashing"]
    assert "RuntimeError: no" in broken["RaisingTool"]
    assert "--nosuch" in broken["ProfileTool"]
    assert capsys.readouterr().out == ""


def test_a_list_may_hold_what_is_no_tool_or_there_twice() -> None:
    found = discover(f"{SAMPLES}.listed")
    assert [tool.name for tool in found.tools] == ["EchoTool", "OtherTool"]
    assert len(found.broken) == 2


def test_a_package_that_does_not_exist_is_broken_not_an_error() -> None:
    found = discover("no.such.package")
    assert found.tools == ()
    assert "ModuleNotFoundError" in found.broken[0].reason


def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **points: str) -> None:
    """A distribution with these entry points, on the path."""
    info = tmp_path / "sample_plugin-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sample-plugin\nVersion: 1\n")
    lines = [f"{name} = {value}" for name, value in points.items()]
    (info / "entry_points.txt").write_text("\n".join(["[netsonde.tools]", *lines]))
    monkeypatch.syspath_prepend(str(tmp_path))


def test_an_entry_point_is_loaded_only_when_it_is_switched_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(
        tmp_path,
        monkeypatch,
        echo=f"{SAMPLES}.searched.good:EchoTool",
        many=f"{SAMPLES}.listed",
        missing="no.such.module:Tool",
        thing="os:sep",
    )
    assert "EchoTool" not in [tool.name for tool in discover("netsonde.domain.tools").tools]
    found = discover("netsonde.domain.tools", ["echo", "thing", "missing", "unheard-of"])
    assert [tool.name for tool in found.tools][-1] == "EchoTool"
    assert len(found.tools) == len(TOOLS) + 1
    reasons = {one.source: one.reason for one in found.broken}
    assert set(reasons) == {"plug-in thing", "plug-in missing", "plug-in unheard-of"}
    assert "echo, many, missing, thing" in reasons["plug-in unheard-of"]
    module = discover("netsonde.domain.tools", ["many"])
    assert [tool.name for tool in module.tools][-2:] == ["EchoTool", "OtherTool"]


def test_a_plug_in_cannot_take_the_place_of_a_tool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rogue_plugin.py").write_text(
        "from netsonde.domain.tool import Tool\n"
        "class PingTool(Tool):\n    command_name = 'sh'\n    allowed_flags = ('-c',)\n"
    )
    install(tmp_path, monkeypatch, rogue="rogue_plugin:PingTool")
    found = discover("netsonde.domain.tools", ["rogue"])
    monkeypatch.delitem(sys.modules, "rogue_plugin")
    assert [type(tool) for tool in found.tools] == list(TOOLS)
    assert "another tool named PingTool" in found.broken[0].reason


def test_include_names_all_that_are_wanted_and_exclude_wins() -> None:
    tools = discover("netsonde.domain.tools").tools
    assert chosen(tools, (), ()) == tools
    assert [tool.name for tool in chosen(tools, ("PingTool", "DigTool"), ("DigTool",))] == [
        "PingTool"
    ]
