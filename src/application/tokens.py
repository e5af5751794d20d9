"""Access tokens: what one may look like, what its holder may be called, and how it is known."""

import hashlib
import re

from ..domain.access import Caller, Scope
from .gate import Credential

SHORTEST_TOKEN = 16
LONGEST_TOKEN = 4096
ADMIN_NAME = "admin"
RESERVED_NAMES = frozenset({ADMIN_NAME, "anonymous", "cli", "local", "stdio"})
"""Names by which the record means somebody else than the holder of a token."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")  # what a header can carry (RFC 6750, section 2.1)


def digest_of(token: str) -> bytes:
    """The SHA-256 by which a token is known."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def object_to_token(token: str) -> str | None:
    """Why `token` is no good as an access token, or None. The token is not in the text."""
    if not token:
        return "is empty"
    if not _TOKEN.fullmatch(token):
        return (
            "has a character that a bearer token can't have: only letters, digits and ._~+/=- can"
        )
    if len(token) < SHORTEST_TOKEN:
        return f"has {len(token)} characters; at least {SHORTEST_TOKEN} are needed"
    if len(token) > LONGEST_TOKEN:
        return f"has {len(token)} characters; at most {LONGEST_TOKEN} are taken"
    return None


def object_to_name(name: str) -> str | None:
    """Why `name` can't be a token's, or None."""
    shown = ascii(name[:60])
    if not _NAME.fullmatch(name):
        return (
            f"{shown} is no name: 1 to 64 letters, digits, dots, hyphens and underscores are, "
            "with a letter or digit first"
        )
    if not name.strip("0123456789."):
        return f"{shown} looks like an address, by which callers without a token are named"
    if name.casefold() in RESERVED_NAMES:
        return f"{shown} is reserved, as are {', '.join(sorted(RESERVED_NAMES))}"
    return None


def admin_credential(token: str) -> Credential | str:
    """The credential of MCP_AUTH_TOKEN, which has every right; a text if it must not be used."""
    if (objection := object_to_token(token)) is not None:
        return f"{objection}; make one with `netsonde token new NAME --scope admin`"
    caller = Caller(name=ADMIN_NAME, scopes=frozenset({Scope.ADMIN}))
    return Credential(digest=digest_of(token), caller=caller)
