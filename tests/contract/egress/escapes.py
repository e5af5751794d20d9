"""A hostile program that tries every way to a host which it may not reach: stdlib alone, by its path.

    escapes.py ALLOWED FORBIDDEN PORT      prints JSON: the name of each way, and what became of it

Each way aims at a port of its own from PORT on, so that packets and tellings name the way.
"""

# A script for any Python, judged by packets alone: functions without types.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, var-annotated"

import ctypes
import errno
import json
import mmap
import os
import socket
import struct
import sys
import threading

ALLOWED, FORBIDDEN, PORT = sys.argv[1], sys.argv[2], int(sys.argv[3])
ALLOWED_6, FORBIDDEN_6 = "fd77:2::10", "fd77::1"
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
MACHINE = os.uname().machine
NUMBERS = {"connect": 42, "sendto": 44, "seccomp": 317, "io_setup": 206}
if MACHINE == "aarch64":
    NUMBERS = {"connect": 203, "sendto": 206, "seccomp": 277, "io_setup": 0}


def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "call")
    return result


def udp(family=socket.AF_INET):
    return socket.socket(family, socket.SOCK_DGRAM)


def tcp(family=socket.AF_INET):
    made = socket.socket(family, socket.SOCK_STREAM)
    made.settimeout(2)
    return made


def sockaddr(port, address=FORBIDDEN, family=socket.AF_INET):
    raw = socket.inet_aton(address)
    return struct.pack("=H", family) + struct.pack("!H4s8x", port, raw)


def sendto_raw(sock, data, flags, raw):
    return checked(libc.sendto(sock.fileno(), data, len(data), flags, raw, len(raw)))


def tcp_connect(port):
    tcp().connect((FORBIDDEN, port))


def tcp_connect_blocking(port):
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.connect((FORBIDDEN, port))


def udp_sendto(port):
    udp().sendto(b"x", (FORBIDDEN, port))


def udp_connect_and_send(port):
    made = udp()
    try:
        made.connect((FORBIDDEN, port))
    finally:
        made.send(b"x")


def udp_sendmsg(port):
    udp().sendmsg([b"x"], [], 0, (FORBIDDEN, port))


def udp_after_another_peer(port):
    made = udp()
    made.connect((ALLOWED, 9))
    made.sendto(b"x", (FORBIDDEN, port))


def udp_after_disconnecting(port):
    made = udp()
    made.connect((ALLOWED, 9))
    checked(libc.connect(made.fileno(), bytes(16), 16))
    made.sendto(b"x", (FORBIDDEN, port))


def udp_unspecified_family(port):
    sendto_raw(udp(), b"x", 0, sockaddr(port, family=0))


def udp_corked(port):
    made = udp()
    made.sendto(b"x", socket.MSG_MORE, (ALLOWED, 9))
    made.sendto(b"x", (FORBIDDEN, port))


def mmsg(made, *messages):
    """Each of them (data, address bytes)."""
    kept, raw = [], b""
    for data, to in messages:
        text, name = ctypes.create_string_buffer(data), ctypes.create_string_buffer(to)
        piece = ctypes.create_string_buffer(struct.pack("=QQ", ctypes.addressof(text), len(data)))
        kept += [text, name, piece]
        raw += struct.pack(
            "=Qi4xQQQQi4xI4x",
            *(ctypes.addressof(name), len(to), ctypes.addressof(piece), 1, 0, 0, 0, 0),
        )
    vector = ctypes.create_string_buffer(raw, len(raw))
    sent = checked(libc.sendmmsg(made.fileno(), vector, len(messages), 0))
    if sent < len(messages):
        rest = ctypes.byref(vector, 64 * sent)
        return checked(libc.sendmmsg(made.fileno(), rest, len(messages) - sent, 0))
    return sent


def udp_sendmmsg(port):
    mmsg(udp(), (b"x", sockaddr(9, ALLOWED)), (b"x", sockaddr(port)))


def udp_sendmmsg_alone(port):
    mmsg(udp(), (b"x", sockaddr(port)))


def tcp_fast_open(port):
    tcp().sendto(b"x", 0x20000000, (FORBIDDEN, port))


def tcp_fast_open_by_sendmsg(port):
    tcp().sendmsg([b"x"], [], 0x20000000, (FORBIDDEN, port))


def tcp_fast_open_connect(port):
    made = tcp()
    try:
        made.setsockopt(socket.IPPROTO_TCP, 30, 1)
    finally:
        made.connect((FORBIDDEN, port))
        made.send(b"x")


