"""TracertTool: through which routers packets go to a host."""

from collections.abc import Sequence
from typing import Any

from ..grammar import Syntax
from ..kinds import Choice, Float, Int, Risk, Risky, Waits, Words
from ..options import Given, Option, Problem, flag, never, valued
from ..reports import traceroute as report
from ..target import Address, Hostname, Network
from ..tool import Arranged, Draft, Tool

_METHOD = "method"  # the last one wins in traceroute; here two are a contradiction

_DEFAULT_MAX_HOPS = 30

# The words of -O that a method takes. Methods that are not here pass over all words.
_METHOD_OPTIONS = {
    "icmp": ("raw", "dgram", "help"),
    "tcp": (
        "syn", "ack", "fin", "rst", "psh", "urg", "ece", "cwr", "flags", "ecn", "sack",
        "timestamps", "window_scaling", "sysctl", "reuse", "mss", "info", "help",
    ),
    "udplite": ("coverage", "help"),
    "dccp": ("service", "help"),
    "raw": ("help",),
    "protocol": ("help",),
}  # fmt: skip


class Method(Choice, frozen=True, kw_only=True):
    """A probe method. Raw IP packets are for operators who allow intrusive requests, as with -P."""

    def risky(self, canonical: str) -> tuple[Risky, ...]:
        if canonical != "raw":
            return ()
        return (Risky(word="raw", risk=Risk.INTRUSIVE, why="raw IP protocol probes"),)


TABLE: tuple[Option, ...] = (
    flag("-4", key="ipv4", help="IPv4", family=4, group="family"),
    flag("-6", key="ipv6", help="IPv6", family=6, group="family"),
    flag("-d", "--debug", key="socket_debug", help="set SO_DEBUG"),
    flag("-F", "--dont-fragment", key="dont_fragment", help="forbid fragments"),
    valued("-f", "--first", key="first_hop", kind=Int(min=1, max=64), help="hop to start at"),
    flag("-I", "--icmp", key="icmp", help="ICMP echo probes", group=_METHOD),
    flag("-T", "--tcp", key="tcp", help="TCP SYN probes", group=_METHOD, raw=True),
    flag("-U", "--udp", key="udp", help="UDP probes to one port (53)", group=_METHOD),
    flag("-UL", key="udplite", help="UDPLITE probes", group=_METHOD),
    flag("-D", "--dccp", key="dccp", help="DCCP probes", group=_METHOD, raw=True),
    valued("-P", "--protocol", key="protocol", kind=Int(min=1, max=254), help="raw IP protocol probes", group=_METHOD, raw=True, risk=Risk.INTRUSIVE),
    valued(
        "-M", "--module", key="method",
        kind=Method(values=("default", "icmp", "tcp", "tcpconn", "udp", "udplite", "dccp", "raw")),
        help="probe method", group=_METHOD, raw=True,
    ),
    valued("-m", "--max-hops", key="max_hops", kind=Int(min=1, max=64), help="hops to go at the most (default 30)"),
    valued("-N", "--sim-queries", key="parallel", kind=Int(min=1, max=32), help="probes at once"),
    flag("-n", key="numeric", help="no names of hops (the default here)"),
    valued("-p", "--port", key="port", kind=Int(min=1, max=65535), help="destination port"),
    valued("-t", "--tos", key="tos", kind=Int(min=0, max=255), help="type of service"),
    valued("-l", "--flowlabel", key="flow_label", kind=Int(min=0, max=1048575), help="IPv6 flow label", family=6),
    valued("-w", "--wait", key="wait", kind=Waits(number=Float(min=0.1, max=30)), help="seconds to wait for a probe"),
    valued("-q", "--queries", key="queries", kind=Int(min=1, max=10), help="probes per hop (default 3)"),
    valued("-z", "--sendwait", key="send_wait", kind=Float(min=0, max=1000), help="pause between probes; above 10: ms"),
    flag("-e", "--extensions", key="extensions", help="show ICMP extensions, MPLS"),
    valued(
        "-O", "--options", key="method_options",
        kind=Words(
            values=(
                "syn", "ack", "fin", "rst", "psh", "urg", "ece", "cwr", "ecn", "sack", "timestamps",
                "window_scaling", "sysctl", "reuse", "info", "raw", "dgram", "help",
            ),
            numbers={"mss": 65535, "flags": 255, "coverage": 65535, "service": 4294967295},
            intrusive=("fin", "rst", "psh", "urg", "ece", "cwr", "flags"),
        ),
        help="options of the probe method",
    ),
    valued("--sport", key="source_port", kind=Int(min=1, max=65535), help="source port"),
    flag("--mtu", key="mtu", help="find the path MTU"),
    flag("--back", key="back", help="guess the hops of the way back"),
    flag("-V", "--version", key="version", help="print traceroute's version"),
    flag("--help", key="help", help="print traceroute's help"),
    never("-g", "--gateway", takes_value=True, why="source routing through other hosts"),
    never("-i", "--interface", takes_value=True, why="chooses the network interface"),
    never("-r", why="goes past the routing table"),
    never("-s", "--source", takes_value=True, why="chooses the source address"),
    never("-A", "--as-path-lookups", why="asks a whois server on the Internet"),
    never("--fwmark", takes_value=True, why="the mark can select another routing table"),
)  # fmt: skip


