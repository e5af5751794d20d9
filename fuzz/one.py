"""`python -m fuzz.one TARGET FLAG...`: one target in this process, with libFuzzer's own flags."""

import importlib
import logging
import os
import resource
import sys

import atheris

from . import bounds

# Besides our own modules those of the readers that we lean on and that are Python.
_INSTRUMENTED = ("netsonde", "fuzz", "yaml", "tomllib")


def main() -> None:
    """Does not return: libFuzzer ends the process."""
    name, *flags = sys.argv[1:]
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # its word on each long header
    with atheris.instrument_imports(include=_INSTRUMENTED):
        target = importlib.import_module("fuzz.table").TARGETS[name]
    # libFuzzer goes by the greatest size that the process has had.
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024 + bounds.MOST_MIB
    launcher = os.environ.get("NETSONDE_FUZZ_LAUNCHER", sys.argv[0])  # what -merge=1 starts again
    atheris.Setup(
        [launcher, f"-rss_limit_mb={most}", *flags], lambda data: bounds.run(target.run, data)
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
