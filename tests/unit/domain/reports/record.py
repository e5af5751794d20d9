"""Makes the recorded cases of this folder again: real programs, in a network of their own.

Run it with the project's Python: `python tests/unit/domain/reports/record.py [PROGRAM[/CASE] ...]`.
It enters a sealed user and network namespace first and refuses to work anywhere else, so no
packet leaves the run. Each case is a line of `cases.txt`; what the parsers should make of a new
recording (`expected.json`) is written by `--expect` and must be read before it is kept.

    client 10.77.1.2 -- r1 10.77.1.1 | 10.77.9.1 -- 10.77.9.2 r2 10.77.2.1 -- 10.77.2.2.. server

10.77.2.2 web (80 http, 443 TLS, 7777 accepts and says nothing, 9999 filtered) · .3 loses two in
five · .4 answers ping, all ports filtered · .5 dark · .6 rejected by r2 (prohibited) · .7 to .14
not there · 10.77.66.0/24 no route at r1 · 10.99.0.0/16 no route at the client. The same on
fd77:1::/64, fd77:9::/64, fd77:2::/64 for .1, .2. r1 serves DNS for lab.internal.
"""

import http.server
import json
import os
import shlex
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import dnslib  # type: ignore[import-untyped]  # it has no annotations
from dnslib.server import DNSServer  # type: ignore[import-untyped]  # as above

HERE = Path(__file__).resolve().parent
SEALED = ["unshare", "-Urmnu", "--fork", "--pid", "--mount-proc", "--kill-child"]
REPORT_FD = 63

NETWORK = """
ip netns add client; ip netns add r1; ip netns add r2; ip netns add server
ip link add eth0 netns client type veth peer name lan netns r1
ip link add wan netns r1 type veth peer name wan netns r2
ip link add lan netns r2 type veth peer name eth0 netns server
for n in client r1 r2 server; do ip -n $n link set lo up
  ip netns exec $n sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0 \
    net.ipv4.icmp_echo_ignore_broadcasts=0 net.ipv4.conf.all.forwarding=1 \
    net.ipv6.conf.all.forwarding=1 \
    net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0; done
ip -n client link set eth0 address 02:77:01:00:00:02
ip -n r1 link set lan address 02:77:01:00:00:01
ip -n client addr add 10.77.1.2/28 dev eth0; ip -n client addr add fd77:1::2/64 dev eth0 nodad
ip -n r1 addr add 10.77.1.1/28 dev lan; ip -n r1 addr add fd77:1::1/64 dev lan nodad
ip -n r1 addr add 10.77.9.1/30 dev wan; ip -n r1 addr add fd77:9::1/64 dev wan nodad
ip -n r2 addr add 10.77.9.2/30 dev wan; ip -n r2 addr add fd77:9::2/64 dev wan nodad
ip -n r2 addr add 10.77.2.1/28 dev lan; ip -n r2 addr add fd77:2::1/64 dev lan nodad
for a in 2 3 4 5 6; do ip -n server addr add 10.77.2.$a/28 dev eth0; done
ip -n server addr add fd77:2::2/64 dev eth0 nodad
ip -n client link set eth0 up; ip -n r1 link set lan up; ip -n r1 link set wan up
ip -n r2 link set wan up; ip -n r2 link set lan up; ip -n server link set eth0 up
ip -n client route add 10.77.0.0/16 via 10.77.1.1; ip -n client route add fd77::/16 via fd77:1::1
ip -n r1 route add 10.77.2.0/28 via 10.77.9.2; ip -n r1 route add fd77:2::/64 via fd77:9::2
ip -n r2 route add 10.77.1.0/28 via 10.77.9.1; ip -n r2 route add fd77:1::/64 via fd77:9::1
ip -n server route add default via 10.77.2.1; ip -n server route add default via fd77:2::1
ip netns exec r2 nft -f - <<RULES
table ip lab {
 chain f {
 type filter hook forward priority 0
 ip daddr 10.77.2.3 numgen random mod 100 < 40 drop
 ip daddr 10.77.2.4 meta l4proto { tcp, udp } drop
 ip daddr 10.77.2.5 drop
 ip daddr 10.77.2.6 reject with icmp type admin-prohibited
 tcp dport 9999 drop
 }
}
RULES
ip -n r2 link set lan mtu 1400; ip -n server link set eth0 mtu 1400
"""

