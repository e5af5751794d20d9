"""Asks the package index and apt what they know against what requirements/ and this host pin.

Exit status: 0 nothing known against any of it (what could not be asked is told), 1 findings, 2 no
data at all, or with --strict not all of it.
"""

import json
import os
import re
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from netsonde.domain.tools import TOOLS

from .debian import lists_are_there, programs, waiting_updates
from .lock_file import REQUIREMENTS, Pinned, read_lock

_TIMEOUT_S = 20
_MAX_BYTES = 64 * 1024 * 1024
Fetch = Callable[[str], bytes | None]
"""Gets what is behind a path of the index; None where it has nothing. Raises OSError."""


class Audited(NamedTuple):
    """What is known of one thing. `unknown` is why something could not be asked, "" if all was."""

    what: str
    findings: tuple[str, ...] = ()
    unknown: str = ""


def audit_package(one: Pinned, fetch: Fetch) -> Audited:
    """Known vulnerabilities of the pinned version, whether it was withdrawn, and its hashes.

    Not every index has a page for each version; then the project's page tells of the newest alone.
    """
    what = f"{one.name} {one.version}"
    try:
        page = _page(fetch(f"/pypi/{one.name}/{one.version}/json"))
        exact = page is not None
        if page is None:
            page = _page(fetch(f"/pypi/{one.name}/json"))
    except (OSError, ValueError) as error:
        return Audited(what, unknown=f"the index does not answer: {error}")
    if page is None:
        return Audited(what, unknown="the index has no page for it")
    files = page.get("urls") if exact else (page.get("releases") or {}).get(one.version)
    findings = _about_files(one, files or [])
    newest = (page.get("info") or {}).get("version")
    if not exact and newest != one.version:
        unknown = f"the index tells vulnerabilities of the newest version, {newest}, alone"
        return Audited(what, findings, unknown)
    if not isinstance(listed := page.get("vulnerabilities"), list):
        return Audited(what, findings, "the index tells no vulnerabilities")
    return Audited(what, (*findings, *_vulnerabilities(listed)))


def _page(body: bytes | None) -> dict[str, Any] | None:
    page = None if body is None else json.loads(body)
    if page is not None and not isinstance(page, dict):
        raise ValueError("its answer is no JSON object")
    return page


def _about_files(one: Pinned, files: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """A withdrawn release, and a pinned hash that no published file has."""
    files = list(files)
    findings = []
    if files and all(file.get("yanked") for file in files):
        findings.append(f"withdrawn: {files[0].get('yanked_reason') or 'no reason given'}")
    published = {(file.get("digests") or {}).get("sha256") for file in files}
    if files and (strange := [digest for digest in one.hashes if digest not in published]):
        findings.append(
            f"{len(strange)} of {len(one.hashes)} pinned hashes are not published any more"
        )
    return tuple(findings)


def _vulnerabilities(listed: Iterable[dict[str, Any]]) -> Iterable[str]:
    for one in listed:
        if one.get("withdrawn"):
            continue
        names = ", ".join([str(one.get("id")), *map(str, one.get("aliases") or ())])
        fixed = ", ".join(map(str, one.get("fixed_in") or ())) or "no version"
        yield f"{names}: {one.get('summary') or 'no summary'} (fixed in {fixed})"


def audit_programs() -> tuple[Audited, ...]:
    """Whether apt's lists have a later version of the packages that the programs come from."""
    found = programs([kind.command_name for kind in TOOLS])
    audited = [
        Audited(one.path, unknown="of no Debian package") for one in found if not one.package
    ]
    for package, version in sorted({(one.package, one.version) for one in found if one.package}):
        what = f"{package} {version} (Debian)"
        if not lists_are_there():
            audited.append(Audited(what, unknown="apt has no lists: run `apt-get update`"))
        elif (update := waiting_updates(package)) is None:
            audited.append(Audited(what))
        elif update[1]:
            audited.append(Audited(what, (f"a security update waits: {update[0]}",)))
        else:
            audited.append(
                Audited(what, unknown=f"an update waits ({update[0]}), not for security")
            )
    return tuple(audited)


def index_of_pip() -> tuple[str, str | None]:
    """The index that pip uses, without its path `/simple`, and the file of its certificates."""
    told = dict(
        line.split("=", 1)
        for line in _pip("config", "list").splitlines()
        if line.startswith(("global.", "install.", ":env:.", "site.", "user."))
    )
    values = {key.rpartition(".")[2]: value.strip("'\"") for key, value in told.items()}
    index = values.get("index-url")
    if index is None:  # pip's own default, which only its help tells
        given = re.search(
            r"--index-url <url>.*?\(default\s+(\S+?)\)", _pip("install", "--help"), re.S
        )
        index = given[1] if given else ""
    return index.rstrip("/").removesuffix("/simple"), values.get("cert")


def _pip(*words: str) -> str:
    argv = [sys.executable, "-m", "pip", *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout


def fetcher(base: str, certificates: str | None) -> Fetch:
    """Over HTTPS, or from wherever pip is told to look; bounded in time and size."""
    context = ssl.create_default_context(cafile=certificates)

    def fetch(path: str) -> bytes | None:
        try:
            with urllib.request.urlopen(base + path, timeout=_TIMEOUT_S, context=context) as answer:
                return bytes(answer.read(_MAX_BYTES))
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise
        except ValueError as error:
            raise OSError(f"pip has no index that can be asked: {error}") from error

    return fetch


def status(audited: Iterable[Audited], *, strict: bool) -> int:
    """The exit status."""
    audited = tuple(audited)
    if any(one.findings for one in audited):
        return 1
    unknown = [one for one in audited if one.unknown]
    return 2 if unknown and (strict or len(unknown) == len(audited)) else 0


def main(arguments: list[str]) -> int:
    """Tell findings and what is not known, and give the status."""
    began_s = time.monotonic()
    fetch = fetcher(*index_of_pip())
    pinned: dict[tuple[str, str], Pinned] = {}
    for path in sorted(REQUIREMENTS.glob("*.txt")):
        for one in read_lock(path.read_text()):
            pinned.setdefault((one.name, one.version), one)
    with ThreadPoolExecutor(8) as pool:
        packages = tuple(pool.map(lambda one: audit_package(one, fetch), pinned.values()))
    hosts = audit_programs()
    audited = (*packages, *hosts)
    lines = [f"FINDING  {each.what}: {finding}" for each in audited for finding in each.findings]
    lines += [f"unknown  {each.what}: {each.unknown}" for each in audited if each.unknown]
    print(*lines, sep="\n", end="\n" if lines else "")
    for name, part in (("Python packages", packages), ("Debian packages", hosts)):
        known = sum(not each.unknown for each in part)
        found = sum(bool(each.findings) for each in part)
        print(f"{name}: {found} with findings, {known} of {len(part)} known in full")
    print(
        "Not asked: advisories on Debian packages without an update (debsecan), and npm's, of which "
        f"nothing is pinned here. {time.monotonic() - began_s:.0f} s."
    )
    strict = "--strict" in arguments
    code = status(packages, strict=strict)
    # A host that isn't Debian's is no reason to fail, unless all must be known.
    return max(code, status(hosts, strict=strict)) if strict else _worse(code, hosts)


def _worse(code: int, hosts: Iterable[Audited]) -> int:
    return 1 if any(one.findings for one in hosts) else code


if __name__ == "__main__":
    os.environ.setdefault("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    sys.exit(main(sys.argv[1:]))
