"""Where log records go: standard error, in one format, from our loggers and the libraries'."""

import logging
import sys
import threading

from ..adapters.log_lines import Lines
from ..adapters.log_stream import LogStream
from .settings import Logging
from .settings_load import Clamped

LOGGER = logging.getLogger("netsonde")


def set_up_logging(settings: Logging, *, quiet: bool = False) -> None:
    """Replace the root's handlers. `quiet`: warnings only, for a person at the command line.

    The libraries speak from WARNING up; at level DEBUG everybody says everything.
    """
    root = logging.getLogger()
    handler = _stream(root)
    handler.setFormatter(Lines(as_json=settings.format == "json"))
    for old in root.handlers[:]:
        for kept in old.filters:
            handler.addFilter(kept)
        root.removeHandler(old)
    root.addHandler(handler)
    _log_what_python_prints()
    level = logging.getLevelNamesMapping()[settings.level]
    if quiet:
        level = max(level, logging.WARNING)
    LOGGER.setLevel(level)
    # The SDK's log has session ids, which are as good as the session, from INFO down.
    logging.getLogger("mcp").setLevel(max(level, logging.WARNING))
    root.setLevel(level if level == logging.DEBUG else max(level, logging.WARNING))


def _stream(root: logging.Logger) -> LogStream:
    """The one there is, after a reload: lines may wait in it, and must not be overtaken."""
    for handler in root.handlers:
        if isinstance(handler, LogStream) and handler.stream is sys.stderr:
            return handler
    return LogStream(sys.stderr)


def _log_what_python_prints() -> None:
    """What ends in nobody's hands is logged: printed, it would wait for the reader of the stream."""
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = _tell_unraisable
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = _tell_thread


def _tell_unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    fields = {"what": unraisable.err_msg or "Exception ignored"}
    LOGGER.error("python.unraisable", extra={"fields": fields}, exc_info=unraisable.exc_value)


def _tell_thread(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_type is SystemExit:
        return  # as threading has it
    fields = {"thread": ended.thread.name if ended.thread else ""}
    LOGGER.error("python.thread_ended", extra={"fields": fields}, exc_info=ended.exc_value)


def log_through(a_filter: logging.Filter) -> None:
    """Have every record pass the filter, after a reload too."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(a_filter)


def log_clamped(clamped: tuple[Clamped, ...]) -> None:
    """Tell which settings were out of their range."""
    for one in clamped:
        LOGGER.warning(
            "config_clamped",
            extra={"fields": {"param": one.param, "original": one.original, "new": one.new}},
        )
