"""The sentences of the port `Programs`, and which files are not to be trusted."""

import hashlib
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


@pytest.mark.parametrize("bit", [0o4000, 0o2000, 0o6000])
def test_a_set_uid_or_set_gid_program_is_refused(tmp_path: Path, bit: int) -> None:
    path = Path(written(tmp_path, NAME, SHELL))
    path.chmod(0o755 | bit)
    assert finder(tmp_path).find(NAME) is None
    assert "set-uid" in finder(tmp_path).flaws(NAME)[0]
    assert finder().objection(str(path)) is not None


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_sound_program_outside_the_search_path_has_no_objection(tmp_path: Path) -> None:
    path = Path(written(tmp_path, NAME, SHELL))
    assert finder().objection(str(path)) is None
    assert finder().objection(str(path), sha256(path)) is None


def test_a_program_with_another_digest_is_objected_to_and_both_digests_are_told(
    tmp_path: Path,
) -> None:
    path = Path(written(tmp_path, NAME, SHELL))
    wanted = "0" * 64
    objection = finder().objection(str(path), wanted)
    assert objection is not None
    assert {str(path), sha256(path), wanted} <= set(
        objection.replace(",", " ").replace(": ", " ").split()
    )


@pytest.mark.parametrize("path", ["", "ping", "bin/ping", "/nonexistent/ping", "/bin", "/bin\0x"])
def test_what_is_no_absolute_path_of_a_program_is_objected_to(path: str) -> None:
    assert finder().objection(path)


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o644])
def test_a_pinned_program_must_be_as_sound_as_one_that_is_found(tmp_path: Path, mode: int) -> None:
    path = Path(written(tmp_path, NAME, SHELL))
    path.chmod(mode)
    assert finder().objection(str(path), sha256(path))


def test_a_program_of_another_user_is_objected_to_whatever_its_digest(tmp_path: Path) -> None:
    path = Path(written(tmp_path, NAME, SHELL))
    others = InstalledPrograms(trusted_uids=frozenset({os.geteuid() + 1}))
    assert others.objection(str(path), sha256(path))


def test_a_folder_further_up_that_anybody_may_rename_in_is_objected_to(tmp_path: Path) -> None:
    inner = tmp_path / "open" / "inner"
    inner.mkdir(parents=True)
    path = written(inner, NAME, SHELL)
    assert finder().objection(path) is None
    inner.parent.chmod(0o777)
    assert finder().objection(path)
    inner.parent.chmod(0o1777)
    assert finder().objection(path) is None


def test_a_link_to_a_pinned_program_is_judged_by_both_ends(tmp_path: Path) -> None:
    open_folder, target = tmp_path / "open", Path(written(tmp_path, NAME, SHELL))
    open_folder.mkdir()
    link = open_folder / NAME
    link.symlink_to(target)
    assert finder().objection(str(link), sha256(target)) is None
    open_folder.chmod(0o777)
    assert finder().objection(str(link), sha256(target))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_program_that_may_be_run_but_not_read_can_not_be_pinned(tmp_path: Path) -> None:
    path = Path(written(tmp_path, NAME, SHELL))
    digest = sha256(path)
    path.chmod(0o111)
    assert finder().objection(str(path)) is None
    assert finder().objection(str(path), digest)
