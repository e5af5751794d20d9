"""Whom a request may be addressed to, and which pages may send it: for applications behind the door."""

from collections.abc import Callable

from ...domain.errors import ToolError
from .asgi import Scope
from .provenance import Provenance
from .service import WebSettings


def sender_check(web: WebSettings) -> Callable[[Scope], ToolError | None]:
    """What the door asks of Host and Origin, for those that want to be sure. Gives the error or None."""
    return Provenance(web).object_to