PAGE = b"<html><head><title>Lab &amp; front door</title></head><body>hello</body></html>"

ZONE = {
    ("web.lab.internal.", "A"): ["10.77.2.2"],
    ("web.lab.internal.", "AAAA"): ["fd77:2::2"],
    ("www.lab.internal.", "CNAME"): ["web.lab.internal."],
    ("www.lab.internal.", "A"): ["web.lab.internal."],
    ("lab.internal.", "MX"): ["10 mail.lab.internal.", "20 mail2.lab.internal."],
    ("lab.internal.", "SOA"): ["ns.lab.internal. admin.lab.internal. 2026010101 7200 900 86400 60"],
    ("lab.internal.", "NS"): ["ns.lab.internal."],
    ("lab.internal.", "TXT"): [
        '"v=spf1 ip4:10.77.2.0/28 -all"',
        '"two strings; with (brackets)" "and \\"quotes\\" and \\\\ in it"',
    ],
    ("big.lab.internal.", "TXT"): ['"' + str(n) + "x" * 240 + '"' for n in range(10, 24)],
    ("2.2.77.10.in-addr.arpa.", "PTR"): ["web.lab.internal."],
    ("1.1.77.10.in-addr.arpa.", "PTR"): ["r1.lab.internal."],
    ("2.9.77.10.in-addr.arpa.", "PTR"): ["r2.lab.internal."],
}


class Names:
    """The zone above; SERVFAIL for broken.*, REFUSED outside, silence for silent.*."""

    def resolve(self, request: Any, handler: Any) -> Any:
        """Answer a question, as dnslib asks for it."""
        reply = request.reply()
        name, kind = str(request.q.qname).lower(), dnslib.QTYPE[request.q.qtype]
        for text in ZONE.get((name, kind), []):
            real = "CNAME" if (name, "CNAME") in ZONE else kind
            reply.add_answer(*dnslib.RR.fromZone(f"{name} 60 IN {real} {text}"))
        if (name, "CNAME") in ZONE and kind == "A":
            reply.add_answer(*dnslib.RR.fromZone("web.lab.internal. 60 IN A 10.77.2.2"))
        if kind == "NS":
            reply.add_ar(*dnslib.RR.fromZone("ns.lab.internal. 60 IN A 10.77.1.1"))
        if not reply.rr:
            soa = dnslib.RR.fromZone(f"lab.internal. 60 IN SOA {ZONE['lab.internal.', 'SOA'][0]}")
            if name.startswith("broken."):
                reply.header.rcode = dnslib.RCODE.SERVFAIL
            elif not name.endswith(("lab.internal.", "77.10.in-addr.arpa.")):
                reply.header.rcode = dnslib.RCODE.REFUSED
            else:
                known = any(key[0] == name for key in ZONE)
                reply.header.rcode = dnslib.RCODE.NOERROR if known else dnslib.RCODE.NXDOMAIN
                reply.add_auth(*soa)
        if any(rr.rtype == dnslib.QTYPE.OPT for rr in request.ar):
            reply.add_ar(dnslib.EDNS0(udp_len=1232))
        if handler.protocol == "udp" and len(reply.pack()) > 1232:
            return reply.truncate()
        return reply


