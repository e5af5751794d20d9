"""Where log records go."""

import logging

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
