"""The product as it is put together for real, for tests that run it in the lab."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv6Network
from itertools import count

import msgspec

from netsonde.adapters.clock import SystemClock
from netsonde.adapters.dns import DnsResolver
from netsonde.adapters.privileges import look_up_privileges
from netsonde.adapters.process.find_chain import Wanted, find_chain
from netsonde.adapters.process.launch_chain import Launch, LaunchChain, find_basic_chain
from netsonde.adapters.process.subprocess_runner import SubprocessRunner
from netsonde.adapters.programs import InstalledPrograms
from netsonde.application.catalog import Catalog, Entry
from netsonde.application.run_tool import RunTool
from netsonde.domain.execution import Event
from netsonde.domain.layer import Layer
from netsonde.domain.plan import Plan
from netsonde.domain.policy import RFC1918, Policy
from netsonde.domain.privileges import Privileges
from netsonde.domain.terms import Terms
from netsonde.domain.tool import Tool
from netsonde.domain.tools import TOOLS
from tests.contract.lab.access import Lab
from tests.contract.lab.capture import Capture

WITH_IPV6 = Policy(allowed_networks=(*RFC1918, IPv6Network("fd77::/16")))


# The first router, also by its link-local address. To find it, and to see that it is still there, is
# the kernel's own affair: it does so some time after a packet, for nobody in particular.
_ROUTER = {Lab().r1, Lab().r1_6, "fe80::1"}
_NEIGHBOURHOOD = {"arp", "ndp", "icmp6"}


class Log:
    """Keeps nothing: the answers tell all that these tests ask. Meets `EventLog`."""

    def append(self, event: Event) -> None:
        """Forget it."""

    def events(self, execution_id: str) -> tuple[Event, ...]:
        """None are kept."""
        return ()

    async def settle(self) -> None:
        """Nothing is to be kept."""


class WithoutCapabilities:
    """Takes every capability from the program, and the right to get any: root in name only.

    The lab maps one user, so that another can't be had there. SECBIT_NOROOT (capabilities(7)) and
    no-new-privileges make that one as weak as any other.
    """

    def __init__(self, chain: LaunchChain, setpriv: str) -> None:
        self._chain = chain
        self._before = (setpriv, "--securebits", "+noroot", "--inh-caps=-all", "--")

    @contextmanager
    def prepared(self, plan: Plan, directory: str, tell: Callable[[str], None]) -> Iterator[Launch]:
        """See `LaunchChain`."""
        with self._chain.prepared(plan, directory, tell) as launch:
            yield msgspec.structs.replace(launch, argv=(*self._before, *launch.argv))

    def failure(self, returncode: int, stderr: bytes) -> str | None:
        """See `LaunchChain`."""
        return self._chain.failure(returncode, stderr)

    def layers(self) -> tuple[Layer, ...]:
        """See `LaunchChain`."""
        return self._chain.layers()


def path_of(program: str) -> str:
    """The absolute path of a program that the lab's tests need."""
    path = InstalledPrograms().find(program)
    assert path is not None, f"{program} is not installed: make programs"
    return path


def terms_of(tool: Tool, policy: Policy, max_timeout_s: float = 300.0) -> Terms:
    """A tool as the default settings offer it."""
    return Terms(
        policy=policy,
        program=path_of(tool.command_name),
        default_timeout_s=min(tool.default_timeout_sec or 300.0, max_timeout_s),
        max_timeout_s=max_timeout_s,
        profiles=tool.profiles,
    )


def runner(*, capable: bool = True) -> SubprocessRunner:
    """The real runner with all its layers; `capable=False`: of a server without any capability."""
    if capable:
        return SubprocessRunner(find_chain(InstalledPrograms(), Wanted()))
    basic = find_basic_chain(InstalledPrograms())
    return SubprocessRunner(WithoutCapabilities(basic, path_of("setpriv")))


def sent_beyond(capture: Capture, *judged: str) -> set[str]:
    """The addresses that packets went to, or that were sought on the link, but for the judged ones."""
    return {
        packet.destination
        for packet in capture.packets
        if packet.destination not in judged
        and not (packet.destination in _ROUTER and packet.protocol in _NEIGHBOURHOOD)
    }


def product(policy: Policy | None = None, *, capable: bool = True) -> RunTool:
    """The use-case with its real adapters: processes, DNS, clock."""
    ids = count(1)
    privileges = look_up_privileges()
    entries = tuple(
        Entry(
            tool=tool,
            terms=terms_of(tool, policy or Policy()),
            path=path_of(tool.command_name),
            concurrency=8,
            queue=1000,
        )
        for tool in (kind() for kind in TOOLS)
    )
    return RunTool(
        catalog=Catalog(entries),
        runner=runner(capable=capable),
        resolver=DnsResolver(),
        clock=SystemClock(),
        log=Log(),
        new_id=lambda: f"lab-{next(ids)}",
        privileges=privileges if capable else Privileges(raw_sockets=False),
    )
