"""Dictionaries for libFuzzer, read off the program's own tables."""

from collections.abc import Iterable, Iterator

from netsonde.bootstrap.settings_table import general_rows, tool_rows
from tests.unit.domain.asking import TOOLS
from tests.unit.domain.programs import PROGRAMS

ADDRESSES = (
    "10.0.0.1 8.8.8.8 127.0.0.1 10.0.0.0/24 /8 fd00::1 ::1 ::ffff:10.0.0.1 fe80::1%eth0 0x 010 "
    "foo.lab.internal .lab.internal .in-addr.arpa .ip6.arpa % @ 169.254.169.254 10.1 134744072"
).split()
XML = (
    '<nmaprun> </nmaprun> <host> </host> <host timedout="true"> <hosthint> </hosthint> <ports> '
    '</ports> <port portid="1" protocol="tcp"> </port> <state state="open"/> <service name="a" '
    'tunnel="ssl"/> <script id="a" output="b"/> <hostscript> <os> <osmatch name="a" accuracy="1"/> '
    '<trace> <hop ttl="1" rtt="--" ipaddr="1"/> <runstats> <finished elapsed="1" exit="success"/> '
    '<extraports state="closed" count="1"> <extrareasons reason="a" count="1"/> <times srtt="1"/> '
    "<!DOCTYPE <!ENTITY SYSTEM PUBLIC <![CDATA[ ]]> <?xml encoding= &lt; &#27; &#x9b; xmlns:a= "
    '<address addr="10.0.0.1" addrtype="ipv4"/> addrtype="mac" <hostname name="a"/> <hostnames>'
).split()
DIG = (
    ";; ->>HEADER<<- opcode: QUERY, status: NOERROR|;; flags: qr rd ra; QUERY: 1, ANSWER: 1|"
    ";; ANSWER SECTION:|;; AUTHORITY SECTION:|;; OPT PSEUDOSECTION:|;; Query time: 1 msec|"
    ";; SERVER: 10.0.0.1#53(10.0.0.1)|;; Received |;; connection timed out| from server |\\x09300\\x09IN\\x09A\\x09|"
    '( ; serial|\\"|\\\\032| in 1 ms.|1w2d3h4m5s|;; MSG SIZE  rcvd: 1|- type: '
).split("|")
PING = (
    "64 bytes from |: icmp_seq=1 ttl=64 time=0.1 ms|From 10.0.0.1 icmp_seq=1 |PING |"
    "(10.0.0.1) 56(84) bytes of data.|1 packets transmitted, 1 received, |+1 duplicates, |"
    "0% packet loss|rtt min/avg/max/mdev = 1.0/1.0/1.0/0.0 ms|(DUP!)|[1700000000.1] |Timing: About 5.5% done"
).split("|")
TRACEROUTE = (
    "traceroute to |(10.0.0.1), 30 hops max, 60 byte packets| 1  |  1.0 ms| * |!H|!N|!X|!P|!F-1400|"
    "F=1400|!<13>| (10.0.0.2)"
).split("|")
MTR = '{\\"report\\":|\\"hubs\\": [|\\"count\\":|\\"host\\":|???|\\"Loss%\\":|\\"Snt\\":|\\"Last\\":|1e999|NaN|Infinity'.split(
    "|"
)
JSON = '\\\\ud800 \\\\u0000 1e999 NaN null true {\\"a\\": [ ] } -0 18446744073709551616 \\xef\\xbb\\xbf'.split(
    " "
)
YAML = "&a *a <<: !!python/object !!binary !!timestamp !!set !!omap !!pairs !!float .nan .inf 0x 0b 0o 1:20 2001-01-01 | > --- ... %YAML ? - # =".split()
RPC = '\\"jsonrpc\\":\\"2.0\\"|\\"id\\":|\\"method\\":|\\"params\\":{|\\"result\\":{|\\"error\\":{|\\"code\\":-32600|\\"message\\":|\\"_meta\\":{|tools/call|notifications/cancelled'.split(
    "|"
)
HTTP = (
    "Host:|Origin:|Authorization: Bearer |0123456789abcdef|X-Forwarded-For:|X-Forwarded-Proto: https|"
    "Last-Event-ID: 1-a|Accept: */*;q=0.1|q=nan|Traceparent: 00-|Tracestate:|netsonde.example|localhost|"
    "https://|http://|[::1]|:8080|\\xb2|text/plain|application/json|; charset=utf-8|+json"
).split("|")
EVENTS = '\\"type\\":|Finished|Progressed|Requested|\\"what\\":|\\"output\\":|\\"execution_id\\":|\\"at_s\\":|\\x0az|\\x0aj{'.split(
    "|"
)
TOKENS = '[[token]]|name = |sha256 = |scopes = [|tools = [|networks = [|\\"read\\"|\\"execute\\"|\\"admin\\"|PingTool|\'\'\'|0x|inf|1979-05-27'.split(
    "|"
)


def of_program(program: str) -> Iterator[str]:
    """Every name that the program or our table has for an option, and addresses."""
    names = [name for row in PROGRAMS[program].options for name in row.names]
    names += [name for option in TOOLS[program].grammar.options for name in option.names]
    keys = [option.key for option in TOOLS[program].grammar.options if option.key]
    yield from dict.fromkeys([*names, *ADDRESSES, "\\xff", " ", '\\"', "'", "="])
    yield from (f'{{\\"{key}\\": ' for key in keys)


def of_settings() -> Iterator[str]:
    """Every key, and what values are made of."""
    for row in (*general_rows(), *tool_rows()):
        yield row.key
        yield row.path[-1]
        yield from row.choices
    yield from ADDRESSES


def of_variables() -> Iterator[str]:
    """Every variable."""
    yield from (f"\\x00{row.variable}=" for row in general_rows())
    yield from (f"MCP_TOOLS_PINGTOOL_{row.path[-1].upper()}=" for row in tool_rows())
    yield from ADDRESSES


def as_file(words: Iterable[str]) -> str:
    """The dictionary in libFuzzer's format; words have their quotes and bytes escaped already."""
    kept = {word for word in words if word and len(word.encode()) <= 128}
    return "".join(f'"{word}"\n' for word in sorted(kept))
