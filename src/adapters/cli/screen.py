"""Where the command line writes: tables and text on standard output, remarks on standard error."""

import shutil
import sys
from collections.abc import Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...domain.text import clean

WIDTH_OF_PIPES = 160


def show(*parts: Table | Text | str) -> None:
    """Write to standard output; without colour, and wide, where that is no terminal."""
    console = Console(
        width=None if sys.stdout.isatty() else WIDTH_OF_PIPES, highlight=False, emoji=False
    )
    for part in parts:
        console.print(
            plain(part) if isinstance(part, str) else part, soft_wrap=isinstance(part, str)
        )


def show_json(value: Any) -> None:
    """Write one line of JSON, and nothing else, to standard output."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def remark(text: str) -> None:
    """Write a line to standard error."""
    print(clean(text.encode()), file=sys.stderr)


def plain(value: Any, style: str = "") -> Text:
    """Text of whatever origin: no markup, no terminal's control characters."""
    if isinstance(value, float):
        value = f"{value:g}" if value < 1e6 else f"{value:.0f}"
    text = "-" if value is None or value == "" else str(value)
    return Text(clean(text.encode("utf-8", "replace")), style=style)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, title: str = "") -> Table:
    """A table; a column whose name begins with `#` holds numbers, and stands to the right."""
    made = Table(
        title=Text(title) if title else None, title_justify="left", box=None, pad_edge=False
    )
    for column in columns:
        number = column.startswith("#")
        made.add_column(column.lstrip("#"), justify="right" if number else "left", overflow="fold")
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else plain(cell) for cell in row))
    return made


class ProgressLine:
    """One line on standard error that is written over and over; none where that is no terminal."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()

    def write(self, text: str) -> None:
        """Show `text` instead of what was there."""
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            line = clean(text.encode()).replace("\n", " ")[:width]
            print(f"\r\x1b[2K{line}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Leave the line empty."""
        if self._live:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)
