"""DiG 9.18's options, every one of them: dashes, pluses, and the words it takes for types and classes."""

from ..kinds import Choice, Hex, Int, Risk, Risky, Text
from ..network_kinds import Addresses
from ..options import Option, flag, glued, never, valued

TYPES = (
    "A", "AAAA", "CAA", "CDNSKEY", "CDS", "CNAME", "DNAME", "DNSKEY", "DS", "HINFO", "HTTPS", "LOC",
    "MX", "NAPTR", "NS", "NSEC", "NSEC3", "NSEC3PARAM", "OPENPGPKEY", "PTR", "RP", "RRSIG", "SMIMEA",
    "SOA", "SPF", "SRV", "SSHFP", "SVCB", "TLSA", "TXT", "URI",
)  # fmt: skip
CLASSES = ("IN", "CH", "HS")


class RecordType(Choice, frozen=True, kw_only=True):
    """A record type. AXFR, a whole zone, is for operators who allow intrusive requests."""

    def risky(self, canonical: str) -> tuple[Risky, ...]:
        if canonical != "AXFR":
            return ()
        return (
            Risky(word="AXFR", risk=Risk.INTRUSIVE, why="transfers a whole zone", without="SOA"),
        )


DASHES: tuple[Option, ...] = (
    flag("-4", key="ipv4", help="ask over IPv4", group="family"),
    flag("-6", key="ipv6", help="ask over IPv6 (needs an IPv6 server)", group="family"),
    valued("-t", key="type", kind=RecordType(values=(*TYPES, "AXFR"), ignore_case=True), help="record type (default A)"),
    valued("-c", key="class", kind=Choice(values=CLASSES, ignore_case=True), help="class (default IN)"),
    valued("@", key="server", kind=Addresses(most=1), help="name server to ask; else the system's resolver"),
    valued("-p", key="port", kind=Int(min=1, max=65535), help="port of the name server"),
    valued("-x", key="", kind=Addresses(most=1), help="reverse look-up: give the address as target"),
    flag("-u", key="microseconds", help="query time in microseconds"),
    flag("-h", key="help", help="print dig's help"),
    flag("-v", key="version", help="print dig's version"),
    flag("-r", key="", help="read no ~/.digrc (always so here)"),
    never("-b", takes_value=True, why="chooses the source address"),
    never("-d", why="for dig's developers"),
    never("-f", takes_value=True, why="reads questions, or any file, from disk"),
    never("-i", why="has no effect any more"),
    never("-k", takes_value=True, why="reads a key file"),
    never("-m", why="for dig's developers"),
    never("-n", why="has no effect any more"),
    never("-q", takes_value=True, why="the name asked about is the target"),
    never("-y", takes_value=True, why="a secret on the command line"),
)  # fmt: skip

_SWITCHES = {
    "aaflag": "set AA", "aaonly": "set AA", "additional": "show the additional section",
    "adflag": "set AD", "all": "set or clear all display flags", "answer": "show the answer section",
    "authority": "show the authority section", "badcookie": "retry on BADCOOKIE",
    "besteffort": "show malformed answers", "cdflag": "set CD", "class": "show the class", "cmd": "show the command", "coflag": "set CO",
    "comments": "show comments", "crypto": "show keys and signatures", "dnssec": "ask for DNSSEC records", "ednsnegotiation": "negotiate EDNS", "expandaaaa": "IPv6 addresses in full", "expire": "send EXPIRE",
    "fail": "do not try the next server on SERVFAIL", "header-only": "send a header only",
    "identify": "show who answered (with +short)", "idnin": "convert names to IDNA",
    "idnout": "convert names from IDNA", "ignore": "do not retry truncated answers over TCP",
    "keepalive": "send TCP keepalive", "keepopen": "keep the TCP connection",
    "multiline": "long records over several lines", "nsid": "ask for the server's id",
    "onesoa": "one SOA only in a transfer", "qr": "show the question as sent",
    "question": "show the question section", "raflag": "set RA", "rdflag": "ask for recursion",
    "recurse": "ask for recursion", "rrcomments": "comments on records", "short": "the data only",
    "showbadcookie": "show BADCOOKIE answers", "stats": "show statistics", "tcflag": "set TC",
    "tcp": "ask over TCP", "tls": "ask over TLS", "ttlid": "show TTLs", "ttlunits": "TTLs with units", "unknownformat": "show data as unknown type",
    "yaml": "YAML instead of text", "zflag": "set Z",
}  # fmt: skip
_ALIASES = {"class": "cl", "coflag": "co", "dnssec": "do", "tcp": "vc", "ttlid": "ttl"}
_HTTP = ("https", "https-get", "https-post", "http-plain", "http-plain-get", "http-plain-post")
HTTP_OPTIONS = tuple(f"+{name}" for name in _HTTP)
_PATH = Text(pattern=r"/[A-Za-z0-9._/-]{0,64}", what="a URL path such as /dns-query")