def multipath(port):
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
    made.connect((FORBIDDEN, port))


def udp_lite(port):
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 136).sendto(b"x", (FORBIDDEN, port))


def sctp(port):
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)
    made.setsockopt(132, 110, sockaddr(port))  # SCTP_SOCKOPT_CONNECTX


def dccp(port):
    socket.socket(socket.AF_INET, 6, 33).connect((FORBIDDEN, port))


def smc(port):
    socket.socket(43, socket.SOCK_STREAM, 0).connect((FORBIDDEN, port))


def raw_ip(port):
    made = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    made.sendto(bytes(28), (FORBIDDEN, 0))


def raw_udp(port):
    made = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    made.sendto(struct.pack("!HHHH", 9, port, 8, 0), (FORBIDDEN, 0))


def frame(port):
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x0300)
    made.bind(("eth0", 0))
    made.send(bytes(64))


def old_packet(port):
    socket.socket(socket.AF_INET, 10, 0x0300).sendto(bytes(64), ("eth0", 0))


def ping(port):
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
    made.sendto(b"\x08" + bytes(15), (FORBIDDEN, 0))


def source_route(port):
    made = udp()
    route = bytes((131, 7, 4)) + socket.inet_aton(FORBIDDEN) + b"\0"  # LSRR
    made.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, route)
    made.sendto(b"x", (ALLOWED, port))


def source_route_by_message(port):
    route = bytes((131, 7, 4)) + socket.inet_aton(FORBIDDEN) + b"\0"
    udp().sendmsg([b"x"], [(socket.IPPROTO_IP, 7, route)], 0, (ALLOWED, port))


def source_address_by_message(port):
    info = struct.pack("=i4s4s", 0, socket.inet_aton(FORBIDDEN), bytes(4))
    udp().sendmsg([b"x"], [(socket.IPPROTO_IP, 8, info)], 0, (ALLOWED, port))


def routing_header(port):
    made = udp(socket.AF_INET6)
    header = bytes((0, 2, 0, 1, 0, 0, 0, 0)) + socket.inet_pton(socket.AF_INET6, FORBIDDEN_6)
    made.setsockopt(41, 57, header)
    made.sendto(b"x", (ALLOWED_6, port))


def routing_header_by_message(port):
    header = bytes((0, 2, 2, 1, 0, 0, 0, 0)) + socket.inet_pton(socket.AF_INET6, FORBIDDEN_6)
    udp(socket.AF_INET6).sendmsg([b"x"], [(41, 57, header)], 0, (ALLOWED_6, port))


def flow_label(port):
    made = udp(socket.AF_INET6)
    made.setsockopt(41, 32, socket.inet_pton(socket.AF_INET6, FORBIDDEN_6) + bytes(16))


def device(port):
    made = udp()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0\0")
    made.sendto(b"x", (FORBIDDEN, port))


def join_group(port):
    group = socket.inet_aton("239.1.2.3") + bytes(4)
    udp().setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)


def multicast(port):
    udp().sendto(b"x", ("239.1.2.3", port))


def broadcast(port):
    made = udp()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    made.sendto(b"x", ("255.255.255.255", port))


def udp_6(port):
    udp(socket.AF_INET6).sendto(b"x", (FORBIDDEN_6, port))


def tcp_6(port):
    tcp(socket.AF_INET6).connect((FORBIDDEN_6, port))


def mapped(port):
    udp(socket.AF_INET6).sendto(b"x", (f"::ffff:{FORBIDDEN}", port))


def mapped_tcp(port):
    tcp(socket.AF_INET6).connect((f"::ffff:{FORBIDDEN}", port))


def ipv4_on_ipv6(port):
    sendto_raw(udp(socket.AF_INET6), b"x", 0, sockaddr(port))


def link_local(port):
    scope = socket.if_nametoindex("eth0")
    udp(socket.AF_INET6).sendto(b"x", ("fe80::1", port, 0, scope))


def resolver_elsewhere(port):
    """The name server may be asked at port 53 only."""
    udp().sendto(b"x", ("10.77.3.53", port))


def listening(port):
    made = tcp()
    made.bind(("", port))
    made.listen(1)


def old_numbers(port):
    """connect(2) by the numbers of 32-bit programs; it kills, so in a child."""
    x32 = libc.syscall(ctypes.c_long(0x40000000 | NUMBERS["connect"]), 3, sockaddr(port), 16)
    raise OSError(ctypes.get_errno() if x32 < 0 else 0, "x32")


