"""Foreign bytes are made fit for terminals and JSON."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.domain.text import clean


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"a\tb\nc", "a\tb\nc"),
        (b"a\r\nb", "a\nb"),
        (b"\x1b[31mred\x1b[0m", "[31mred[0m"),
        (b"a\x00b\x07\x7f", "ab"),
        ("\x9b31mé".encode(), "31mé"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        ("é".encode()[:1], "\ufffd"),
    ],
)
def test_control_characters_but_tab_and_newline_are_removed(data: bytes, text: str) -> None:
    assert clean(data) == text


@given(st.binary(max_size=40))
def test_any_bytes_become_printable_text(data: bytes) -> None:
    text = clean(data)
    assert all(c in "\t\n" or unicodedata.category(c) != "Cc" for c in text)
    assert text.encode().decode() == text
