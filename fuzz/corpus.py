"""The kept corpora: a file for each target, an input a line, in base64, so that any bytes are text."""

from base64 import b64decode, b64encode
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus"


def kept(name: str) -> list[bytes]:
    """The inputs of a target; none where nothing was kept."""
    path = _path(name)
    return [b64decode(line) for line in path.read_text().splitlines()] if path.exists() else []


def keep(name: str, inputs: Iterable[bytes]) -> None:
    """In place of those that were kept."""
    FOLDER.mkdir(exist_ok=True)
    _path(name).write_text("".join(f"{b64encode(data).decode()}\n" for data in inputs))


def _path(name: str) -> Path:
    return FOLDER / f"{name}.txt"
