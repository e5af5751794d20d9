"""Runs the MCP conformance suite for `conformance.sh`, and judges every check that it made."""

import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .mcp_http_client import Server

APP = "tests.contract.mcp_conformance_app"
REVISIONS = ("2025-11-25", "2026-07-28")
LONGEST_S = 300
# Without resumability the suite makes no check of it, and recommends it: a stream that goes on after
# its client has left would be the opposite of what this server promises.
RECOMMENDED = {"server-sse-priming-event", "server-sse-retry-field"}
# Of a server that has tools of its own and nothing else: the fixture is what these checks lack.
NO_FIXTURE = re.compile(
    r"Method not found|Unknown tool|Not testable|Available tools|could not get initial"
    r"|Expected InputRequiredResult with inputRequests and requestState"
)
NEED_NO_FIXTURE = {
    "2025-11-25": {
        *("server-initialize", "server-session-lifecycle", "ping", "tools-list"),
        *("server-sse-multiple-streams", "dns-rebinding-protection"),
    },
    "2026-07-28": {
        *("tools-list", "server-sse-multiple-streams", "dns-rebinding-protection"),
        *("http-header-validation", "input-required-result-unsupported-methods"),
    },
}


class Check(NamedTuple):
    """One check of the suite."""

    scenario: str
    name: str
    status: str
    message: str


def run(command: str, url: str, revision: str) -> list[Check]:
    """Every check of a revision."""
    with tempfile.TemporaryDirectory() as folder:
        words = ("server", "--url", url, "--suite", "all", "--spec-version", revision, "-o", folder)
        # Its exit status says less than what it writes.
        said = subprocess.run(
            [command, *words], capture_output=True, text=True, timeout=LONGEST_S, check=False
        )
        found = list(_read(Path(folder)))
    if not found:
        raise SystemExit(f"conformance: the suite made no check\n{said.stdout}{said.stderr}")
    return found


def _read(folder: Path) -> Iterator[Check]:
    for file in sorted(folder.rglob("checks.json")):
        scenario = re.sub(r"^server-|-\d{4}-\d\d-\d\dT.*$", "", file.parent.name)
        for row in json.loads(file.read_text(encoding="utf-8")):
            message = row.get("errorMessage") or ""
            yield Check(scenario, row["id"], row["status"], message)


def unexpected(checks: list[Check], revision: str, *, plain: bool) -> list[Check]:
    """The checks that should have gone otherwise."""
    bad = [check for check in checks if check.status not in ("SUCCESS", "INFO")]
    if not plain:
        return [check for check in bad if check.name not in RECOMMENDED]
    return [
        check
        for check in bad
        if check.name not in RECOMMENDED
        and (
            check.scenario in NEED_NO_FIXTURE[revision]
            or (check.status == "FAILURE" and not NO_FIXTURE.search(check.message))
        )
    ]


def main() -> int:
    """0 if every check went as it should."""
    command, missed = sys.argv[1], 0
    for plain in (False, True):
        server = Server(APP, plain=plain)
        try:
            for revision in REVISIONS:
                checks = run(command, f"http://127.0.0.1:{server.port}/mcp", revision)
                bad = unexpected(checks, revision, plain=plain)
                counts = Counter(check.status.lower() for check in checks)
                counts["lack a fixture"] = counts.pop("failure", 0) - len(bad)
                what = "the product's own tools" if plain else "the suite's fixtures"
                told = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
                print(f"conformance: {revision}, {what}: {told}")
                if plain:
                    seen = {check.scenario for check in checks if check.status == "SUCCESS"}
                    for scenario in sorted(NEED_NO_FIXTURE[revision] - seen):
                        missed += 1
                        print(f"  {scenario}: not run")
                for check in bad:
                    missed += 1
                    print(f"  {check.scenario}: {check.name}: {check.status}: {check.message}")
        finally:
            status, said = server.end()
        if status != 0:
            missed += 1
            print(f"conformance: the server ended with {status}\n{said}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
