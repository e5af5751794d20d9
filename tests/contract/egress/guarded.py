"""A chain under an egress guard, as the containment puts the two together."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address, ip_network

from netsonde.adapters.process.contained_chain import guarded
from netsonde.adapters.process.egress.guard import Destinations, EgressGuard
from netsonde.adapters.process.launch_chain import Launch, LaunchChain
from netsonde.domain.layer import Layer
from netsonde.domain.plan import Plan


def destinations(*networks: str, resolvers: tuple[str, ...] = ()) -> Destinations:
    return Destinations(
        networks=tuple(ip_network(text) for text in networks),
        resolvers=tuple(ip_address(text) for text in resolvers),
    )


class GuardedChain:
    """Meets `LaunchChain`; `told` is what was held back."""

    def __init__(self, chain: LaunchChain, guard: EgressGuard, destinations: Destinations) -> None:
        self._chain = chain
        self._guard = guard
        self._destinations = destinations
        self.told: list[str] = []

    @contextmanager
    def prepared(self, plan: Plan, directory: str, tell: Callable[[str], None]) -> Iterator[Launch]:
        """Tells nobody else, so that the program can go on and try more."""
        with (
            self._guard.held(self._destinations, self.told.append) as confinement,
            self._chain.prepared(plan, directory, tell) as launch,
        ):
            yield guarded(launch, confinement)

    def failure(self, returncode: int, stderr: bytes) -> str | None:
        return self._chain.failure(returncode, stderr)

    def layers(self) -> tuple[Layer, ...]:
        return self._chain.layers()