def serve(kind: str) -> None:
    """Be one host's services, for as long as the run lasts."""
    if kind == "r1":
        for tcp in (False, True):
            DNSServer(Names(), address="10.77.1.1", port=53, tcp=tcp).start_thread()
    else:

        class Page(http.server.SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(PAGE)

            do_HEAD = do_GET  # http.server looks for this name

        plain = http.server.ThreadingHTTPServer(("10.77.2.2", 80), Page)
        tls = http.server.ThreadingHTTPServer(("10.77.2.2", 443), Page)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain("/run/cert.pem", "/run/key.pem")
        tls.socket = context.wrap_socket(tls.socket, server_side=True)
        six = socket.create_server(("fd77:2::2", 80), family=socket.AF_INET6)
        mute = socket.create_server(("10.77.2.2", 7777))
        for server in (plain, tls):
            threading.Thread(target=server.serve_forever, daemon=True).start()
        threading.Thread(target=lambda: [mute.accept() for _ in range(99)], daemon=True).start()
        assert six
    print("ready", flush=True)
    signal.pause()


def build() -> None:
    """Set the network up and start its services."""
    if [name for _, name in socket.if_nameindex()] != ["lo"]:
        sys.exit("refused: this is not an empty network namespace")
    resolv = Path(tempfile.mkstemp()[1])
    resolv.write_text("nameserver 10.77.1.1\noptions timeout:1 attempts:1\n")
    script = f"set -e; hostname lab; mount -t tmpfs tmpfs /run; mkdir /run/netns\n{NETWORK}\n"
    script += f"mount --bind {resolv} /etc/resolv.conf\n"
    script += (
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout /run/key.pem -out /run/cert.pem -days 30"
        " -subj '/CN=web.lab.internal/O=Lab' -addext subjectAltName=DNS:web.lab.internal"
        " 2>/dev/null\n"
    )
    subprocess.run(["sh", "-c", script], check=True)
    resolv.unlink()
    for host in ("r1", "server"):
        argv = [
            "ip",
            "netns",
            "exec",
            host,
            sys.executable,
            str(HERE / "record.py"),
            "--serve",
            host,
        ]
        started = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert started.stdout and started.stdout.readline() == b"ready\n"


def record(case: str, words: list[str], end: tuple[str, float] | None) -> None:
    """Run one program on the client and keep what it said."""
    folder = HERE / case
    folder.mkdir(parents=True, exist_ok=True)
    env = {"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    program = case.partition("/")[0]
    with (folder / "stdout").open("wb") as stdout, tempfile.TemporaryFile() as report:
        os.dup2(report.fileno(), REPORT_FD)
        if program == "nmap":
            # nmap 7.93 prints no statistics at all under --noninteractive.
            quiet = [] if "--stats-every" in words else ["--noninteractive"]
            words = [words[0], *quiet, *words[1:-1], "-oX", f"/dev/fd/{REPORT_FD}", words[-1]]
        process = subprocess.Popen(
            ["ip", "netns", "exec", "client", *words],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.DEVNULL,
            env=env,
            pass_fds=[REPORT_FD],
            start_new_session=True,
        )
        if end:
            time.sleep(end[1])
            process.send_signal(signal.Signals[f"SIG{end[0]}"])
        code = process.wait()
        if program == "nmap":
            report.seek(0)
            (folder / "report.xml").write_bytes(report.read())
    (folder / "argv.txt").write_text("\n".join(words) + "\n")
    (folder / "returncode").write_text(f"{code}\n")
    print(f"{case}: {code}", flush=True)


def expect(case: str) -> None:
    """Write what the parser makes of a recording; read it before you keep it."""
    folder = HERE / case
    parser = import_module(f"netsonde.domain.reports.{case.partition('/')[0]}")
    report = folder / "report.xml"
    complete = int((folder / "returncode").read_text()) >= 0
    seen = parser.parse(
        (folder / "stdout").read_bytes(), report.read_bytes() if report.exists() else b"", complete
    )
    (folder / "expected.json").write_text(json.dumps(seen, indent=1, ensure_ascii=False) + "\n")


def main(words: list[str]) -> None:
    """Dispatch: outside, inside, one host's services, or only the expectations."""
    if words[:1] == ["--serve"]:
        serve(words[1])
        return
    cases = {}
    for line in (HERE / "cases.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, *argv = shlex.split(line)
            end = None
            if argv[0].startswith("kill="):
                kind, after = argv.pop(0).removeprefix("kill=").split("@")
                end = (kind, float(after))
            cases[name] = (argv, end)
    flags = {word for word in words if word.startswith("--")}
    chosen = [w for w in words if w not in flags]
    cases = {k: v for k, v in cases.items() if not chosen or k.startswith(tuple(chosen))}
    if "--expect" in flags:
        for name in cases:
            expect(name)
    elif "--inside" in flags:
        build()
        for name, (argv, end) in cases.items():
            record(name, argv, end)
    else:
        argv = [*SEALED, sys.executable, str(HERE / "record.py"), "--inside", *chosen]
        sys.exit(subprocess.run(argv, check=False).returncode)


if __name__ == "__main__":
    main(sys.argv[1:])
