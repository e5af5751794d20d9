"""Logging is the process's: tests that set it up give it back as it was."""

import logging
from collections.abc import Iterator

import pytest

from netsonde.bootstrap.logs import LOGGER


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, own = root.handlers[:], root.level, LOGGER.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    LOGGER.setLevel(own)
