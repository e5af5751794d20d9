"""Makes the assemblies that the command line asks for."""

import os

from .assembly import Assembly
from .serving import serve
from .version import VERSION


class ForPeople:
    """Meets the command line's `Starter`."""

    version = VERSION

    def assemble(self, config: str | None, *, lenient: bool = False) -> Assembly:
        """For one command of a person: only warnings are logged."""
        return Assembly(os.environ, config=config, quiet=True, lenient=lenient)

    def serve(self, config: str | None, command_line: dict[str, object]) -> int:
        """Serve, with the settings given on the command line; gives the exit status."""
        return serve(Assembly(os.environ, config=config, command_line=command_line))
