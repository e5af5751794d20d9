"""What is made of an index's answers; nothing is asked here."""

import json
from typing import Any

import pytest

from scripts.audit import Audited, audit_package, fetcher, status
from scripts.lock_file import Pinned

DIGEST = "1" * 64
ONE = Pinned("acme", "1.0", (DIGEST,), (), True)
FILE = {"digests": {"sha256": DIGEST}, "yanked": False}
CLEAN = {
    "info": {"version": "1.0"},
    "urls": [FILE],
    "releases": {"1.0": [FILE]},
    "vulnerabilities": [],
}
BAD = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fixed_in": ["1.1"], "summary": "it bites"}


def audited(of_version: Any, of_project: Any = None) -> Audited:
    pages = {"/pypi/acme/1.0/json": of_version, "/pypi/acme/json": of_project}

    def fetch(path: str) -> bytes | None:
        page = pages[path]
        return None if page is None else json.dumps(page).encode()

    return audit_package(ONE, fetch)


@pytest.mark.parametrize("pages", [(CLEAN, None), (None, CLEAN)])
def test_a_version_that_nothing_is_known_against_is_known_in_full(pages: tuple[Any, Any]) -> None:
    assert audited(*pages) == Audited("acme 1.0")


@pytest.mark.parametrize("exact", [True, False])
def test_a_vulnerability_is_a_finding_with_its_names_and_its_remedy(exact: bool) -> None:
    page = CLEAN | {"vulnerabilities": [BAD, {"id": "PYSEC-2", "withdrawn": "2026-01-01"}]}
    (finding,) = (audited(page) if exact else audited(None, page)).findings
    assert all(word in finding for word in ("PYSEC-1", "CVE-1", "it bites", "1.1"))


def test_what_is_told_of_the_newest_version_is_not_taken_for_the_pinned_one() -> None:
    page = CLEAN | {"info": {"version": "2.0"}, "vulnerabilities": [BAD]}
    found = audited(None, page)
    assert (found.findings, "2.0" in found.unknown) == ((), True)


def test_a_withdrawn_release_and_a_hash_that_is_not_published_are_findings() -> None:
    page = CLEAN | {
        "urls": [{"digests": {"sha256": "2" * 64}, "yanked": True, "yanked_reason": "oops"}]
    }
    assert len(audited(page).findings) == 2


@pytest.mark.parametrize("page", [None, [], CLEAN | {"vulnerabilities": None}])
def test_an_answer_without_the_data_is_unknown_not_clean(page: Any) -> None:
    assert audited(page).unknown


def test_an_index_that_can_not_be_asked_is_unknown_not_clean() -> None:
    for base in ("", "file:///nonexistent", "http://127.0.0.1:9"):
        found = audit_package(ONE, fetcher(base, None))
        assert (found.findings, bool(found.unknown)) == ((), True)


def test_the_status_tells_findings_from_nothing_from_no_data() -> None:
    clean, bad, dark = Audited("a"), Audited("b", ("x",)), Audited("c", unknown="y")
    assert [status([clean, clean], strict=strict) for strict in (False, True)] == [0, 0]
    assert [status([clean, dark], strict=strict) for strict in (False, True)] == [0, 2]
    assert [status([dark, dark], strict=strict) for strict in (False, True)] == [2, 2]
    assert [status([dark, bad, clean], strict=strict) for strict in (False, True)] == [1, 1]
