"""The sentences of the port `Programs`, and which files are not to be trusted."""

import os
from pathlib import Path

import pytest

from netsonde.adapters.programs import InstalledPrograms
from netsonde.application.ports import Programs

from .runner.hostile_programs import SHELL, written

NAME = "netsonde-test-program"


def finder(*extra_dirs: Path) -> InstalledPrograms:
    return InstalledPrograms([str(directory) for directory in extra_dirs])


def test_a_system_program_is_found_by_an_absolute_path_with_its_own_name() -> None:
    programs: Programs = finder()
    path = programs.find("sh")
    assert path is not None
    assert os.path.isabs(path)
    assert os.path.basename(path) == "sh"
    assert os.path.samefile(path, "/bin/sh")


def test_a_program_that_is_not_there_is_none() -> None:
    assert finder().find(NAME) is None


def test_the_servers_own_search_path_has_no_say(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    written(tmp_path, NAME, SHELL)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert finder().find(NAME) is None


def test_an_extra_directory_adds_a_program_but_replaces_none(tmp_path: Path) -> None:
    own = written(tmp_path, NAME, SHELL)
    written(tmp_path, "sh", SHELL)
    assert finder(tmp_path).find(NAME) == own
    found = finder(tmp_path).find("sh")
    assert found is not None
    assert os.path.samefile(found, "/bin/sh")


@pytest.mark.parametrize("name", ["", ".", "..", "../bin/sh", "/bin/sh", "sh\0x"])
def test_a_path_is_not_a_name(name: str) -> None:
    assert finder().find(name) is None


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o644, 0o777])
def test_a_file_that_others_may_write_or_nobody_may_run_is_refused(
    tmp_path: Path, mode: int
) -> None:
    path = Path(written(tmp_path, NAME, SHELL))
    path.chmod(mode)
    assert finder(tmp_path).find(NAME) is None
    assert [flaw.startswith(str(path)) for flaw in finder(tmp_path).flaws(NAME)] == [True]


def test_a_file_that_anybody_may_replace_is_refused(tmp_path: Path) -> None:
    directory = tmp_path / "open"
    directory.mkdir()
    written(directory, NAME, SHELL)
    directory.chmod(0o777)
    assert finder(directory).find(NAME) is None
    directory.chmod(0o1777)
    assert finder(directory).find(NAME) is not None


def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    written(tmp_path, NAME, SHELL)
    others = InstalledPrograms([str(tmp_path)], trusted_uids=frozenset({os.geteuid() + 1}))
    assert others.find(NAME) is None
    assert "uid" in others.flaws(NAME)[0]


def test_a_link_is_judged_by_what_it_leads_to(tmp_path: Path) -> None:
    inner, outer = tmp_path / "inner", tmp_path / "outer"
    inner.mkdir()
    outer.mkdir()
    target = Path(written(inner, "target", SHELL))
    (outer / NAME).symlink_to(target)
    assert finder(outer).find(NAME) == str(outer / NAME)
    outer.chmod(0o777)
    assert finder(outer).find(NAME) is None
    outer.chmod(0o755)
    target.chmod(0o777)
    assert finder(outer).find(NAME) is None


def test_a_link_to_nowhere_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / NAME).symlink_to(tmp_path / "nowhere")
    assert finder(tmp_path).find(NAME) is None
    assert finder(tmp_path).flaws(NAME)


def test_a_flawed_program_does_not_hide_a_sound_one(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    Path(written(first, NAME, SHELL)).chmod(0o777)
    sound = written(second, NAME, SHELL)
    assert finder(first, second).find(NAME) == sound
