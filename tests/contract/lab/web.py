"""The lab's web host: HTTP on 80, TLS on 443 with a certificate of the lab's CA, a banner on 22.

python -m tests.contract.lab.web
"""

import socket
import socketserver
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

import trustme

from tests.contract.lab.access import CA_FILE

BANNER: Final = b"SSH-2.0-NetsondeLab_1.0\r\n"
PAGE: Final = (
    b"<!doctype html><html><head><title>netsonde lab</title></head><body>ok</body></html>\n"
)
NAMES: Final = ("web.lab.internal", "foo.lab.internal", "10.77.2.10", "10.0.0.1")

_ANY: Final = "::" if socket.has_dualstack_ipv6() else "0.0.0.0"
_FAMILY: Final = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET


class Page(BaseHTTPRequestHandler):
    """One page for every path."""

    # A name that nmap's service probes know: else it tries every one of them, for 90 s.
    server_version = "SimpleHTTP/0.6"
    sys_version = "Python/3.11.2"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(PAGE)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Scanners' half requests are no news."""


class Web(ThreadingHTTPServer):
    """Quiet about clients that leave in the middle, as port scanners do."""

    address_family = _FAMILY
    daemon_threads = True

    def server_bind(self) -> None:
        """Without HTTPServer's own look-up of a name for the address, which waits for DNS."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = NAMES[0], self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """A client's fault, not ours."""


class SecureWeb(Web):
    """The handshake runs in the connection's own thread: a silent client holds nobody up."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        super().__init__((_ANY, port), Page)
        self.socket = context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )


class Greeting(socketserver.StreamRequestHandler):
    """The banner, then one line from the client, then the end."""

    def handle(self) -> None:
        self.wfile.write(BANNER)
        self.rfile.readline(1024)


class Banner(socketserver.ThreadingTCPServer):
    """Speaks first, as an SSH server does."""

    address_family = _FAMILY
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client's fault, not ours."""


def main() -> None:
    """Serve until killed."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(CA_FILE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*NAMES, common_name=NAMES[0]).configure_cert(context)
    servers: tuple[socketserver.TCPServer, ...] = (
        Web((_ANY, 80), Page),
        SecureWeb(443, context),
        Banner((_ANY, 22), Greeting),
    )
    threads = [threading.Thread(target=server.serve_forever) for server in servers]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
