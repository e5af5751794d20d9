"""`python -m fuzz.one TARGET FLAG...`: one target in this process, with libFuzzer's own flags."""

import importlib
import os
import sys
from pathlib import Path

import atheris

from . import bounds

# Besides our own modules those of the readers that we lean on and that are Python.
_INSTRUMENTED = ("netsonde", "fuzz", "yaml", "tomllib")


def main() -> None:
    """Does not return: libFuzzer ends the process."""
    name, *flags = sys.argv[1:]
    with atheris.instrument_imports(include=_INSTRUMENTED):
        target = importlib.import_module("fuzz.table").TARGETS[name]
    most = _resident_mib() + bounds.MOST_MIB
    launcher = os.environ.get("NETSONDE_FUZZ_LAUNCHER", sys.argv[0])  # what -merge=1 starts again
    atheris.Setup(
        [launcher, f"-rss_limit_mb={most}", *flags], lambda data: bounds.run(target.run, data)
    )
    atheris.Fuzz()


def _resident_mib() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024 // 1024


if __name__ == "__main__":
    main()
