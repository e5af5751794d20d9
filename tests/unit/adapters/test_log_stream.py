"""Log lines on their way out: written at once, kept for a while, or dropped and counted."""

import fcntl
import logging
import os
import threading
from typing import TextIO

import pytest

from netsonde.adapters import log_stream
from netsonde.adapters.log_lines import Lines
from netsonde.adapters.log_stream import LogStream

PIPE_BYTES = 4096
WITHIN_S = 10.0


class Ends:
    """A log whose stream is a small pipe."""

    def __init__(self, max_waiting_bytes: int) -> None:
        self.read_end, write_end = os.pipe()
        fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self.stream: TextIO = os.fdopen(write_end, "w")
        self.log = LogStream(self.stream, max_waiting_bytes=max_waiting_bytes)
        self.log.setFormatter(Lines(as_json=False))
        self.logger = logging.Logger("test")
        self.logger.addHandler(self.log)

    def lines(self) -> list[str]:
        """All that was said, which ends it."""
        said: list[bytes] = []

        def read() -> None:
            with open(self.read_end, "rb") as end:
                said.extend(end)

        reader = threading.Thread(target=read)
        reader.start()
        while self.log._waiting:
            self.log.flush()
        self.stream.close()
        reader.join(WITHIN_S)
        return [line.decode().split(" WARNING ", 1)[1].rstrip() for line in said]


@pytest.fixture
def ends() -> Ends:
    return Ends(max_waiting_bytes=100_000)


def test_lines_come_in_their_order_whether_they_waited_or_not(ends: Ends) -> None:
    expected = [f"line {number} {'x' * 300}" for number in range(100)]
    for line in expected:
        ends.logger.warning(line)
    assert ends.lines() == expected


def test_a_line_longer_than_the_pipe_comes_whole(ends: Ends) -> None:
    expected = ["short", "x" * 3 * PIPE_BYTES, "y" * 3 * PIPE_BYTES, "short"]
    for line in expected:
        ends.logger.warning(line)
    assert ends.lines() == expected


def test_what_is_too_much_is_dropped_and_the_number_told_in_its_place() -> None:
    ends = Ends(max_waiting_bytes=2_000)
    for number in range(100):
        ends.logger.warning(f"{number} {'x' * 300}")
    *said, told = ends.lines()
    assert [line.split()[0] for line in said] == [str(number) for number in range(len(said))]
    assert told == f"log.dropped count={100 - len(said)}"
    assert 5 < len(said) < 40


def test_the_count_comes_before_the_first_line_that_is_taken_again() -> None:
    ends = Ends(max_waiting_bytes=2_000)
    for number in range(100):
        ends.logger.warning(f"{number} {'x' * 300}")
    with ends.log._changed:
        while ends.log._waiting_bytes > 1_000:
            os.read(ends.read_end, PIPE_BYTES)
            assert ends.log._changed.wait(WITHIN_S)
    ends.logger.warning("again")
    assert [line.split()[0] for line in ends.lines()][-2:] == ["log.dropped", "again"]


def test_a_record_that_can_not_be_written_out_is_counted(ends: Ends) -> None:
    ends.logger.warning("%d", "no number")
    ends.logger.warning("next")
    assert ends.lines() == ["log.dropped count=1", "next"]


def test_half_a_surrogate_pair_is_no_end_of_it() -> None:
    ends = Ends(max_waiting_bytes=1_000)
    ends.log.setFormatter(logging.Formatter("x WARNING %(message)s"))
    ends.logger.warning("\ud800")
    assert ends.lines() == ["\\ud800"]


def test_a_reader_that_is_gone_costs_lines_and_nothing_else(ends: Ends) -> None:
    os.close(ends.read_end)
    for _ in range(100):
        ends.logger.warning("x" * 300)
    assert ends.log._dropped == 100
    ends.stream.close()


def test_a_reader_that_goes_while_lines_wait_costs_those(ends: Ends) -> None:
    for _ in range(100):
        ends.logger.warning("x" * 300)
    os.close(ends.read_end)
    with ends.log._changed:
        while ends.log._waiting:
            assert ends.log._changed.wait(WITHIN_S)
    assert ends.log._dropped > 50
    ends.stream.close()


def test_a_full_disk_costs_lines_and_nothing_else() -> None:
    with open("/dev/full", "w") as full:
        log = LogStream(full)
        log.handle(logging.makeLogRecord({"msg": "no room"}))
        assert log._dropped == 1


def test_a_flush_waits_for_a_moment_only(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_stream, "FLUSH_S", 0.01)
    for _ in range(100):
        ends.logger.warning("x" * 300)
    ends.log.flush()
    assert ends.log._waiting
    assert len(ends.lines()) == 100


def test_without_a_stream_lines_go_nowhere() -> None:
    LogStream(None).handle(logging.makeLogRecord({"msg": "unheard"}))


def test_a_foreign_o_nonblock_on_the_stream_changes_nothing(ends: Ends) -> None:
    os.set_blocking(ends.stream.fileno(), False)
    expected = [f"line {number} {'x' * 300}" for number in range(100)]
    for line in expected:
        ends.logger.warning(line)
    assert ends.lines() == expected
