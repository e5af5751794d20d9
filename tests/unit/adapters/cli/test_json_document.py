"""Other programs' JSON files: what is read is written again, or nothing is written."""

import json
import os
import stat
from pathlib import Path

import pytest

from netsonde.adapters.cli import json_document
from netsonde.adapters.cli.json_document import Document, UnfitDocument


def test_what_is_not_changed_stays_in_its_order_and_spelling(tmp_path: Path) -> None:
    text = '{\n\t"z": [1, 2.50, 1e3, -0.0, 12345678901234567890123],\n\t"a": {"ä": "\\u0000 ☃"}\n}'
    path = tmp_path / "c.json"
    path.write_text(text, encoding="utf-8")
    document = Document(path)
    document.members["new"] = True
    document.write()
    written = path.read_text(encoding="utf-8")
    assert list(json.loads(written)) == ["z", "a", "new"]
    assert json.loads(written) == json.loads(text) | {"new": True}
    assert "ä" in written
    assert "☃" in written
    assert written.startswith('{\n\t"z"')


@pytest.mark.parametrize("text", ["", " \n", "{}"])
def test_an_empty_file_is_an_empty_object(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(text)
    assert Document(path).members == {}


def test_a_byte_order_mark_is_not_in_the_way(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert Document(path).members == {"a": 1}


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"// a comment\n{}",
        b'{"a": 1,}',
        b"[]",
        b'"text"',
        b"{}{}",
        b'{"a": 1, "a": 2}',
        b'{"servers": {"x": {}, "x": {}}}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"\xff\xfe{}",
        b'{"a":' * 100_000,
    ],
)
def test_what_cannot_be_kept_is_refused_and_left_alone(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "c.json"
    path.write_bytes(data)
    with pytest.raises(UnfitDocument):
        Document(path)
    assert path.read_bytes() == data


def test_a_file_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_document, "MAX_BYTES", 4)
    path = tmp_path / "c.json"
    path.write_bytes(b'{"a": 1}')
    with pytest.raises(UnfitDocument, match="larger"):
        Document(path)


def test_half_a_surrogate_pair_survives(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text('{"a": "\\ud800"}')
    Document(path).write()
    assert json.loads(path.read_text()) == {"a": "\ud800"}


def test_what_nests_too_deeply_to_be_written_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text("{}")
    document = Document(path)
    deep: dict[str, object] = {}
    for _ in range(100_000):
        deep = {"a": deep}
    document.members["deep"] = deep
    with pytest.raises(UnfitDocument, match="deeply"):
        document.write()
    assert os.listdir(tmp_path) == ["c.json"]
    while deep:  # else its end recurses
        deep = deep.pop("a")  # type: ignore[assignment]


def test_a_new_file_has_no_backup_and_its_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c.json"
    document = Document(path)
    document.members["a"] = 1
    assert not document.exists
    assert document.write() is None
    assert path.read_text() == '{\n  "a": 1\n}\n'
    assert os.listdir(path.parent) == ["c.json"]


def test_mode_and_link_stay_and_no_backup_is_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "dotfiles" / "real.json"
    target.parent.mkdir()
    target.write_text("{}")
    target.chmod(0o640)
    link = tmp_path / "c.json"
    link.symlink_to(target)
    backups = []
    for number in range(3):
        document = Document(link)
        document.members["n"] = number
        backups.append(document.write())
    assert link.is_symlink()
    assert json.loads(target.read_text()) == {"n": 2}
    assert [path and path.name for path in backups] == [
        "real.json.bak",
        "real.json.bak1",
        "real.json.bak2",
    ]
    assert (target.parent / "real.json.bak").read_text() == "{}"
    for path in target.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o640, path


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_under_sudo_the_file_stays_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text("{}")
    try:
        os.chown(path, 12345, 12345)
    except OSError:  # a user namespace in which only one user is known
        pytest.skip("there is no other user here")
    backup = Document(path).write()
    assert backup is not None
    assert (path.stat().st_uid, backup.stat().st_uid) == (12345, 12345)


def test_a_change_by_another_program_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text("{}")
    document = Document(path)
    path.write_text('{"theirs": 1}')
    with pytest.raises(UnfitDocument, match="another program"):
        document.write()
    assert path.read_text() == '{"theirs": 1}'
    assert os.listdir(tmp_path) == ["c.json"]
