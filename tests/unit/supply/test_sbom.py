"""The bill of materials."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from scripts.lock_file import REQUIREMENTS, read_lock
from scripts.sbom import Unfit, sbom


@cache
def bill(epoch: str = "") -> str:
    return sbom({"SOURCE_DATE_EPOCH": epoch} if epoch else {})


@cache
def components() -> dict[str, Any]:
    return {one["name"]: one for one in json.loads(bill())["components"]}


def test_two_bills_are_the_same_bytes() -> None:
    assert sbom({}) == bill()


def test_there_is_no_time_in_it_but_the_one_that_is_asked_for() -> None:
    assert "timestamp" not in json.loads(bill())["metadata"]
    dated = json.loads(bill("1700000000"))
    assert dated["metadata"]["timestamp"] == "2023-11-14T22:13:20+00:00"
    assert dated["serialNumber"] != json.loads(bill())["serialNumber"]


@pytest.mark.parametrize("epoch", ["yesterday", "-1", "1.5", "9" * 12])
def test_a_time_that_can_not_be_read_is_told(epoch: str) -> None:
    with pytest.raises(Unfit):
        sbom({"SOURCE_DATE_EPOCH": epoch})


def test_every_package_that_runs_here_is_in_it_with_version_licence_and_every_locked_hash() -> None:
    for one in read_lock((REQUIREMENTS / "run.txt").read_text()):
        if not one.applies:
            assert one.name not in components()
            continue
        found = components()[one.name]
        assert (found["version"], found["purl"]) == (
            one.version,
            f"pkg:pypi/{one.name}@{one.version}",
        )
        assert found["licenses"]
        (archives,) = found["externalReferences"]
        assert {digest["content"] for digest in archives["hashes"]} == set(one.hashes)


@pytest.mark.lab
def test_every_program_is_in_it_with_version_path_and_its_own_hash() -> None:
    for name in ("nmap", "ping", "traceroute", "mtr", "mtr-packet", "dig"):
        found = components()[name]
        (path,) = (one["value"] for one in found["properties"] if one["name"] == "netsonde:path")
        (digest,) = found["hashes"]
        assert digest["content"] == hashlib.sha256(Path(path).read_bytes()).hexdigest()
        assert found["version"]


def test_who_depends_on_whom_is_told() -> None:
    wants = {one["ref"]: one.get("dependsOn", []) for one in json.loads(bill())["dependencies"]}
    (root,) = (ref for ref in wants if ref.startswith("pkg:pypi/netsonde@"))
    assert any(ref.startswith("pkg:pypi/litestar@") for ref in wants[root])
    reached, left = set(), {root}
    while left:
        ref = left.pop()
        reached.add(ref)
        left |= set(wants[ref]) - reached
    packages = {one["bom-ref"] for one in components().values() if one["type"] == "library"}
    assert packages <= reached