_VALUED: tuple[Option, ...] = (
    valued("+time", "+timeout", key="timeout", kind=Int(min=1, max=15), help="seconds to wait for an answer"),
    valued("+tries", key="tries", kind=Int(min=1, max=5), help="tries", group="tries"),
    valued("+retry", "+retries", key="retries", kind=Int(min=0, max=5), help="tries after the first", group="tries"),
    valued("+ndots", key="ndots", kind=Int(min=0, max=15), help="dots of an absolute name"),
    valued("+opcode", key="opcode", kind=Choice(values=("query", "0")), help="opcode"),
    valued("+padding", key="padding", kind=Int(min=0, max=512), help="pad the question to a multiple"),
    valued("+qid", key="qid", kind=Int(min=0, max=65535), help="question id"),
    valued("+subnet", key="client_subnet", kind=Choice(values=("0", "0.0.0.0/0", "::/0")), help="EDNS client subnet: none"),
    valued(
        "+tls-hostname", key="tls_hostname",
        kind=Text(pattern=r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}", what="a host name"), help="name to expect with +tls",
    ),
    glued("+bufsize", key="bufsize", kind=Int(min=512, max=4096), help="EDNS buffer size"),
    glued("+cookie", key="cookie", kind=Hex(min_digits=16, max_digits=80, even=True), help="DNS cookie"),
    glued("+edns", key="edns", kind=Int(min=0, max=255), help="EDNS version"),
    glued("+ednsflags", key="ednsflags", kind=Int(min=0, max=65535), help="EDNS flags"),
    glued("+split", key="split", kind=Int(min=0, max=512), help="split long data"),
    *(
        glued(f"+{name}", key=name.replace("-", "_"), kind=_PATH, help="DNS over HTTP", group="https")
        for name in _HTTP
    ),
)  # fmt: skip

_NEVER: tuple[Option, ...] = (
    never("+trace", "+notrace", why="asks the root servers and every server below them"),
    never("+nssearch", "+nonssearch", why="asks every authoritative server of the zone"),
    never("+search", why="asks for names that were not judged"),
    never("+showsearch", why="asks for names that were not judged"),
    never("+defname", why="asks for names that were not judged"),
    never("+domain", takes_value=True, why="asks for another name than the judged one"),
    never("+dns64prefix", why="asks for a name that was not judged"),
    never("+ednsopt", "+noednsopt", takes_value=True, why="carries free-form data to the server"),
    never("+tls-ca", "+notls-ca", takes_value=True, why="reads a file"),
    never("+tls-certfile", "+tls-keyfile", takes_value=True, why="reads a file"),
    never("+notls-certfile", "+notls-keyfile", why="names a file"),
    never("+trusted-key", takes_value=True, why="removed from dig"),
    never("+sigchase", "+topdown", "+nosigchase", "+notopdown", why="removed from dig"),
    never("+unexpected", "+nounexpected", why="takes answers from anybody"),
    never("+mapped", "+nomapped", why="allows IPv4-mapped server addresses"),
    never("+dscp", takes_value=True, why="has no effect any more"),
    never("+fuzztime", "+nofuzztime", takes_value=True, why="for dig's developers"),
)
_NEGATABLE_VALUED = (
    "+cookie", "+edns", "+ednsflags", "+split", "+subnet", "+tls-hostname", "+opcode",
    *HTTP_OPTIONS,
)  # fmt: skip


def _switches() -> list[Option]:
    rows = []
    for name, help in _SWITCHES.items():
        names = (name, _ALIASES[name]) if name in _ALIASES else (name,)
        key = "show_class" if name == "class" else name.replace("-", "_")
        yes, no = (tuple(f"+{prefix}{n}" for n in names) for prefix in ("", "no"))
        rows.append(flag(*yes, key=key, help=help, group=yes[0]))
        rows.append(flag(*no, key="", help=f"not: {help}", group=yes[0]))
    for name in ("search", "showsearch", "defname", "dns64prefix"):
        rows.append(flag(f"+no{name}", key="", help="the default here"))
    for name in _NEGATABLE_VALUED:
        rows.append(flag(f"+no{name[1:]}", key="", help=f"without {name}", group=name))
    return rows


TABLE = (*DASHES, *_VALUED, *_switches(), *_NEVER)
