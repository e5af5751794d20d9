"""Every test run happens in a sealed world, so that no test can send a packet to a real network.

NETSONDE_NO_LAB=1       stay outside; tests of the lab are skipped
NETSONDE_REQUIRE_LAB=1  fail instead of skipping (CI)
HYPOTHESIS_PROFILE      "ci" (the default) or "fuzz", of NETSONDE_FUZZ_EXAMPLES cases
"""

import logging
import os
import signal
from collections.abc import Iterator
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

from tests.contract.lab import enter
from tests.contract.lab.access import Lab
from tests.contract.lab.topology import built
from tests.shards import keep_shard

_WHY_NO_LAB: Final = pytest.StashKey[str | None]()

settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile(
    "fuzz",
    parent=settings.get_profile("ci"),
    max_examples=int(os.environ.get("NETSONDE_FUZZ_EXAMPLES", "20000")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell's background job: what is started here would ignore it too, and mean to.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line(
        "markers", "lab: needs the network lab; skipped with the reason if none"
    )
    config.addinivalue_line("markers", "fuzz: a property; `make fuzz` gives it more examples")
    reason = _enter(config)
    if reason is not None and os.environ.get("NETSONDE_REQUIRE_LAB") == "1":
        raise pytest.UsageError(f"NETSONDE_REQUIRE_LAB=1, but there is no lab: {reason}")
    config.stash[_WHY_NO_LAB] = reason


def _enter(config: pytest.Config) -> str | None:
    """Does not return if we can go in: then the whole command line starts again, inside."""
    if enter.inside():
        return None
    if os.environ.get("NETSONDE_NO_LAB") == "1":
        return "NETSONDE_NO_LAB=1"
    if enter.FLAG in os.environ:
        raise pytest.UsageError(f"{enter.FLAG} is set, but this is not a sealed world: unset it")
    reason = enter.available()
    if reason is None:
        # pytest's capturing holds descriptors 1 and 2, which the new process is to have.
        capturing = config.pluginmanager.getplugin("capturemanager")
        if capturing is not None:
            capturing.stop_global_capturing()
        enter.replace_with_self()
    return reason


def pytest_report_header(config: pytest.Config) -> str:
    reason = config.stash[_WHY_NO_LAB]
    return "lab: in a sealed world" if reason is None else f"lab: none: {reason}"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shard", metavar="I/N", help="run the Ith of N parts of the suite")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    keep_shard(config, items)
    reason = config.stash[_WHY_NO_LAB]
    if reason is not None:
        for item in items:
            if item.get_closest_marker("lab") is not None:
                item.add_marker(pytest.mark.skip(reason=f"no lab: {reason}"))


@pytest.fixture(scope="session")
def lab(pytestconfig: pytest.Config) -> Iterator[Lab]:
    """The network lab around this process, built when the first test asks for it."""
    reason = pytestconfig.stash[_WHY_NO_LAB]
    if reason is not None:
        pytest.skip(f"no lab: {reason}")
    with built() as lab:
        yield lab


@pytest.fixture(autouse=True)
def log_levels() -> Iterator[None]:
    """A test that sets up logging leaves the levels as they were for the next one."""
    loggers = [logging.getLogger(name) for name in (None, "netsonde", "mcp")]
    levels = [logger.level for logger in loggers]
    for logger in logging.Logger.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.disabled = False  # libraries that configure logging disable what they find
    logging.disable(logging.NOTSET)
    logging.getLogger("opentelemetry").setLevel(logging.NOTSET)  # fuzz/ silences it when imported
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
