"""Nmap 7.93's options, every one of them: names, values, risk. From its source, man page and parser."""

from ..kinds import Choice, Float, Hex, Int, Level, Risk, Seconds, Text
from ..network_kinds import Addresses, Ports, Protocols
from ..options import Option, flag, glued, never, valued
from .nse import Scripts

# A row a line, to be read as a table.
# fmt: off
_FEW_PORTS = Ports(full=False, max_ports=64)
_TIMINGS = ("0", "1", "2", "3", "4", "5")
_TIMING_NAMES = ("paranoid", "sneaky", "polite", "normal", "aggressive", "insane")
_SCAN = "tcp scan"  # nmap does one kind of TCP scan at a time

TARGETS: tuple[Option, ...] = (
    valued("--exclude", key="exclude", narrows=True, kind=Addresses(), help="addresses to leave out of a network"),
    flag("--unique", key="unique", help="scan each address once"),
    flag("-4", key="ipv4", help="IPv4", family=4, group="family"),
    flag("-6", key="ipv6", help="IPv6", family=6, group="family"),
    flag("--randomize-hosts", "--rH", key="randomize_hosts", help="hosts in random order"),
    never("--iL", "-i", takes_value=True, why="reads targets, or any file, from disk"),
    never("--iR", takes_value=True, why="picks random Internet hosts"),
    never("--excludefile", takes_value=True, why="reads a file"),
    never("--resolve-all", why="scans addresses that were not judged"),
    never("--route-dst", takes_value=True, why="looks up any name and tells the server's routes"),
)

DISCOVERY: tuple[Option, ...] = (
    flag("-sL", key="list_only", help="list the targets, send nothing to them", group="no ports"),
    flag("-sn", "-sP", key="ping_only", help="find hosts that are up, scan no ports", group="no ports"),
    flag("-Pn", "-P0", "-PN", "-PD", key="skip_ping", help="treat every host as up"),
    glued("-PS", key="ping_syn", kind=_FEW_PORTS, help="find hosts by TCP SYN to these ports"),
    glued("-PA", "-PT", key="ping_ack", kind=_FEW_PORTS, help="find hosts by TCP ACK to these ports"),
    glued("-PB", key="ping_both", kind=_FEW_PORTS, help="find hosts by ICMP echo and ACK", raw=True, family=4),
    glued("-PU", key="ping_udp", kind=_FEW_PORTS, help="find hosts by UDP to these ports", raw=True),
    glued("-PY", key="ping_sctp", kind=_FEW_PORTS, help="find hosts by SCTP to these ports", raw=True),
    glued("-PO", key="ping_protocol", kind=Protocols(), help="find hosts by IP protocols", raw=True),
    flag("-PE", "-PI", "-P", key="ping_echo", help="find hosts by ICMP echo", raw=True),
    flag("-PP", key="ping_timestamp", help="find hosts by ICMP timestamp", raw=True, family=4),
    flag("-PM", key="ping_netmask", help="find hosts by ICMP address mask", raw=True, family=4),
    flag("-PR", key="ping_arp", help="find hosts by ARP (nmap does so on a LAN anyway)"),
    flag("--disable-arp-ping", key="disable_arp_ping", help="no ARP or neighbour discovery"),
    flag("--discovery-ignore-rst", key="discovery_ignore_rst", help="a reset does not mean up"),
    flag("-n", key="no_dns", help="no reverse look-ups (the default here)", group="dns"),
    flag("-R", key="reverse_dns", help="look up the name of every host", group="dns"),
    flag("--system-dns", key="system_dns", help="look names up by the system's resolver"),
    valued("--dns-servers", key="dns_servers", kind=Addresses(), help="name servers to ask"),
    flag("--traceroute", key="traceroute", help="trace the hops to each host", raw=True),
)