class TracertTool(Tool):
    """traceroute, by UDP unless told otherwise."""

    command_name = "traceroute"
    title = "Trace the route"
    description = (
        "Show the routers on the way to a host and the time to each. Target: one address or host "
        'name. Example: options {"icmp": true, "max_hops": 15}. A hop that stays silent has null '
        "addresses; `reached` tells whether the host itself answered."
    )
    table = TABLE
    syntax = Syntax(equals_only=True)
    default_timeout_sec = 120.0
    install_hint = "apt-get install traceroute"

    def clash(
        self, given: Sequence[Given], subject: Address | Network | Hostname | None
    ) -> Problem | None:
        """Options that traceroute ends with an error on."""
        rows = {item.option.key: item for item in given}
        first, last, words = (rows.get(key) for key in ("first_hop", "max_hops", "method_options"))
        hops = int(last.value) if last else _DEFAULT_MAX_HOPS
        if first is not None and int(first.value) > hops:
            return Problem(
                rule="option.value",
                offending="-f",
                reason=f"-f {first.value} is beyond the last hop, {hops}",
            )
        method = next(iter(rows.keys() & _METHOD_OPTIONS), "")
        if "method" in rows:
            method = rows["method"].value
        port = rows.get("port")
        if port is not None and method in ("protocol", "raw") and int(port.value) > 254:
            return Problem(
                rule="option.value",
                offending="-p",
                reason=f"-p {port.value}: for raw IP packets it is the protocol number, up to 254",
            )
        known = _METHOD_OPTIONS.get(method)
        if words is not None and known is not None:
            for word in words.value.split(","):
                if word.partition("=")[0] not in known:
                    return Problem(
                        rule="option.value",
                        offending="-O",
                        reason=f"-O {word} is not for the method {method}, which takes {', '.join(known)}",
                    )
        return None

    def arrange(self, draft: Draft) -> Arranged:
        words = [word for item in draft.given for word in item.words]
        names = "numeric" in draft.declined
        if not draft.has("numeric") and not names:
            words.append("-n")
        method_options = (draft.value("method_options") or "").split(",")
        return Arranged(
            words=(*words, "--", str(draft.subject)),
            asks_resolver=names,
            needs_raw_sockets=any(item.option.raw for item in draft.given)
            or (draft.has("icmp") and draft.privileges.needs_raw_for_icmp)
            or "raw" in method_options,  # -I -O raw: ICMP without the ICMP socket
        )

    def parse(self, stdout: bytes, report_bytes: bytes, complete: bool) -> dict[str, Any] | None:
        return report.parse(stdout, report_bytes, complete)
