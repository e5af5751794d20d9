"""Which tools were switched off, as a file of the state folder."""

import os
import tempfile
from collections.abc import Iterable

import msgspec

NAME = "switches.json"


class _Switches(msgspec.Struct, forbid_unknown_fields=True):
    disabled: list[str] = []


class SwitchesFile:
    """Meets the port `Switches`. A reader sees the old file or the new one, never half of one."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._path = os.path.join(folder, NAME)

    def disabled(self) -> frozenset[str]:
        """See the port. A file that is damaged must not switch tools on: it is an OSError too."""
        try:
            with open(self._path, "rb") as file:
                return frozenset(msgspec.json.decode(file.read(), type=_Switches).disabled)
        except FileNotFoundError:
            return frozenset()
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise OSError(
                f"{self._path} can't be read: {str(error)[:200]}; correct or remove it"
            ) from error

    def remember(self, disabled: frozenset[str]) -> None:
        """See the port."""
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        descriptor, path = tempfile.mkstemp(prefix=f".{NAME}.", dir=self._folder)
        try:
            with open(descriptor, "wb") as file:
                file.write(_encode(disabled))
                file.flush()
                os.fsync(file.fileno())
            os.replace(path, self._path)
        except BaseException:
            os.unlink(path)
            raise
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _encode(names: Iterable[str]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(_Switches(sorted(names)))) + b"\n"
