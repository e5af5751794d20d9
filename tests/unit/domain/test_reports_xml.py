"""XML that is meant to do harm: nothing is expanded, fetched or kept beyond its bounds."""

import os
import time
import tracemalloc
from pathlib import Path

import pytest

from netsonde.domain.reports import nmap
from netsonde.domain.reports.fields import MAX_TEXT

_HOST = b'<host><address addr="10.0.0.1" addrtype="ipv4"/>'
_LAUGHS = b"<!DOCTYPE nmaprun [<!ENTITY a0 'ha'>%s]><nmaprun>&a40;</nmaprun>" % b"".join(
    b"<!ENTITY a%d '&a%d;&a%d;'>" % (number, number - 1, number - 1) for number in range(1, 41)
)
_QUADRATIC = (
    b"<!DOCTYPE nmaprun [<!ENTITY a '" + b"x" * 100_000 + b"'>]>"
    b"<nmaprun><host><address addr='" + b"&a;" * 100_000 + b"'/></host></nmaprun>"
)


@pytest.mark.parametrize("bomb", [_LAUGHS, _QUADRATIC], ids=["laughs", "quadratic"])
def test_entities_are_not_expanded(bomb: bytes) -> None:
    tracemalloc.start()
    try:
        assert nmap.parse(b"", bomb) is None
        assert tracemalloc.get_traced_memory()[1] < 64 * 1024 + 3 * len(bomb)
    finally:
        tracemalloc.stop()


def test_nothing_outside_of_the_document_is_read(tmp_path: Path) -> None:
    fifo = tmp_path / "waits-for-ever"
    os.mkfifo(fifo)
    secret = tmp_path / "secret"
    secret.write_text("<!ENTITY x 'secret'>")
    for system in (fifo, secret):
        for document in (
            f"<!DOCTYPE nmaprun SYSTEM 'file://{system}'><nmaprun>&x;</nmaprun>",
            f"<!DOCTYPE nmaprun [<!ENTITY x SYSTEM 'file://{system}'>]><nmaprun>&x;</nmaprun>",
            f"<!DOCTYPE nmaprun [<!ENTITY % p SYSTEM 'file://{system}'> %p;]><nmaprun/>",
            f"<?xml-stylesheet href='file://{system}'?><nmaprun><x href='file://{system}'/></nmaprun>",
        ):
            assert "secret" not in repr(nmap.parse(b"", document.encode()))


@pytest.mark.parametrize(
    "document",
    [
        b"<nmaprun>" + b"<a>" * 2_000_000,
        b"<nmaprun>" + _HOST + b"<os>" * 2_000_000,
        b"<nmaprun>" + _HOST + b"<a b='" + b"x" * 8_000_000 + b"'/></host>",
        b"<nmaprun>" + _HOST + b"<hostscript><script id='a' output='" + b"x" * 8_000_000 + b"'/>",
        b"<nmaprun>" + _HOST + b"<a " + b" ".join(b"a%d=''" % n for n in range(200_000)) + b"/>",
        b"<nmaprun>" + _HOST + b"&lt;" * 2_000_000 + b"</host>",
        b"<nmaprun><!--" + b"x" * 8_000_000 + b"-->" + _HOST + b"</host>",
        b"<nmaprun><![CDATA[" + b"]" * 8_000_000 + b"]]>" + _HOST + b"</host>",
        b"<nmaprun>" + b"<?a b?>" * 1_000_000 + _HOST + b"</host>",
    ],
    ids="deep deep-in-host long-attribute long-output attributes text comment cdata instructions".split(),
)
def test_mebibytes_of_malice_take_memory_in_proportion(document: bytes) -> None:
    tracemalloc.start()
    try:
        found = nmap.parse(b"", document)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found is not None
    assert found["partial"]
    assert peak < 32 * len(document)  # two objects for an attribute of ten bytes
    assert len(repr(found)) < 4096 + MAX_TEXT


def test_elements_where_nmap_has_none_are_passed_over() -> None:
    port = b"<ports><port portid='1'><os><port portid='2'></port>"
    for inner in (b"<osmatch name='x' accuracy='1'/>", b"</os><trace><hop ttl='1'/>"):
        found = nmap.parse(b"", b"<nmaprun>" + _HOST + port + inner)
        assert found is not None
        assert found["hosts"][0]["address"] == "10.0.0.1"
    trace = b"<ports><port><trace><port></port><hop ttl='1'/>"
    assert nmap.parse(b"", b"<nmaprun>" + _HOST + trace) is not None


def test_a_mebibyte_is_read_within_a_second_of_the_processor() -> None:
    ports = b"".join(b"<port portid='%d'><state state='open'/></port>" % n for n in range(20_000))
    started_s = time.process_time()
    found = nmap.parse(b"", b"<nmaprun>" + _HOST + b"<ports>" + ports)
    assert time.process_time() - started_s < 5  # a tenth of it, but for the machine's other work
    assert found is not None
    assert len(found["hosts"][0]["ports"]) == 20_000
