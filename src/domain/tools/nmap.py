"""NmapTool: which hosts are up, which ports are open, what listens there."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from ..grammar import Syntax
from ..options import Given, Problem
from ..plan import REPORT_FD, Plan
from ..reports import nmap as report
from ..target import Address, Hostname, Network
from ..tool import Arranged, Draft, Tool
from .nmap_options import TABLE
from .nse import expand

_TCP_SCANS = (
    "connect_scan", "syn_scan", "ack_scan", "window_scan", "null_scan", "fin_scan", "xmas_scan",
    "maimon_scan",
)  # fmt: skip
_OTHER_SCANS = ("udp_scan", "sctp_init_scan", "sctp_cookie_scan", "protocol_scan")
_PORTS = ("ports", "fast", "top_ports", "port_ratio", "exclude_ports")
_NO_PORTS = ("list_only", "ping_only")
_DEFAULT_SCRIPTS = ("default_scripts", "aggressive")
_SCRIPTS = ("scripts", *_DEFAULT_SCRIPTS)
_WANTS_NAMES = ("reverse_dns", "system_dns", "dns_servers", "no_dns")
_HOSTS_AT_ONCE = 64  # a cautious guess at nmap's host group when it scans ports


class NmapTool(Tool):
    """Port and host scanner. Its report is its XML, on a descriptor of its own."""

    command_name = "nmap"
    title = "Port scan"
    description = (
        "Find which hosts of a network are up, which ports are open and what listens on them. "
        "Target: one address, a CIDR network or a host name. Without options: the 1000 commonest TCP "
        "ports. Examples: profile 'discovery' on 10.0.0.0/24 lists hosts that are up; "
        'options {"ports": "22,80,443", "service_version": true} names the services.'
    )
    table = TABLE
    syntax = Syntax(one_dash_long=True, families="s")
    profiles: ClassVar[Mapping[str, str]] = {
        "quick": "-F -T 4",
        "standard": "-sV -T 4",
        "thorough": "-p - -sV -sC -T 4",
        "discovery": "-sn",
        "version": "-sV --version-intensity 7",
        "scripts": "-sC",
    }
    takes_networks = True
    reads_report = True
    install_hint = "apt-get install nmap"

    def clash(
        self, given: Sequence[Given], subject: Address | Network | Hostname | None
    ) -> Problem | None:
        """Options that nmap ends with an error on."""
        rows = {item.option.key: item for item in given}
        for one, others in _CLASHES:
            for other in others:
                if one in rows and other in rows:
                    return _problem(rows[other], f"can't go with {rows[one].words[0]}")
        scans = rows.keys() & {*_TCP_SCANS, *_OTHER_SCANS, *_NO_PORTS}
        if "defeat_icmp_ratelimit" in rows and "udp_scan" not in scans:
            return _problem(rows["defeat_icmp_ratelimit"], "goes only with -sU")
        if "defeat_rst_ratelimit" in rows and scans and not rows.keys() & {"syn_scan", "open_only"}:
            return _problem(rows["defeat_rst_ratelimit"], "goes only with -sS")
        for key in ("ports", "exclude_ports"):
            if "protocol_scan" in rows and key in rows and not _only_protocols(rows[key].value):
                return _problem(rows[key], "has more than the protocol numbers, 0 to 255, of -sO")
        for fragments in rows.keys() & {"fragment", "mtu"}:
            if scans and not _has_tcp_packets(rows):
                return _problem(rows[fragments], "has no TCP packets to break up")
        slow = rows.get("timing")
        at_once = rows.get("min_parallelism")
        if slow and at_once and slow.value in _ONE_AT_A_TIME and _number(at_once) > 1:
            return _problem(at_once, f"is more than the one probe at once of -T {slow.value}")
        for low, high in _ORDERED:
            if low in rows and high in rows and _number(rows[low]) > _number(rows[high]):
                return _problem(rows[low], f"is above {rows[high].words[0]}")
        return None

    def arrange(self, draft: Draft) -> Arranged:
        notes = []
        raw = draft.privileges.raw_sockets
        words = [word for item in draft.given for word in _words(item)]
        if draft.has(*_DEFAULT_SCRIPTS):
            words = _with_default_scripts(words)
        scans = draft.has(*_TCP_SCANS, *_OTHER_SCANS, *_NO_PORTS)
        if not raw and not scans:
            words.append("-sT")
            notes.append("a TCP connect scan was made: the server has no raw sockets for SYN")
        words += _defaults(draft)
        words += ["--privileged" if raw else "--unprivileged", "-oX", f"/dev/fd/{REPORT_FD}"]
        return Arranged(
            words=(*words, "--", str(draft.subject)),
            notes=tuple(notes),
            needs_raw_sockets=raw,
            # Scripts look names up also under -n.
            asks_resolver=draft.has("reverse_dns", "system_dns", *_SCRIPTS)
            or "no_dns" in draft.declined,
        )

    def parse(self, stdout: bytes, report_bytes: bytes, complete: bool) -> dict[str, Any] | None:
        return report.parse(stdout, report_bytes, complete)

    def progress(self, line: str, plan: Plan) -> float | None:
        return report.progress(line)


def _defaults(draft: Draft) -> Iterator[str]:
    if getattr(draft.subject, "version", 4) == 6 and not draft.has("ipv6"):
        yield "-6"
    if not draft.has(*_WANTS_NAMES) and "no_dns" not in draft.declined:
        yield "-n"
    if not draft.has("no_stylesheet"):
        yield "--no-stylesheet"
    if not draft.has("host_timeout"):
        yield from ("--host-timeout", f"{_host_timeout_ms(draft)}ms")
    if not draft.has("max_retries"):
        yield from ("--max-retries", "1" if draft.timeout_s < 30 else "2")
    if not draft.has("stats_every", "noninteractive"):
        yield from ("--stats-every", "2s")  # --noninteractive would silence it
    if draft.host_count > _HOSTS_AT_ONCE and not draft.has(
        "min_hostgroup", "max_hostgroup", *_NO_PORTS
    ):
        # Nmap reports a group of hosts when all of it is done: small ones lose less at a time-out.
        yield from ("--max-hostgroup", str(_HOSTS_AT_ONCE))


def _host_timeout_ms(draft: Draft) -> int:
    """So that nmap gives slow hosts up and reports the rest before its time is over."""
    groups = math.ceil(draft.host_count / _HOSTS_AT_ONCE)
    return max(1000, round(draft.timeout_s * 900 / groups))


def _words(item: Given) -> tuple[str, ...]:
    """Scripts by name; -sC and -A without nmap's own "default", which asks third parties."""
    match item.option.key:
        case "scripts" | "script_help":
            return (item.words[0], expand(item.value))
        case "default_scripts":
            return ()
        case "script_timeout":  # nmap formats a fraction as an integer, and Lua ends it for that
            return (item.words[0], f"{math.ceil(_number(item))}s")
        case "aggressive":
            return ("-O", "-sV", "--traceroute")
    return item.words