SCANS: tuple[Option, ...] = (
    flag("-sT", key="connect_scan", help="TCP connect scan", group=_SCAN),
    flag("-sS", key="syn_scan", help="TCP SYN scan", group=_SCAN, raw=True, unprivileged="-sT"),
    flag("-sU", key="udp_scan", help="UDP scan (slow)", raw=True),
    flag("-sA", key="ack_scan", help="TCP ACK scan: maps firewall rules", group=_SCAN, raw=True),
    flag("-sW", key="window_scan", help="TCP window scan", group=_SCAN, raw=True),
    flag("-sN", key="null_scan", help="TCP NULL scan: evades filters", group=_SCAN, raw=True, risk=Risk.INTRUSIVE),
    flag("-sF", key="fin_scan", help="TCP FIN scan: evades filters", group=_SCAN, raw=True, risk=Risk.INTRUSIVE),
    flag("-sX", key="xmas_scan", help="TCP Xmas scan: evades filters", group=_SCAN, raw=True, risk=Risk.INTRUSIVE),
    flag("-sM", key="maimon_scan", help="TCP Maimon scan: evades filters", group=_SCAN, raw=True, risk=Risk.INTRUSIVE),
    flag("-sY", key="sctp_init_scan", help="SCTP INIT scan", group="sctp scan", raw=True, risk=Risk.INTRUSIVE),
    flag("-sZ", key="sctp_cookie_scan", help="SCTP COOKIE-ECHO scan", group="sctp scan", raw=True, risk=Risk.INTRUSIVE),
    flag("-sO", key="protocol_scan", help="IP protocol scan", raw=True, risk=Risk.INTRUSIVE),
    valued(
        "--scanflags",
        key="scanflags",
        kind=Text(pattern=r"(?:URG|ACK|PSH|RST|SYN|FIN|ECE|CWR)+|[0-9]{1,2}|1[0-9]{2}|2[0-4][0-9]|25[0-5]", what="TCP flag names run together, such as SYNFIN, or 0 to 255"),
        help="TCP flags of one's own",
        raw=True,
        risk=Risk.INTRUSIVE,
    ),
    never("--sI", takes_value=True, why="idle scan: bounces off another host"),
    never("-b", takes_value=True, why="FTP bounce: connects through another host"),
    never("-I", why="ident scan was removed from nmap"),
    never("-q", why="has no effect"),
)

PORTS: tuple[Option, ...] = (
    valued("-p", key="ports", narrows=True, kind=Ports(), help="ports to scan: 22,80,8000-8100, U:53, - for all", group="ports"),
    flag("-F", key="fast", help="the 100 commonest ports", group="ports"),
    valued("--top-ports", key="top_ports", narrows=True, kind=Int(min=1, max=65535), help="the N commonest ports", group="ports"),
    valued("--port-ratio", key="port_ratio", kind=Float(min=0, max=0.9999), help="ports commoner than this", group="ports"),
    valued("--exclude-ports", key="exclude_ports", narrows=True, kind=Ports(), help="ports to leave out"),
    flag("-r", key="sequential", help="ports in order, not at random"),
    flag("--allports", key="allports", help="version detection on printer ports too (may print)", risk=Risk.INTRUSIVE),
)

DETECTION: tuple[Option, ...] = (
    flag("-sV", "-sR", key="service_version", help="detect services and versions"),
    valued("--version-intensity", key="version_intensity", kind=Int(min=0, max=9), help="probes to try, 0 light to 9 all", group="version"),
    flag("--version-light", key="version_light", help="likely probes only", group="version"),
    flag("--version-all", key="version_all", help="every probe", group="version"),
    flag("--version-trace", key="version_trace", help="show what version detection does"),
    flag("-sC", key="default_scripts", help="run the safe ones of the default scripts"),
    valued("--script", key="scripts", kind=Scripts(), repeats=True, help="scripts or categories; only safe scripts run"),
    valued("--script-timeout", key="script_timeout", kind=Seconds(min_s=1, max_s=600), help="time limit of one script"),
    flag("--script-trace", key="script_trace", help="show what scripts send and receive"),
    valued("--script-help", key="script_help", kind=Scripts(), help="describe scripts, scan nothing"),
    never("--script-args", takes_value=True, why="free-form: can write files, add targets, send credentials"),
    never("--script-args-file", takes_value=True, why="reads a file"),
    never("--script-updatedb", why="rewrites nmap's script database"),
    glued("-O", key="os_detection", kind=Choice(values=("2",)), help="detect the operating system", raw=True),
    flag("--osscan-limit", key="osscan_limit", help="only hosts with an open and a closed port"),
    flag("--osscan-guess", "--fuzzy", key="osscan_guess", help="guess more boldly"),
    valued("--max-os-tries", key="max_os_tries", kind=Int(min=1, max=5), help="tries of OS detection"),
    flag("-A", "--yoloscan", key="aggressive", help="-O -sV -sC --traceroute at once", raw=True, unprivileged="-sV", risk=Risk.INTRUSIVE, instead="-O -sV -sC --traceroute"),
)

