"""Whether the client of an HTTP request is still there: what is done for it ends when it leaves.

The SDK notices that on some of its ways and goes on working on others (handshake era, JSON answers).
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from .sdk import CallNext, HandlerResult, MCPError
from .sdk_http import REQUEST_CANCELLED
from .server import Context

KEY = "mcp_presence"  # in scope["state"], by which a handler finds its request's


class Presence:
    """One client, from its request to the end of the answer."""

    def __init__(self) -> None:
        self._left = asyncio.Event()
        self._scopes: set[anyio.CancelScope] = set()

    @property
    def left(self) -> bool:
        """Whether it is gone."""
        return self._left.is_set()

    def leave(self) -> None:
        """It is gone: cancel what is done for it."""
        self._left.set()
        for scope in tuple(self._scopes):
            scope.cancel()

    async def ended(self) -> None:
        """Wait until it is gone."""
        await self._left.wait()

    @contextmanager
    def needed(self) -> Iterator[None]:
        """Do the body as long as the client is there, and leave it when the client leaves."""
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            try:
                if self.left:
                    scope.cancel()
                yield
            finally:
                self._scopes.discard(scope)


async def while_client_stays(ctx: Context, call_next: CallNext) -> HandlerResult:
    """Middleware of the server: a request is worked on while its client is there."""
    presence = None if ctx.request is None else ctx.request.scope["state"].get(KEY)
    if not isinstance(presence, Presence) or ctx.request_id is None:
        return await call_next(ctx)
    with presence.needed():
        return await call_next(ctx)
    # Nobody reads it, but a session of the handshake era wants an end to each of its requests.
    raise MCPError(REQUEST_CANCELLED, "The client left")
