"""The README's lines, as a newcomer pastes them."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.drivers.server import Server, http_server
from tests.contract.lab.access import Lab

README = Path(__file__).parents[2] / "README.md"
LINES = re.findall(r"^\$ (curl .+)$", README.read_text(encoding="utf-8"), re.MULTILINE)
pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]


@pytest.fixture(scope="module")
def server(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with http_server(tmp_path_factory.mktemp("state"), "--port", "8080") as server:
        yield server


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_the_readme_works_as_pasted(line: str, server: Server) -> None:
    done = subprocess.run(
        ["sh", "-c", line.replace("curl ", "curl --fail-with-body ", 1)],
        env={name: text for name, text in os.environ.items() if "proxy" not in name.lower()},
        capture_output=True,
        timeout=30,
        check=False,
    )
    # An event stream goes on until curl has had enough (28).
    assert done.returncode == (28 if "/events" in line else 0), done.stdout + done.stderr
    assert done.stdout


def test_there_are_such_lines() -> None:
    assert len(LINES) >= 6