def ring(port):
    checked(libc.syscall(ctypes.c_long(425), 8, ctypes.create_string_buffer(120)))


def another_listener(port):
    """A filter of our own which would let the calls through."""
    libc.prctl(38, 1, 0, 0, 0)
    code = b"".join(struct.pack("=HBBI", *line) for line in ((0x06, 0, 0, 0x7FC00000),))
    kept = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("=H6xQ", 1, ctypes.addressof(kept))
    checked(libc.syscall(ctypes.c_long(NUMBERS["seccomp"]), 1, 8, program))


def hand_over(port):
    ours, _theirs = socket.socketpair(socket.AF_UNIX)
    made = udp()
    made.connect((FORBIDDEN, port))
    socket.send_fds(ours, [b"x"], [made.fileno()])


def routes(port):
    """Turn what goes to the allowed host to another: RTM_NEWROUTE."""
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    body = struct.pack("=BBBBBBBBI", 2, 32, 0, 0, 254, 4, 0, 1, 0)
    body += struct.pack("=HH4s", 8, 1, socket.inet_aton(ALLOWED))
    body += struct.pack("=HH4s", 8, 5, socket.inet_aton("10.77.0.9"))
    request = struct.pack("=IHHII", 16 + len(body), 24, 0x605, 1, 0) + body
    first = None
    for send in (
        made.send,
        lambda data: os.write(made.fileno(), data),
        lambda data: made.sendto(data, (0, 0)),
        lambda data: made.sendmsg([data]),
    ):
        try:
            send(request)
            told = made.recv(4096)
            first = first or OSError(-struct.unpack_from("=i", told, 16)[0], "told")
        except OSError as error:
            first = first or error
    udp().sendto(b"x", (ALLOWED, port))
    raise first or OSError(0, "told nothing")


def name_key(port):
    for number in (249, 248):  # request_key, add_key: a question to name servers, by the kernel
        checked(libc.syscall(ctypes.c_long(number), b"dns_resolver", b"evil.example", b"", -2, 0))


def many_threads(port):
    """Another thread writes another address while one calls: 0 escapes."""
    address = ctypes.create_string_buffer(sockaddr(port, ALLOWED), 16)
    here, there = socket.inet_aton(ALLOWED), socket.inet_aton(FORBIDDEN)
    over = threading.Event()
    place = ctypes.addressof(address) + 4

    def flip():
        while not over.is_set():
            for raw in (there, here) * 50:
                ctypes.memmove(place, raw, 4)

    other = threading.Thread(target=flip)
    sys.setswitchinterval(1e-5)
    other.start()
    made = udp()

    def both():
        result = libc.sendto(made.fileno(), b"x", 1, 0, address, 16)
        again = libc.connect(made.fileno(), address, 16)
        if again >= 0:
            libc.send(made.fileno(), b"y", 1, 0)
        return result, again

    try:
        seen = tried_until_both(both)
    finally:
        over.set()
        other.join()
    if len(seen) < 2:
        raise AssertionError(seen)
    made.sendto(b"x", (FORBIDDEN, port))


def racing(variants, call):
    """What the calls come to while another process writes the variants into the memory we share."""
    shared = mmap.mmap(-1, 4096)
    place = ctypes.addressof(ctypes.c_char.from_buffer(shared))
    ctypes.memmove(place, variants[0], len(variants[0]))
    other = os.fork()
    if other == 0:
        while True:
            for raw in variants:
                ctypes.memmove(place, raw, len(raw))
    try:
        seen = tried_until_both(lambda: [call(place)])
    finally:
        os.kill(other, 9)
        os.waitpid(other, 0)
    if len(seen) < 2:
        raise AssertionError(seen)


def tried_until_both(call, at_least=1500, at_most=100_000):
    """Which of passed and held back were seen; a busy machine may not run the other side for long."""
    seen, count = set(), 0
    while count < at_least or (len(seen) < 2 and count < at_most):
        seen |= {result >= 0 for result in call()}
        count += 1
    return seen


def shared_address(port):
    made = udp()
    variants = [sockaddr(port, ALLOWED), sockaddr(port)]

    def call(place):
        result = libc.connect(made.fileno(), ctypes.c_void_p(place), 16)
        if result >= 0:
            libc.send(made.fileno(), b"x", 1, 0)
        return result

    racing(variants, call)
    made.sendto(b"x", (FORBIDDEN, port))


