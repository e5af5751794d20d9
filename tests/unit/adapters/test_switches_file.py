"""The file of switches: what is damaged is an error, never a tool that is on."""

from pathlib import Path

import pytest

from netsonde.adapters.switches_file import NAME, SwitchesFile


def test_what_was_remembered_is_there_again(tmp_path: Path) -> None:
    SwitchesFile(str(tmp_path / "state")).remember(frozenset({"NmapTool", "DigTool"}))
    assert SwitchesFile(str(tmp_path / "state")).disabled() == {"NmapTool", "DigTool"}
    assert SwitchesFile(str(tmp_path / "elsewhere")).disabled() == frozenset()


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[]", b'{"disabled":[1]}', b'{"disabled":["\xff"]}', b'{"a":1}', b"[" * 100_000],
)
def test_a_damaged_file_is_an_error(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / NAME).write_bytes(damage)
    with pytest.raises(OSError, match="correct or remove it"):
        SwitchesFile(str(tmp_path)).disabled()


def test_the_error_is_short_however_long_the_damage(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b'{"' + b"x" * 100_000 + b'":1}')
    with pytest.raises(OSError, match="correct or remove it") as caught:
        SwitchesFile(str(tmp_path)).disabled()
    assert len(str(caught.value)) < 1000
