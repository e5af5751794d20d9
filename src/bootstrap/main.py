"""The command `netsonde`: picks a driver, and gives an exit status for whatever happens."""

import gc
import os
import sys
from collections.abc import Sequence

from ..adapters import wire
from .settings_problems import ConfigError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (the process's own if None); gives the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _main(words)
    except ConfigError as error:
        for problem in error.problems:
            print(f"netsonde: {problem}", file=sys.stderr)
        return wire.USAGE
    except KeyboardInterrupt:
        return wire.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has had enough; the interpreter's last flush must not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return wire.FAILED


def _main(words: list[str]) -> int:
    # Imports are here so that Ctrl-C during them ends in `main`, and so that a server on stdio
    # does not wait for click and rich.
    if words in ([], ["serve"]):
        gc.disable()  # until `serve`: building a thousand classes only keeps the collector busy
        try:
            from .assembly import Assembly
            from .serving import serve

            return serve(Assembly(os.environ))
        finally:
            gc.enable()
    from ..adapters.cli.commands import command_line
    from .starter import ForPeople

    return command_line(words, ForPeople())