TIMING: tuple[Option, ...] = (
    valued("-T", "--timing", key="timing", kind=Choice(values=_TIMINGS + _TIMING_NAMES), help="0 slowest to 5 fastest"),
    valued("--min-hostgroup", key="min_hostgroup", kind=Int(min=1, max=1024), help="hosts at once, at least"),
    valued("--max-hostgroup", key="max_hostgroup", kind=Int(min=1, max=1024), help="hosts at once, at most"),
    valued("--min-parallelism", key="min_parallelism", kind=Int(min=1, max=100), help="probes at once, at least"),
    valued("--max-parallelism", "-M", key="max_parallelism", kind=Int(min=1, max=300), help="probes at once, at most"),
    valued("--min-rtt-timeout", key="min_rtt_timeout", kind=Seconds(min_s=0, max_s=10), help="wait per probe, at least"),
    valued("--max-rtt-timeout", key="max_rtt_timeout", kind=Seconds(min_s=0.005, max_s=30), help="wait per probe, at most"),
    valued("--initial-rtt-timeout", key="initial_rtt_timeout", kind=Seconds(min_s=0.001, max_s=10), help="wait per probe, at first"),
    valued("--max-retries", key="max_retries", kind=Int(min=0, max=20), help="repeats of a probe"),
    valued("--host-timeout", key="host_timeout", kind=Seconds(min_s=1, max_s=3600), help="give a host up after this"),
    valued("--scan-delay", key="scan_delay", narrows=True, kind=Seconds(min_s=0, max_s=10), help="pause between probes"),
    valued("--max-scan-delay", key="max_scan_delay", kind=Seconds(min_s=0, max_s=10), help="longest pause between probes"),
    valued("--min-rate", key="min_rate", kind=Float(min=0.1, max=1000), help="packets per second, at least"),
    valued("--max-rate", key="max_rate", narrows=True, kind=Float(min=0.1, max=100000), help="packets per second, at most"),
    flag(
        "--defeat-rst-ratelimit",
        key="defeat_rst_ratelimit",
        help="do not slow down for limited resets",
        raw=True,  # it is for the SYN scan alone
    ),
    flag("--defeat-icmp-ratelimit", key="defeat_icmp_ratelimit", help="do not slow down for limited ICMP"),
    valued("--nsock-engine", key="", kind=Choice(values=("epoll", "poll", "select")), help="I/O engine"),
    valued("--stats-every", key="stats_every", kind=Seconds(min_s=1, max_s=3600), help="pause between progress lines"),
    flag("--release-memory", key="", help="free memory at the end"),
)

