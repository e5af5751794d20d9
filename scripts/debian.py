"""The Debian packages that the programs come from, asked of dpkg and apt; nothing is installed."""

import os
import shutil
import subprocess
from typing import NamedTuple

_HELPERS = ("bwrap", "mtr-packet", "setpriv")


class Program(NamedTuple):
    """A program on this host; package, version and architecture are "" where dpkg knows none."""

    name: str
    path: str
    package: str = ""
    version: str = ""
    architecture: str = ""


def programs(names: list[str]) -> tuple[Program, ...]:
    """Those that are there, and what they and the server start besides, by name."""
    from netsonde.adapters.programs import InstalledPrograms

    finder = InstalledPrograms()
    found = []
    for name in sorted({*names, *_HELPERS}):
        if path := finder.find(name):
            found.append(_owned(name, os.path.realpath(path)))
    return tuple(found)


def _owned(name: str, path: str) -> Program:
    # Packages older than the merge of /bin into /usr/bin list their programs under /bin.
    for listed in (path, path.removeprefix("/usr")):
        owner = _said("dpkg-query", "--search", listed).partition(": ")[0].split(",")[0]
        if owner:
            shown = _said(
                "dpkg-query", "--show", "-f", "${Package} ${Version} ${Architecture}", owner
            )
            if len(words := shown.split()) == 3:
                return Program(name, path, *words)
    return Program(name, path)


def waiting_updates(package: str) -> tuple[str, str] | None:
    """The version that apt would install and where it is from ("security" or ""); None: no other.

    Goes by the lists that `apt-get update` fetched last.
    """
    lines = _said("apt-cache", "policy", package).splitlines()
    about = {
        key.strip(): value.strip() for key, _, value in (li.partition(":") for li in lines[1:3])
    }
    candidate = about.get("Candidate", "(none)")
    if candidate in ("(none)", about.get("Installed")):
        return None
    sources = _said("apt-cache", "madison", package).splitlines()
    secure = any(candidate in li and "-security" in li for li in sources)
    return candidate, "security" if secure else ""


def lists_are_there(folder: str = "/var/lib/apt/lists") -> bool:
    """Whether apt knows any archive."""
    try:
        return any("_Packages" in name for name in os.listdir(folder))
    except OSError:
        return False


def _said(*argv: str) -> str:
    if shutil.which(argv[0]) is None:
        return ""
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(argv, capture_output=True, text=True, env=environment, check=False)
    return done.stdout if done.returncode == 0 else ""
