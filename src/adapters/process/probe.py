"""Trying a mechanism once, at start: what a host says it has and what it lets us do are two things."""

import errno
import subprocess

from ...domain.environment import ENVIRONMENT

TIMEOUT_S = 5.0


def tried(*argv: str) -> str | None:
    """Run a command line; None if it ended with 0, else why not, in one line."""
    return tried_for(*argv)[1]


def tried_for(*argv: str) -> tuple[str, str | None]:
    """The same, with what it wrote to standard output first."""
    try:
        done = subprocess.run(  # noqa: S603 - no shell; paths from the port Programs
            argv,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "", f"no answer within {TIMEOUT_S:g} s"
    except OSError as error:
        return "", told(error)
    if done.returncode == 0:
        return done.stdout.decode("utf-8", "replace"), None
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return "", said[0][:300] if said else f"status {done.returncode}"


def told(error: OSError) -> str:
    """An error by its name and number, as man pages have it."""
    name = errno.errorcode.get(error.errno or 0, "")
    return f"{error.strerror} ({name})" if name else str(error)
