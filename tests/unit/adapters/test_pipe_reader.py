"""What is kept of a stream, read without an event loop."""

import os

import pytest

from netsonde.adapters.process.pipe_reader import PipeReader
from netsonde.application.ports import Capture


def test_what_is_still_in_the_pipe_is_drained_without_waiting_for_its_end() -> None:
    with PipeReader(limit_bytes=8) as pipe:
        os.write(pipe.write_end, b"0123456789")
        pipe.drain()
        os.write(pipe.write_end, b"ab")
        pipe.drain()
        assert pipe.capture == Capture(data=b"01234567", total_bytes=12)


@pytest.mark.parametrize("size", [1, 3, 8])
def test_pieces_are_handed_on_up_to_the_limit(size: int) -> None:
    pieces: list[bytes] = []
    with PipeReader(8, pieces.append) as pipe:
        for start in range(0, 10, size):
            os.write(pipe.write_end, b"0123456789"[start : start + size])
            pipe.drain()
    assert b"".join(pieces) == b"01234567"
    assert all(pieces)


def test_a_limit_of_nothing_keeps_nothing() -> None:
    with PipeReader(limit_bytes=0) as pipe:
        os.write(pipe.write_end, b"x")
        pipe.close_write_end()
        pipe.drain()
        pipe.drain()  # after the end of file
        assert pipe.capture == Capture(total_bytes=1)
