"""What is installed is pinned by version and hash, everywhere."""

import re
from pathlib import Path

import pytest

from scripts.lock_file import REQUIREMENTS, Malformed, read_lock

ROOT = REQUIREMENTS.parent
FILES = sorted(REQUIREMENTS.glob("*.txt"))
DIGEST = "0" * 64


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_requirement_is_one_version_with_hashes(path: Path) -> None:
    pinned = read_lock(path.read_text())
    assert pinned
    assert len({one.name for one in pinned}) == len(pinned)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_lock_file_names_no_index_and_has_no_option(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert not [line for line in lines if line.startswith("-") or "://" in line]


def test_what_is_tested_is_what_runs() -> None:
    run, dev = (
        {one.name: one.version for one in read_lock((REQUIREMENTS / name).read_text())}
        for name in ("run.txt", "dev.txt")
    )
    assert run.items() <= dev.items()


@pytest.mark.parametrize(
    "line",
    [
        "acme",
        "acme==1.0",
        f"acme>=1.0 --hash=sha256:{DIGEST}",
        f"acme==1.* --hash=sha256:{DIGEST}",
        f"acme==1.0,<2 --hash=sha256:{DIGEST}",
        f"acme @ https://host.example/acme.whl --hash=sha256:{DIGEST}",
        f"acme==1.0 --hash=sha256:{DIGEST} --hash=md5:00",
        f"acme==1.0 --hash=sha256:{DIGEST[1:]}",
    ],
)
def test_a_line_that_leaves_anything_open_is_malformed(line: str) -> None:
    with pytest.raises(Malformed):
        read_lock(line)


def test_who_wants_a_package_is_read_and_whether_it_applies() -> None:
    text = (
        f"Acme_X==1.0 ; sys_platform == 'win32' \\\n    --hash=sha256:{DIGEST}\n"
        f"    # via\n    #   mcp\n    #   netsonde (pyproject.toml)\n"
        f"b==2 \\\n    --hash=sha256:{DIGEST} \\\n    --hash=sha256:{DIGEST[::-1]}\n    # via acme-x\n"
    )
    first, second = read_lock(text)
    assert (first.name, first.via, first.applies) == ("acme-x", ("mcp", "netsonde"), False)
    assert (second.via, len(second.hashes), second.applies) == (("acme-x",), 2, True)


INSTALLS = re.compile(r"\bpip\b.*\binstall\b")


def test_nothing_is_installed_without_its_hash() -> None:
    """A wheel of this tree has no hash to compare; it is built by what is installed, not fetched."""
    files = [ROOT / "Makefile", ROOT / "deploy" / "README.md", *(ROOT / "scripts").glob("*.*")]
    files += [path for path in (ROOT / "deploy").rglob("Dockerfile*") if path.is_file()]
    loose = []
    for path in files:
        text = path.read_text().replace("\\\n", " ")
        for line in re.split(r"\n|&&", text):
            if INSTALLS.search(line) and not line.lstrip().startswith(("raise", "#  ")):
                alone = "--no-deps" in line and (
                    "--no-build-isolation" in line or "--no-index" in line
                )
                if "--require-hashes" not in line and not alone:
                    loose.append(f"{path.name}: {line.strip()}")
    assert loose == [EXPLAINED]


# Its next line adds --no-deps and --require-hashes.
EXPLAINED = (
    'deploy_check.py: pip = [sys.executable, "-m", "pip", "install", "-qq", '
    '"--disable-pip-version-check"]'
)
