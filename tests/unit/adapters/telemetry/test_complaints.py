"""What the OpenTelemetry library says, told once in a while."""

import logging
from collections.abc import Iterator

import pytest

from netsonde.adapters.memory import FakeClock
from netsonde.adapters.telemetry.complaints import EVERY_S, SOURCE, Complaints

HEARD = logging.getLogger("netsonde.test.heard")
LIBRARY = logging.getLogger(f"{SOURCE}.test.exporter")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def complaints(clock: FakeClock) -> Iterator[Complaints]:
    complaints = Complaints(HEARD, clock.monotonic_s)
    complaints.install()
    yield complaints
    complaints.remove()


class Heard(logging.Handler):
    """Keeps the fields of what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: list[dict[str, object]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.fields.append(vars(record)["fields"])


@pytest.fixture
def heard(complaints: Complaints) -> Iterator[list[dict[str, object]]]:
    handler = Heard()
    HEARD.addHandler(handler)
    yield handler.fields
    HEARD.removeHandler(handler)


def test_a_flood_is_told_once_a_minute_with_the_number_held_back(
    heard: list[dict[str, object]], clock: FakeClock
) -> None:
    for _ in range(1000):
        LIBRARY.error("collector %s", "away")
    clock.advance(EVERY_S)
    LIBRARY.error("still away")
    assert heard == [
        {"source": LIBRARY.name, "said": "collector away"},
        {"source": LIBRARY.name, "said": "still away", "untold": 999},
    ]


def test_modules_do_not_silence_each_other(heard: list[dict[str, object]]) -> None:
    LIBRARY.error("one")
    logging.getLogger(f"{SOURCE}.test.other").warning("two")
    assert [one["said"] for one in heard] == ["one", "two"]


def test_an_exception_is_told_in_a_word_without_its_traceback(
    heard: list[dict[str, object]],
) -> None:
    try:
        raise ValueError("bad")
    except ValueError:
        LIBRARY.exception("failed")
    assert heard == [{"source": LIBRARY.name, "said": "failed", "exception": "ValueError('bad')"}]


def test_after_hush_nothing_is_told(heard: list[dict[str, object]], complaints: Complaints) -> None:
    complaints.hush()
    LIBRARY.error("closed twice")
    assert heard == []


def test_once_removed_the_library_speaks_for_itself_again(complaints: Complaints) -> None:
    complaints.remove()
    assert logging.getLogger(SOURCE).propagate
    assert complaints not in logging.getLogger(SOURCE).handlers
