"""Rules as nft(8) reads them: written at start, and when a device comes."""

import errno
import os
import subprocess
from typing import Final

from ....domain.environment import ENVIRONMENT
from ..probe import TIMEOUT_S

_NUMBERS: Final = {os.strerror(number): number for number in errno.errorcode}


def apply(nft: str, commands: str) -> None:
    """All of the commands or none; some ms. Raises OSError with what was against it."""
    try:
        done = subprocess.run(  # noqa: S603 - no shell; the path from the port Programs
            (nft, "-f", "-"),
            input=commands.encode(),
            env=ENVIRONMENT,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise OSError(errno.ETIMEDOUT, f"nft gave no answer within {TIMEOUT_S:g} s") from late
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").splitlines() or ["nft gave no reason"]
        reason = said[0].rpartition(": ")[2].partition(";")[0]  # "...; did you mean"
        raise OSError(_NUMBERS.get(reason, errno.EINVAL), reason[:300])
