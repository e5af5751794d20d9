"""What the programs print: reports are bounded, clean and JSON, whatever the bytes."""

from collections.abc import Callable
from typing import Any

from netsonde.domain.reports import dig, mtr, nmap, ping, traceroute
from netsonde.domain.reports.fields import MAX_TEXT
from netsonde.domain.text import clean

from .plain import assert_bounded, assert_clean


def read_nmap(data: bytes) -> None:
    """XML and, of the text, the progress."""
    _check(data, lambda complete: nmap.parse(b"", data, complete))


def read_nmap_progress(data: bytes) -> None:
    """Lines of nmap and of ping, as they come in."""
    for line in clean(data).split("\n"):
        for percent in (nmap.progress(line), ping.progress(line, 3)):
            assert percent is None or 0 <= percent <= 100


def read_ping(data: bytes) -> None:
    """Text of iputils."""
    _check(data, lambda complete: ping.parse(data, b"", complete))


def read_traceroute(data: bytes) -> None:
    """Text of Butskoy's traceroute."""
    _check(data, lambda complete: traceroute.parse(data, b"", complete))


def read_mtr(data: bytes) -> None:
    """JSON, perhaps cut."""
    _check(data, lambda complete: mtr.parse(data, b"", complete))


def read_dig(data: bytes) -> None:
    """Text of BIND."""
    _check(data, lambda complete: dig.parse(data, b"", complete))


def _check(data: bytes, parse: Callable[[bool], dict[str, Any] | None]) -> None:
    whole, ended = parse(True), parse(False)
    assert (whole is None) == (ended is None)
    if whole is not None and ended is not None:
        assert_bounded(whole, data)
        assert_clean(whole, MAX_TEXT)
        assert whole.get("partial", True) is True
        assert ended["partial"] is True
