"""Which tools were switched off by hand, as the state folder of one start remembers it."""

from ..adapters.switches_file import SwitchesFile
from .settings import Settings
from .settings_problems import ConfigError, Problem


def switches(settings: Settings) -> SwitchesFile:
    """The file, known to be readable; raises ConfigError."""
    found = SwitchesFile(settings.state.dir)
    try:
        found.disabled()
    except OSError as error:
        problem = Problem(settings.state.dir, "state.dir", f"can't be read: {error}")
        raise ConfigError([problem]) from error
    return found
