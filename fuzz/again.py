"""`python -m fuzz.again TARGET FILE...`: give files to a target once more, without atheris."""

import sys
from pathlib import Path

from . import bounds
from .table import TARGETS


def main() -> None:
    """Raises what the target raises."""
    name, *files = sys.argv[1:]
    for file in files:
        bounds.run(TARGETS[name].run, Path(file).read_bytes())
        print(f"{file}: no promise broken")


if __name__ == "__main__":
    main()
