"""The OpenAPI document is true: schemathesis asks the running server, by everything it says.

NETSONDE_SCHEMATHESIS_EXAMPLES: cases for each operation and phase; 400 makes over 5,000 requests.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from netsonde.adapters.http.provenance import Provenance
from netsonde.adapters.http.service import WebSettings
from netsonde.adapters.mcp.http import McpOverHttp, caller_of
from netsonde.adapters.mcp.server import DiagnosticsServer
from netsonde.application.ports import Capture, Ended, HowEnded
from tests.contract.served import served_in_thread
from tests.unit.adapters.http.site import Site
from tests.unit.application.world import World

EXAMPLES = os.environ.get("NETSONDE_SCHEMATHESIS_EXAMPLES")
FEW = "8"
CONFIG = Path(__file__).with_name("schemathesis.toml")
SAID = Ended(how=HowEnded.EXITED, returncode=0, stdout=Capture(data=b"x" * 2000, total_bytes=2000))


# Without tokens there is less to get wrong: the short run leaves that out.
@pytest.mark.parametrize("guarded", [True, False] if EXAMPLES else [True])
def test_the_server_keeps_to_its_own_description(guarded: bool, tmp_path: Path) -> None:
    world = World(lambda plan: SAID, concurrency=8, queue=64)
    server = DiagnosticsServer(world.run_tool, version="1.2.3", caller=caller_of)
    mcp = McpOverHttp(server, object_to=Provenance(WebSettings()).object_to)
    site = Site(world, tokens=guarded, guesses=10**9, mcp=mcp)
    with served_in_thread(site.app, mcp.run) as port:
        asked = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"),
                f"http://127.0.0.1:{port}/schema",
                *(
                    "--checks",
                    "all",
                    "--max-examples",
                    EXAMPLES or FEW,
                    "--seed",
                    "1",
                    "--no-color",
                ),
                # To delete an execution is to cancel it: its record stays, as an audit needs it to.
                *("--exclude-checks", "use_after_free"),
                *("--exclude-operation-id", "listenToMcp"),  # a stream: nothing comes of it
                *("--generation-database", "none", "--warnings", "off", "--continue-on-failure"),
                *(("-H", "Authorization: Bearer chief") if guarded else ()),
            ],
            capture_output=True,
            text=True,
            timeout=3000,
            cwd=tmp_path,
        )
    print(asked.stdout[-20000:], asked.stderr[-2000:])
    assert asked.returncode == 0
    found = re.search(r"(\d+) generated", asked.stdout)
    assert found and int(found[1]) > 100