EVASION: tuple[Option, ...] = (
    flag("-f", "--ff", key="fragment", help="fragment packets", raw=True, risk=Risk.INTRUSIVE, family=4, group="fragments"),
    valued("--mtu", key="mtu", kind=Int(min=8, max=1480, multiple_of=8), help="fragment size", raw=True, risk=Risk.INTRUSIVE, family=4, group="fragments"),
    valued("-g", "--source-port", key="source_port", kind=Int(min=1, max=65535), help="source port", raw=True, risk=Risk.INTRUSIVE),
    valued("--data", key="data", kind=Hex(min_digits=2, max_digits=2800, even=True), help="payload in hex", raw=True, risk=Risk.INTRUSIVE, group="payload"),
    valued(
        "--data-string",
        key="data_string",
        kind=Text(pattern=r"[A-Za-z0-9 _.,:/@%+=][A-Za-z0-9 _.,:/@%+=-]{0,1399}", what="up to 1400 plain characters"),
        help="payload as text",
        raw=True,
        risk=Risk.INTRUSIVE,
        group="payload",
    ),
    valued("--data-length", key="data_length", kind=Int(min=0, max=1400), help="random payload, bytes", raw=True, risk=Risk.INTRUSIVE, group="payload"),
    valued("--ttl", key="ttl", kind=Int(min=1, max=255), help="IP time to live", raw=True),
    flag("--badsum", key="badsum", help="wrong checksums", raw=True, risk=Risk.INTRUSIVE),
    flag("--adler32", key="adler32", help="old SCTP checksum", raw=True),
    never("-D", takes_value=True, why="decoys: sends packets in other hosts' names"),
    never("-S", takes_value=True, why="spoofs the source address"),
    never("-e", takes_value=True, why="chooses the network interface"),
    never("--proxies", "--proxy", takes_value=True, why="connects through other hosts"),
    never("--ip-options", takes_value=True, why="source routing through other hosts"),
    never("--spoof-mac", takes_value=True, why="spoofs the MAC address"),
    never("--send-eth", why="raw frames pass the host's packet filter by"),
    never("--send-ip", why="set by the service"),
    never("--privileged", "--unprivileged", why="set by the service, from what it may really do"),
)

OUTPUT: tuple[Option, ...] = (
    glued("-v", key="verbosity", kind=Level(letter="v", max=5), help="more detail, -v to -v5", group="verbosity"),
    flag("--verbose", key="verbose", help="as -v", group="verbosity"),
    flag("--vv", key="very_verbose", help="as -v2", group="verbosity"),
    glued("-d", "--debug", key="debugging", kind=Level(letter="d", max=2), help="debugging output"),
    flag("--reason", key="reason", help="tell why a port is in its state"),
    flag("--open", key="open_only", help="show open ports only"),
    flag("--packet-trace", key="packet_trace", help="show every packet"),
    flag("--log-errors", key="", help="has no effect any more"),
    flag("--deprecated-xml-osclass", key="", help="old XML form of OS classes"),
    flag("--no-stylesheet", key="no_stylesheet", help="XML without a stylesheet (the default here)"),
    flag("--noninteractive", key="noninteractive", help="no keyboard, and no progress"),
    flag("-V", "--version", key="version", help="print nmap's version, scan nothing"),
    flag("-h", "--help", key="help", help="print nmap's help, scan nothing"),
    never("--oN", "--oX", "--oG", "--oM", "--oS", takes_value=True, why="writes a file; the result is in the answer anyway"),
    never("--oA", takes_value=True, why="writes three files"),
    never("--oH", takes_value=True, why="not supported by nmap"),
    never("-o", takes_value=True, why="old form of -oN: writes a file"),
    never("-m", takes_value=True, why="old form of -oG: writes a file"),
    never("--append-output", why="writes a file"),
    never("--resume", takes_value=True, why="runs a command line stored in a file"),
    never("--stylesheet", takes_value=True, why="puts a caller's URL into the report"),
    never("--webxml", why="puts a URL into the report"),
    never("--iflist", why="tells the server's interfaces and routes"),
    never("--datadir", takes_value=True, why="reads code from another folder"),
    never("--servicedb", takes_value=True, why="reads a file"),
    never("--versiondb", takes_value=True, why="reads a file"),
    never("--thc", why="a joke; scans nothing"),
    never("--nogcc", why="for nmap's developers"),
)

TABLE = TARGETS + DISCOVERY + SCANS + PORTS + DETECTION + TIMING + EVASION + OUTPUT
