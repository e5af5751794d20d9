"""The digest of a distribution's code, and of a package's, without importing either."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from importlib.machinery import all_suffixes
from importlib.metadata import Distribution
from pathlib import Path, PurePosixPath

import msgspec

_MAX_FILES = 20_000
_MAX_BYTES = 1 << 30
_SUFFIXES = tuple(all_suffixes())
# Of the metadata only what no installer writes: the same wheel has the same digest everywhere.
_METADATA = ("METADATA", "entry_points.txt")


class Digest(msgspec.Struct, frozen=True):
    """SHA-256 over lines as sha256sum(1) prints them, in the order of the paths, and how many."""

    sha256: str
    files: int


class Undigested(msgspec.Struct, frozen=True):
    """Why there is no digest: the end of a sentence that begins with the distribution."""

    reason: str


def distribution_digest(distribution: Distribution) -> Digest | Undigested:
    """Of every file that RECORD lists, but for byte code, scripts and what the installer wrote."""
    if _is_editable(distribution):
        return Undigested("is installed in editable mode: its code is not among its files")
    paths = listed_files(distribution)
    if paths is None:
        return Undigested("has no list of its files (RECORD)")
    return _digest(paths.items())


def listed_files(distribution: Distribution) -> dict[str, Path] | None:
    """The files that count, by their path in RECORD; None without a RECORD."""
    if distribution.read_text("RECORD") is None or distribution.files is None:
        return None
    return {
        path.as_posix(): Path(str(distribution.locate_file(path)))
        for path in distribution.files
        if _counts(path)
    }


def package_digest(folder: Path) -> Digest | Undigested:
    """Of every module under a package's folder, or of one module's file."""
    if folder.is_file():
        return _digest([(folder.name, folder)])
    return _digest((path.relative_to(folder).as_posix(), path) for path in modules_in(folder))


def modules_in(folder: Path) -> Iterator[Path]:
    """What could be imported from a folder and those in it, caches left out."""
    for path in folder.rglob("*"):
        if path.name.endswith(_SUFFIXES) and "__pycache__" not in path.parts:
            yield path


def _counts(path: PurePosixPath) -> bool:
    if path.is_absolute() or ".." in path.parts or "__pycache__" in path.parts:
        return False
    return not path.parts[0].endswith(".dist-info") or path.name in _METADATA


def _is_editable(distribution: Distribution) -> bool:
    """PEP 610."""
    try:
        told = json.loads(distribution.read_text("direct_url.json") or "{}")
    except ValueError:
        return False
    folder = told.get("dir_info") if isinstance(told, dict) else None
    return isinstance(folder, dict) and folder.get("editable") is True


def _digest(paths: Iterable[tuple[str, Path]]) -> Digest | Undigested:
    whole, count, size = hashlib.sha256(), 0, 0
    for name, path in sorted(paths):
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                size += file.tell()
        except OSError as error:
            return Undigested(f"lists {name}, which can't be read: {error.strerror}")
        whole.update(f"{digest}  {name}\n".encode("utf-8", "surrogateescape"))
        count += 1
        if count > _MAX_FILES or size > _MAX_BYTES:
            return Undigested("is too large to be read at start")
    return Digest(whole.hexdigest(), count) if count else Undigested("has no file")
