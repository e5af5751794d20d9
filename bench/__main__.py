"""`python -m bench`: every row, each a ratio or a rate against a bound; fails if one is not met."""

import subprocess
import sys

ROWS = (
    ("bench.startup",),
    ("bench.planning",),
    ("bench.spawn",),
    ("bench.egress",),
    ("bench.service",),
    ("bench.mcp_http",),
)


def main() -> int:
    """0 if every row was within its bound."""
    missed = [row[0] for row in ROWS if subprocess.call([sys.executable, "-m", *row])]
    if missed:
        print(f"not within bounds: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
