"""Runs the attacks of tests/contract/test_hostile.py and writes the table in docs/security.md.

    python -m scripts.attack_table [TRIES]

As root it also makes a world in which the server is a user like any other, with no privilege at all.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.contract.hostile.attacks import TITLES

DOCS = Path(__file__).parent.parent / "docs" / "security.md"
BEGIN, END = "<!-- attacks: made by scripts/attack_table.py -->", "<!-- end of attacks -->"
COLUMNS = {"basic": "basic", "landlock": "container", "user": "user", "full": "full"}
_USER = "45105"
# Processes, mounts and the network of its own; no user namespace, so that there can be other users.
_WORLD = (
    *("unshare", "--pid", "--net", "--mount", "--fork", "--mount-proc", "--kill-child"),
    *("sh", "-c", 'ip link set lo up && exec "$@"', "sh"),
)

Outcomes = Mapping[str, Mapping[str, tuple[bool, str]]]


def table(outcomes: Outcomes) -> str:
    """Markdown: an attack a row, a set of layers a column."""
    names = [name for name in COLUMNS if any(name in row for row in outcomes.values())]
    lines = [
        f"| attack | {' | '.join(COLUMNS[name] for name in names)} |",
        f"| --- |{' --- |' * len(names)}",
    ]
    for attack, title in TITLES.items():
        cells = (_cell(*outcomes[attack].get(name, (False, "not tried"))) for name in names)
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(stopped: bool, how: str) -> str:
    return f"stopped: {how}" if stopped else "**not stopped**"


def _run(tries: str, *before: str, **environment: str) -> Outcomes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "outcomes.json")
        subprocess.run(
            (*before, sys.executable, "-m", "pytest", "-q", "tests/contract/test_hostile.py"),
            env={
                **os.environ,
                "NETSONDE_ATTACKS": str(file),
                "NETSONDE_TRIES": tries,
                **environment,
            },
            check=True,
        )
        outcomes: Outcomes = json.loads(file.read_text())
        return outcomes


def main(arguments: list[str]) -> int:
    """Write the table; raises if an attack got further than it may."""
    tries = arguments[0] if arguments else "1"
    outcomes = {attack: dict(row) for attack, row in _run(tries).items()}
    if os.geteuid() == 0:
        subprocess.run(("make", ".dev/netsonde"), check=True)  # what another interpreter imports
        as_user = _run(tries, *_WORLD, NETSONDE_NO_LAB="1", NETSONDE_ATTACK_UID=_USER)
        for attack, row in as_user.items():
            outcomes[attack] |= row
    text = DOCS.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    DOCS.write_text(f"{before}{BEGIN}\n{table(outcomes)}\n{END}{after}", encoding="utf-8")
    print(f"wrote the table in {DOCS.name}, {tries} tries of each attack")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
