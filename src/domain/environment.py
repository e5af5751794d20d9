"""All that a program finds in its environment; nothing of the server's own is handed on."""

from collections.abc import Mapping
from types import MappingProxyType

SEARCH_PATH = (
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
)

# No HOME: dig reads ~/.digrc. LC_ALL=C is what the parsers were written for.
ENVIRONMENT: Mapping[str, str] = MappingProxyType(
    {"PATH": ":".join(SEARCH_PATH), "LC_ALL": "C", "TZ": "UTC"}
)
