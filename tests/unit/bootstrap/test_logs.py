"""Where log records go."""

import logging
import subprocess
import sys

import pytest

from netsonde.bootstrap.logs import LOGGER, log_clamped, set_up_logging
from netsonde.bootstrap.settings import Logging
from netsonde.bootstrap.settings_load import Clamped


def test_clamped_settings_are_told_as_the_contract_has_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up_logging(Logging())
    log_clamped((Clamped(param="tool.default_timeout", original="9999", new="3600"),))
    out, err = capsys.readouterr()
    assert out == ""
    assert "config_clamped param=tool.default_timeout original=9999 new=3600" in err


def test_a_library_is_heard_from_warning_up(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(Logging(level="INFO"))
    logging.getLogger("library").info("chatter")
    logging.getLogger("library").warning("trouble")
    LOGGER.info("ours")
    err = capsys.readouterr().err
    assert "chatter" not in err
    assert "trouble" in err
    assert "ours" in err


def test_quiet_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(Logging(format="json"), quiet=True)
    LOGGER.info("ours")
    assert capsys.readouterr().err == ""


_FAILING = """
import threading
from netsonde.bootstrap.logs import set_up_logging
from netsonde.bootstrap.settings import Logging

class Falls:
    def __del__(self):
        raise ValueError("on the way out")

def die():
    raise ValueError("of a thread")

set_up_logging(Logging())
Falls()
thread = threading.Thread(target=die, name="doomed")
thread.start()
thread.join()
"""


def test_what_python_would_print_is_a_line_of_the_log() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FAILING], capture_output=True, text=True, timeout=30, check=True
    )
    lines = done.stderr.splitlines()
    assert [line.split()[2] for line in lines] == ["python.unraisable", "python.thread_ended"]
    assert "on the way out" in lines[0]
    assert "thread=doomed" in lines[1] and "of a thread" in lines[1]
