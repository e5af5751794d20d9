"""Where the HTTP service may listen: anywhere with tokens, on loopback only without."""

from ipaddress import ip_address

from .settings_load import Loaded
from .settings_problems import ConfigError, Problem

LOOPBACK = "127.0.0.1"
_KEY = "server.host"


def listening_host(loaded: Loaded, *, guarded: bool) -> str:
    """The address to listen on; raises ConfigError when it was set to one that needs a token.

    `guarded`: there is a token. The default, every address, becomes loopback without one.
    """
    host = loaded.settings.server.host
    if guarded or is_loopback(host):
        return host
    if _KEY not in loaded.sources:
        return LOOPBACK
    raise ConfigError(
        [
            Problem(
                loaded.sources[_KEY],
                _KEY,
                f"is {host[:80]!a}, but without an access token the service listens on loopback only: "
                "make one (`netsonde token new NAME`) for security.tokens_file, set MCP_AUTH_TOKEN, "
                f"or leave {_KEY} out",
            )
        ]
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
