"""PingTool: is a host there, how far away in time, how much gets lost."""

from collections.abc import Mapping
from typing import Any, ClassVar

from ..kinds import Choice, Float, Hex, Int, Risk
from ..options import Option, flag, never, valued
from ..plan import Plan
from ..reports import ping as report
from ..tool import Arranged, Draft, Tool

_DEFAULT_COUNT = 4
_LONGEST_WAIT_S = 2.0  # after the last packet, unless -W says otherwise

TABLE: tuple[Option, ...] = (
    flag("-4", key="ipv4", help="IPv4", family=4, group="family"),
    flag("-6", key="ipv6", help="IPv6", family=6, group="family"),
    flag("-a", key="audible", help="bell at each reply (removed from the answer)"),
    flag("-A", key="adaptive", help="as fast as replies come", risk=Risk.INTRUSIVE),
    flag("-B", key="sticky_source", help="do not change the source address"),
    valued("-c", key="count", kind=Int(min=1, max=100), help=f"echo requests to send (default {_DEFAULT_COUNT})"),
    flag("-C", key="connect", help="connect the socket"),
    flag("-d", key="socket_debug", help="set SO_DEBUG"),
    flag("-D", key="timestamps", help="print a time before each line"),
    valued("-e", key="identifier", kind=Int(min=1, max=65535), help="ICMP identifier"),
    flag("-f", key="flood", help="as fast as possible", risk=Risk.INTRUSIVE),
    valued("-F", key="flow_label", kind=Int(min=0, max=1048575), help="IPv6 flow label", family=6),
    flag("-h", key="help", help="print ping's help"),
    valued("-i", key="interval", kind=Float(min=0.2, max=60), help="seconds between requests"),
    valued("-l", key="preload", kind=Int(min=1, max=3), help="requests sent at once at first", risk=Risk.INTRUSIVE),
    flag("-L", key="no_loopback", help="no multicast loopback"),
    valued("-M", key="path_mtu", kind=Choice(values=("do", "dont", "want")), help="path MTU discovery: do forbids fragments"),
    flag("-n", key="numeric", help="no reverse look-ups (the default here)"),
    flag("-O", key="report_missing", help="tell of each missing reply at once"),
    valued("-p", key="pattern", kind=Hex(max_digits=32), help="payload pattern in hex"),
    flag("-q", key="quiet", help="the summary only"),
    valued("-Q", key="tos", kind=Int(min=0, max=255), help="type of service"),
    flag("-R", key="record_route", help="record the route", risk=Risk.INTRUSIVE, group="ip option"),
    valued("-s", key="size", kind=Int(min=0, max=9000), help="payload bytes (default 56)"),
    valued("-S", key="send_buffer", kind=Int(min=1024, max=1048576), help="socket buffer, bytes"),
    valued("-t", key="ttl", kind=Int(min=1, max=255), help="IP time to live"),
    valued("-T", key="ip_timestamps", kind=Choice(values=("tsonly", "tsandaddr")), help="IP timestamp option", risk=Risk.INTRUSIVE, group="ip option"),
    flag("-U", key="user_latency", help="full user-to-user latency"),
    flag("-v", key="verbose", help="more detail"),
    flag("-V", key="version", help="print ping's version"),
    valued("-w", key="deadline", kind=Int(min=1, max=120), help="stop after this many seconds"),
    valued("-W", key="wait", kind=Float(min=0.1, max=30), help="seconds to wait for a reply"),
    never("-b", why="pings everybody on the link"),
    never("-I", takes_value=True, why="chooses source address or interface"),
    never("-m", takes_value=True, why="the mark can select another routing table"),
    never("-N", takes_value=True, why="asks hosts about themselves (IPv6 node information)"),
    never("-r", why="goes past the routing table"),
)  # fmt: skip


class PingTool(Tool):
    """ICMP echo. Always with a count, an interval of 0.2 s or more, and an end."""

    command_name = "ping"
    title = "Ping"
    description = (
        "Tell whether a host answers, how long packets take and how many get lost. Target: one "
        'address or host name. Example: options {"count": 10, "interval": 0.5}. No reply gives '
        "status failed with 100 % loss in the result."
    )
    table = TABLE
    profiles: ClassVar[Mapping[str, str]] = {"quick": "-c 1 -W 1", "loss": "-c 50 -i 0.2 -q"}
    default_timeout_sec = 60.0
    install_hint = "apt-get install iputils-ping"
    version_args = ("-V",)

    def arrange(self, draft: Draft) -> Arranged:
        words = [word for item in draft.given for word in item.words]
        if not draft.has("count"):
            words += ["-c", str(_DEFAULT_COUNT)]
        names = "numeric" in draft.declined
        if not draft.has("numeric") and not names:
            words.append("-n")
        if not draft.has("deadline", "wait"):
            words += ["-W", f"{_LONGEST_WAIT_S:g}"]
        return Arranged(
            words=(*words, "--", str(draft.subject)),
            asks_resolver=names,
            needs_raw_sockets=draft.privileges.needs_raw_for_icmp,
        )

    def parse(self, stdout: bytes, report_bytes: bytes, complete: bool) -> dict[str, Any] | None:
        return report.parse(stdout, report_bytes, complete)

    def progress(self, line: str, plan: Plan) -> float | None:
        return report.progress(line, int(plan.argv[plan.argv.index("-c") + 1]))