def shared_header(port):
    """Addresses, lengths and counts of a struct msghdr, good and absurd by turns."""
    made = udp()
    good, bad = (ctypes.create_string_buffer(sockaddr(port, to)) for to in (ALLOWED, FORBIDDEN))
    piece = ctypes.create_string_buffer(struct.pack("=QQ", ctypes.addressof(good), 1))
    route = struct.pack("=Qii", 23, 0, 7) + bytes((131, 7, 4)) + socket.inet_aton(FORBIDDEN)
    control = ctypes.create_string_buffer(route + bytes(9))
    here, there, pieces = (ctypes.addressof(one) for one in (good, bad, piece))

    def header(name, length=16, count=1, control_at=0, control_length=0):
        return struct.pack(
            "=Qi4xQQQQi4x", name, length, pieces, count, control_at, control_length, 0
        )

    variants = [
        *(header(here), header(there), header(here, length=2**31 - 1), header(there, length=-1)),
        *(header(here, count=1 << 40), header(here, count=1025), header(8), header(here)),
        *(header(here, control_at=ctypes.addressof(control), control_length=32), header(there)),
        header(here, control_at=8, control_length=1 << 50),
    ]
    racing(variants, lambda at: libc.sendmsg(made.fileno(), ctypes.c_void_p(at), 0))
    made.sendto(b"x", (FORBIDDEN, port))


def shared_descriptor(port):
    """Another socket takes the descriptor's place, in the midst of calls."""
    number = 200
    kinds = [udp(), tcp(), udp(socket.AF_INET6), socket.socket(socket.AF_NETLINK, 3, 0)]
    os.dup2(kinds[0].fileno(), number)
    over = threading.Event()

    def swap():
        while not over.is_set():
            for one in kinds:
                os.dup2(one.fileno(), number)

    other = threading.Thread(target=swap)
    other.start()
    try:
        for _ in range(500):
            libc.sendto(number, b"x", 1, 0, sockaddr(port), 16)
            libc.sendto(number, b"x", 1, 0, sockaddr(port, "10.77.3.53"), 16)
    finally:
        over.set()
        other.join()
    udp().sendto(b"x", (FORBIDDEN, port))


def flags_race(port):
    """Another thread makes the socket wait, for the server to be caught in connect(2)."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    over = threading.Event()

    def flip():
        while not over.is_set():
            for flag in (True, False) * 20:
                os.set_blocking(made.fileno(), flag)

    other = threading.Thread(target=flip)
    other.start()
    try:
        for _ in range(200):
            made.setblocking(False)
            libc.connect(made.fileno(), sockaddr(80, ALLOWED), 16)
            libc.connect(made.fileno(), bytes(16), 16)
    finally:
        over.set()
        other.join()
    udp().sendto(b"x", (FORBIDDEN, port))


def not_to_be_read(port):
    """A process whose memory the server may not read."""
    libc.prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
    udp().sendto(b"x", (FORBIDDEN, port))


WAYS = [
    *(tcp_connect, tcp_connect_blocking, udp_sendto, udp_connect_and_send, udp_sendmsg),
    *(udp_after_another_peer, udp_after_disconnecting, udp_unspecified_family, udp_corked),
    *(udp_sendmmsg, udp_sendmmsg_alone, tcp_fast_open, tcp_fast_open_by_sendmsg),
    *(tcp_fast_open_connect, multipath, udp_lite, sctp, dccp, smc, raw_ip, raw_udp, frame),
    *(old_packet, ping, source_route, source_route_by_message, source_address_by_message),
    *(routing_header, routing_header_by_message, flow_label, device, join_group, multicast),
    *(broadcast, udp_6, tcp_6, mapped, mapped_tcp, ipv4_on_ipv6, link_local, resolver_elsewhere),
    *(listening, old_numbers, ring, another_listener, hand_over, routes, name_key, many_threads),
    *(shared_address, shared_header, shared_descriptor, flags_race, not_to_be_read),
]


def outcome(way, port):
    try:
        way(port)
        return "done"
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))


def main():
    outcomes = {}
    for offset, way in enumerate(WAYS):
        if way is not_to_be_read:
            read_end, write_end = os.pipe()
            if os.fork() == 0:
                os.write(write_end, outcome(way, PORT + offset).encode())
                os._exit(0)
            os.wait()
            outcomes[way.__name__] = os.read(read_end, 64).decode()
        else:
            outcomes[way.__name__] = outcome(way, PORT + offset)
    print(json.dumps(outcomes))


main()
