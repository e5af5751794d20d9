"""The port `Switches`, for the file and for the memory."""

import os
import stat
from pathlib import Path

import pytest

from netsonde.adapters.memory import KeptSwitches
from netsonde.adapters.switches_file import NAME, SwitchesFile
from netsonde.application.ports import Switches

BOTH = frozenset({"PingTool", "NmapTool"})


@pytest.fixture(params=["file", "memory"])
def switches(request: pytest.FixtureRequest, tmp_path: Path) -> Switches:
    return SwitchesFile(str(tmp_path / "new")) if request.param == "file" else KeptSwitches()


def test_nothing_is_off_at_first(switches: Switches) -> None:
    assert switches.disabled() == frozenset()


def test_what_is_remembered_takes_the_place_of_what_was(switches: Switches) -> None:
    for names in (BOTH, frozenset({"DigTool"}), frozenset[str](), BOTH):
        switches.remember(names)
        assert switches.disabled() == names


def test_a_file_keeps_names_across_a_restart_and_from_other_users(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    SwitchesFile(str(folder)).remember(BOTH)
    assert SwitchesFile(str(folder)).disabled() == BOTH
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / NAME).stat().st_mode) == 0o600
    assert os.listdir(folder) == [NAME]


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b'{"disabled": "PingTool"}', b'{"enabled": []}', b"\xff"]
)
def test_a_damaged_file_is_an_error_and_not_nothing_off(tmp_path: Path, text: bytes) -> None:
    (tmp_path / NAME).write_bytes(text)
    with pytest.raises(OSError, match="can't be read"):
        SwitchesFile(str(tmp_path)).disabled()


def test_a_file_that_can_not_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    with pytest.raises(OSError, match=NAME):
        SwitchesFile(str(tmp_path)).disabled()


def test_what_can_not_be_kept_raises_and_changes_nothing(tmp_path: Path) -> None:
    switches = SwitchesFile(str(tmp_path))
    switches.remember(BOTH)
    broken = SwitchesFile(str(tmp_path / NAME / "under a file"))
    with pytest.raises(OSError, match="Not a directory"):
        broken.remember(frozenset())
    assert switches.disabled() == BOTH
    assert os.listdir(tmp_path) == [NAME]


def test_a_name_that_can_not_be_written_leaves_no_piece_behind(tmp_path: Path) -> None:
    switches = SwitchesFile(str(tmp_path))
    switches.remember(BOTH)
    with pytest.raises(UnicodeEncodeError):
        switches.remember(frozenset({"\ud800"}))
    assert os.listdir(tmp_path) == [NAME]
    assert switches.disabled() == BOTH
