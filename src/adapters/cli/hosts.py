"""Reads a bounded table of hosts for `plan --batch`."""

from typing import BinaryIO

import click

MAX_BYTES = 16 * 1024 * 1024


def read_hosts(file: BinaryIO) -> str:
    """The file's text; a usage error if it is too large."""
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise click.UsageError(f"--hosts: larger than {MAX_BYTES} bytes")
    return data.decode("utf-8", "replace")
