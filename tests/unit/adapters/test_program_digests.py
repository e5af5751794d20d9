"""When a pinned program is read again."""

import hashlib
import os
from pathlib import Path

from netsonde.adapters.process.program_digests import ProgramDigests


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_change_of_the_same_size_under_the_same_time_is_seen(tmp_path: Path) -> None:
    path, digests = tmp_path / "program", ProgramDigests()
    path.write_bytes(b"good")
    before = os.stat(path)
    assert digests.objection(str(path), digest(b"good")) is None
    path.write_bytes(b"evil")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert digests.objection(str(path), digest(b"good"))


def test_a_file_put_in_its_place_is_seen_and_the_right_one_is_taken_back(tmp_path: Path) -> None:
    path, digests = tmp_path / "program", ProgramDigests()
    path.write_bytes(b"good")
    assert digests.objection(str(path), digest(b"good")) is None
    other = tmp_path / "other"
    other.write_bytes(b"evil")
    path.rename(tmp_path / "kept")
    other.rename(path)
    assert digests.objection(str(path), digest(b"good"))
    (tmp_path / "kept").rename(path)
    assert digests.objection(str(path), digest(b"good")) is None


def test_what_can_not_be_read_is_objected_to(tmp_path: Path) -> None:
    digests = ProgramDigests()
    for path in (str(tmp_path / "missing"), str(tmp_path), "a\0b"):
        assert digests.objection(path, digest(b""))
