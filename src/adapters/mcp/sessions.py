"""Sessions of the handshake era: bounded, and the stalest makes room for a new one."""

import math

from .sdk_http import (
    AuthorizationContext,
    StreamableHTTPServerTransport,
    StreamableHTTPSessionManager,
)


class Sessions(StreamableHTTPSessionManager):
    """The SDK's, but clients that open sessions and never end them don't keep others out.

    Where all places are taken, the session that was idle longest is ended, one of the same owner
    first; its client learns by a 404 that it has to initialize anew. None is idle: 503. One owner
    has all but a tenth of the places at the most.
    """

    def _admit_session(
        self, requestor: AuthorizationContext | None
    ) -> StreamableHTTPServerTransport | None:
        if (most := self.max_sessions) is not None:
            share = max(1, most - (most + 9) // 10)
            if len(self._server_instances) >= most or self._of(requestor) >= share:
                self._end_stalest(requestor)
            if self._of(requestor) >= share:
                return None
        return super()._admit_session(requestor)

    def _of(self, requestor: AuthorizationContext | None) -> int:
        return sum(owner == requestor for owner in self._session_owners.values())

    def _end_stalest(self, requestor: AuthorizationContext | None) -> None:
        # The deadline is infinite while a request of the session is in progress, a stream included.
        idle = {
            session_id: transport.idle_scope
            for session_id, transport in self._server_instances.items()
            if transport.idle_scope is not None and transport.idle_scope.deadline < math.inf
        }
        own = {key: one for key, one in idle.items() if self._session_owners.get(key) == requestor}
        candidates = own or idle
        if not candidates:
            return
        stalest = min(candidates, key=lambda key: candidates[key].deadline)
        del self._server_instances[stalest]
        self._session_owners.pop(stalest, None)
        candidates[stalest].cancel()
