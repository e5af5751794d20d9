"""MtrTool: loss and delay at each hop, measured over several rounds."""

from typing import Any

from ..kinds import Choice, Float, Int, Text
from ..options import Option, flag, never, valued
from ..reports import mtr as report
from ..tool import Arranged, Draft, Tool

_DEFAULT_CYCLES = 5
_FORMAT = "format"

TABLE: tuple[Option, ...] = (
    flag("-r", "--report", key="report", help="a report, not the screen (always so here)"),
    flag("-w", "--report-wide", key="report_wide", help="a wide text report", group=_FORMAT),
    flag("-x", "--xml", key="xml", help="XML instead of JSON", group=_FORMAT),
    flag("-C", "--csv", key="csv", help="CSV instead of JSON", group=_FORMAT),
    flag("-j", "--json", key="json", help="JSON (the default here: gives the parsed result)", group=_FORMAT),
    flag("-l", "--raw", key="raw", help="raw events instead of JSON", group=_FORMAT),
    valued("-c", "--report-cycles", key="count", kind=Int(min=1, max=100), help=f"rounds (default {_DEFAULT_CYCLES})"),
    valued("-i", "--interval", key="interval", kind=Float(min=0.2, max=60), help="seconds between rounds"),
    flag("-n", "--no-dns", key="numeric", help="no names of hops (the default here)"),
    flag("-b", "--show-ips", key="show_ips", help="names and addresses of hops"),
    valued("-o", "--order", key="fields", kind=Text(pattern=r"[LDRSNABWVGJMXI _]{1,20}", what="letters of LDRSNABWVGJMXI"), help="columns of a text report"),
    flag("-4", "--inet", key="ipv4", help="IPv4", family=4, group="family"),
    flag("-6", "--inet6", key="ipv6", help="IPv6", family=6, group="family"),
    flag("-u", "--udp", key="udp", help="UDP probes", group="method"),
    flag("-T", "--tcp", key="tcp", help="TCP probes", group="method"),
    flag("-S", "--sctp", key="sctp", help="SCTP probes", group="method"),
    valued("-P", "--port", key="port", kind=Int(min=1, max=65535), help="destination port of TCP, UDP, SCTP"),
    valued("-L", "--localport", key="local_port", kind=Int(min=1024, max=65535), help="UDP source port"),
    valued("-s", "--psize", key="size", kind=Int(min=28, max=4470), help="packet bytes"),
    valued("-B", "--bitpattern", key="bit_pattern", kind=Int(min=0, max=255), help="payload byte"),
    valued("-Q", "--tos", key="tos", kind=Int(min=0, max=255), help="type of service"),
    flag("-e", "--mpls", key="mpls", help="show MPLS labels"),
    valued("-f", "--first-ttl", key="first_hop", kind=Int(min=1, max=64), help="hop to start at"),
    valued("-m", "--max-ttl", key="max_hops", kind=Int(min=1, max=64), help="hops to go at the most"),
    valued("-U", "--max-unknown", key="max_unknown", kind=Int(min=1, max=64), help="silent hops to bear"),
    valued("-Z", "--timeout", key="probe_timeout", kind=Int(min=1, max=60), help="seconds to keep a probe open"),
    valued("-G", "--gracetime", key="grace", kind=Float(min=0.1, max=30), help="seconds to wait at the end"),
    valued("--displaymode", key="display_mode", kind=Choice(values=("0", "1", "2")), help="for the screen only"),
    flag("-h", "--help", key="help", help="print mtr's help"),
    flag("-v", "--version", key="version", help="print mtr's version"),
    never("-F", "--filename", takes_value=True, why="reads targets, or any file, from disk"),
    never("-t", "--curses", why="draws on a terminal"),
    never("-g", "--gtk", why="opens a window"),
    never("-p", "--split", why="never ends"),
    never("-y", "--ipinfo", takes_value=True, why="asks a server on the Internet about every hop"),
    never("-z", "--aslookup", why="asks a server on the Internet about every hop"),
    never("-I", "--interface", takes_value=True, why="chooses the network interface"),
    never("-a", "--address", takes_value=True, why="chooses the source address"),
    never("-M", "--mark", takes_value=True, why="the mark can select another routing table"),
)  # fmt: skip

_FORMATS = ("report_wide", "xml", "csv", "json", "raw", "help", "version")


class MtrTool(Tool):
    """My traceroute. Always a report with a number of rounds, never the screen."""

    command_name = "mtr"
    title = "Trace loss and delay"
    description = (
        "Measure loss and delay at every hop to a host over several rounds: where on the way it "
        'gets slow or lossy. Target: one address or host name. Example: options {"count": 10}. '
        "Takes about a second a round."
    )
    table = TABLE
    default_timeout_sec = 150.0
    install_hint = "apt-get install mtr-tiny"

    def arrange(self, draft: Draft) -> Arranged:
        # -r says no more than that it is a report. It is left out, since mtr obeys the last format.
        words = [w for item in draft.given if item.option.key != "report" for w in item.words]
        if not draft.has(*_FORMATS):
            words.append("--json")
        if not draft.has("count"):
            words += ["-c", str(_DEFAULT_CYCLES)]
        if not draft.has("grace"):
            words += ["-G", "2"]  # mtr's own 5 s after the last round is most of a short run
        names = "numeric" in draft.declined or draft.has("show_ips")
        if not draft.has("numeric") and not names:
            words.append("-n")
        return Arranged(
            words=(*words, "--", str(draft.subject)),
            asks_resolver=names,
            needs_raw_sockets=draft.privileges.raw_sockets,  # for UDP and TCP probes there's no other way
        )

    def parse(self, stdout: bytes, report_bytes: bytes, complete: bool) -> dict[str, Any] | None:
        return report.parse(stdout, report_bytes, complete)