def _with_default_scripts(words: list[str]) -> list[str]:
    names = expand("default")
    if "--script" not in words:
        return [*words, "--script", names]
    place = words.index("--script") + 1
    joined = dict.fromkeys((*words[place].split(","), *names.split(",")))
    return [*words[:place], ",".join(joined), *words[place + 1 :]]


def _has_tcp_packets(rows: Mapping[str, Given]) -> bool:
    """Whether there are packets that nmap breaks up: NmapOps::ValidateOptions, less its rarities."""
    if rows.keys() & set(_TCP_SCANS) - {"connect_scan"}:
        return True
    pings = {key for key in rows if key.startswith("ping_")} - {"ping_only", "ping_arp"}
    if not pings:
        return not rows.keys() & {"skip_ping", "list_only"}
    return bool(pings & {"ping_syn", "ping_ack", "ping_both", "ping_timestamp"})


_CLASHES: tuple[tuple[str, tuple[str, ...]], ...] = (
    *(
        (one, (*_TCP_SCANS, *_OTHER_SCANS, *_PORTS, "os_detection", "aggressive"))
        for one in _NO_PORTS
    ),
    (
        "protocol_scan",
        (*_TCP_SCANS, "udp_scan", "sctp_init_scan", "sctp_cookie_scan", "traceroute", "aggressive"),
    ),
    ("ping_ack", ("ping_both",)),
)
_ORDERED = (
    ("min_hostgroup", "max_hostgroup"),
    ("min_parallelism", "max_parallelism"),
    ("min_rtt_timeout", "max_rtt_timeout"),
    ("min_rtt_timeout", "initial_rtt_timeout"),
    ("initial_rtt_timeout", "max_rtt_timeout"),
    ("min_rate", "max_rate"),
    ("scan_delay", "max_scan_delay"),
)
# -sO reads -p as protocol numbers: no services, no T: or U:, nothing above 255.
_ONE_AT_A_TIME = ("0", "1", "2", "paranoid", "sneaky", "polite")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def _number(item: Given) -> float:
    digits = item.value.rstrip("hms")
    return float(digits) * _UNITS.get(item.value[len(digits) :], 1.0)


def _only_protocols(value: str) -> bool:
    # By hand: a regular expression for this backtracked for days on a list of 40 numbers.
    return all(
        part.isascii() and part.isdigit() and len(part) <= 3 and int(part) <= 255
        for item in value.split(",")
        for part in item.split("-", 1)
        if part or item == ""
    )


def _problem(item: Given, why: str) -> Problem:
    return Problem(
        rule="option.value",
        offending=item.option.names[0],
        reason=f"{' '.join(item.words)} {why}",
    )
