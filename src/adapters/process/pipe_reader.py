"""One stream of a program: the first bytes kept, the rest counted."""

import asyncio
import os
from collections.abc import Callable
from typing import Self

from ...application.ports import Capture

PIECE_BYTES = 64 * 1024  # a pipe's usual capacity, pipe(7)
DRAIN_PIECES = 64  # 4 MiB: more than a pipe holds, and an end to reading from one who writes on


class PipeReader:
    """A pipe whose read end is emptied by the event loop; memory never grows beyond the limit."""

    def __init__(self, limit_bytes: int, on_piece: Callable[[bytes], None] | None = None) -> None:
        self._on_piece = on_piece
        self._kept = bytearray()
        self._room_bytes = limit_bytes
        self._total_bytes = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close_write_end()
        self._close_read_end()

    def close_write_end(self) -> None:
        """Give up our copy, once the program has its own: else there would be no end of file."""
        if self.write_end >= 0:
            os.close(self.write_end)
            self.write_end = -1

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Read whenever there is something to read."""
        loop.add_reader(self._read_end, self._read_piece)
        self._loop = loop

    def drain(self) -> None:
        """Read what is in the pipe now, without waiting for more."""
        for _ in range(DRAIN_PIECES):
            if not self._read_piece():
                return

    @property
    def capture(self) -> Capture:
        """What was read until now."""
        return Capture(data=bytes(self._kept), total_bytes=self._total_bytes)

    def _read_piece(self) -> bool:
        """Read once; False when there is nothing more at the moment."""
        if self._read_end < 0:
            return False
        try:
            piece = os.read(self._read_end, PIECE_BYTES)
        except BlockingIOError:
            return False
        if not piece:
            self._close_read_end()
            return False
        self._total_bytes += len(piece)
        kept = piece[: self._room_bytes]
        if kept:
            self._kept += kept
            self._room_bytes -= len(kept)
            if self._on_piece is not None:
                self._on_piece(kept)
        return True

    def _close_read_end(self) -> None:
        if self._read_end < 0:
            return
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._read_end)
        os.close(self._read_end)
        self._read_end = -1
