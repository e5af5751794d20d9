"""The port of whatever holds an execution to the addresses of its plan, below the program itself."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

from ...domain.target import Address, Network


class Destinations(msgspec.Struct, frozen=True, kw_only=True):
    """Where an execution may send: `networks` by any protocol, `resolvers` to port 53 only."""

    networks: tuple[Network, ...]
    resolvers: tuple[Address, ...] = ()


class Confinement(msgspec.Struct, frozen=True, kw_only=True):
    """What puts one start under a guard.

    `words` go before the chain's own; `confine` is called in the thread that starts the program.
    """

    words: tuple[str, ...] = ()
    confine: Callable[[], None] | None = None


class EgressGuard(Protocol):
    """Holds executions to their destinations. One serves one event loop."""

    def held(
        self, destinations: Destinations, tell: Callable[[str], None]
    ) -> AbstractContextManager[Confinement]:
        """Until it is left, what the execution sends to another address is held back.

        `tell` gets, in the event loop, the destination of what was held back, as `10.0.0.9 tcp 80`;
        it may be called again and again. To be left once nothing of the program is there any more.
        Raises OSError if it can't be had: then nothing may be started.
        """
        ...
