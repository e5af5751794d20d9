"""How many requests `netsonde plan --batch` judges a second, over the project's own red-team cases."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

CASES = Path(__file__).parent.parent / "tests" / "data" / "redteam.jsonl"
HOSTS = CASES.with_name("redteam-hosts")
COPIES = 20
BOUND_PER_S = 2000


def _run(lines: str) -> float:
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as batch:
        batch.write(lines)
        batch.flush()
        start_s = time.perf_counter()
        subprocess.run(
            [
                sys.executable,
                "-m",
                "netsonde",
                "plan",
                "--batch",
                batch.name,
                "--hosts",
                str(HOSTS),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        return time.perf_counter() - start_s


def main() -> int:
    """Print the row: start-up is measured apart, with one line, and taken off."""
    cases = CASES.read_text(encoding="utf-8")
    count = COPIES * len(cases.splitlines())
    start_s, whole_s = _run(cases.splitlines()[0] + "\n"), _run(cases * COPIES)
    per_s = count / (whole_s - start_s)
    print(
        f"planning: {count} requests in {whole_s:.2f} s, {per_s:.0f} a second (bound {BOUND_PER_S})"
    )
    return 0 if per_s >= BOUND_PER_S else 1


if __name__ == "__main__":
    sys.exit(main())
