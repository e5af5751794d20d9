"""The hostile program: stdlib alone, started by its path, one attack by name; says what it got.

It bounds itself: a containment that fails must show as a failed test, not as a dead machine.

    program.py ATTACK FACTS      FACTS: JSON, what an attacker could know of the server (server.py)
"""

# A script for any Python, looked at by nothing but its attacks' outcome: functions without types.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, arg-type, index, var-annotated"

import ctypes
import errno
import json
import os
import select
import signal
import socket
import struct
import sys
import time

FORKS, BOMB_MIB, CHILD_MIB = 200, 600, 150
DESCRIPTORS, FILES, FILL_MIB = 2000, 3000, 8
GIB = 1 << 30

libc = ctypes.CDLL(None, use_errno=True)


def say(won, said=""):
    os.write(1, json.dumps({"won": bool(won), "said": str(said)}).encode() + b"\n")


def call(number, *arguments):
    """A system call by its number; raises OSError."""
    result = libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def first_success(*tries):
    """Won if one of them works; else the last refusal's name."""
    said = ""
    for attempt in tries:
        try:
            return True, attempt()
        except OSError as error:
            said = errno.errorcode.get(error.errno, str(error))
    return False, said


def read(path):
    with open(path, "rb") as file:
        return file.read(4096).hex()[:8192]


def read_state(facts):
    # Won or not is judged by whether the token is in what was said.
    say(*first_success(lambda: read(facts["state"])))


def read_home(facts):
    say(*first_success(lambda: read(facts["home"])))


def read_secrets(facts):
    say(*first_success(lambda: read(facts["secret"])))


def list_others(facts):
    say(*first_success(lambda: read(f"/proc/{facts['pid']}/cmdline")))


def read_environment(facts):
    say(*first_success(lambda: read(f"/proc/{facts['pid']}/environ")))


def read_memory(facts):
    pid, address = facts["pid"], facts["address"]
    buffer = ctypes.create_string_buffer(64)

    class Vector(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]

    def by_call():
        local = Vector(ctypes.addressof(buffer), 64)
        remote = Vector(address, 64)
        if libc.process_vm_readv(pid, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0) < 0:
            raise OSError(ctypes.get_errno(), "process_vm_readv")
        return buffer.raw.hex()

    def by_file():
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as file:
            file.seek(address)
            return file.read(64).hex()

    def by_trace():
        if libc.ptrace(16, pid, 0, 0) < 0:  # PTRACE_ATTACH
            raise OSError(ctypes.get_errno(), "ptrace")
        libc.ptrace(17, pid, 0, 0)
        return "traced"

    say(*first_success(by_call, by_file, by_trace))


def server_descriptors(facts):
    """The state file by way of a descriptor that the server has open."""
    say(*first_success(lambda: read(f"/proc/{facts['pid']}/fd/{facts['descriptor']}")))


def inherited_descriptors(facts):
    found = []
    for number in range(3, 1024):
        try:
            os.fstat(number)
            found.append(number)
        except OSError:
            continue
    say(found, found or "none")


def write_outside(facts):
    def create():
        os.close(os.open(f"{facts['outside']}/created", os.O_CREAT | os.O_WRONLY))

    def remove():
        os.unlink(f"{facts['outside']}/precious")

    def replace():
        os.symlink("/etc/passwd", "/usr/local/bin/planted")

    say(*first_success(create, remove, replace))


def symlinks(facts):
    """Through links of our own; and the server's clean-up must not follow them."""
    os.symlink(facts["outside"], "link")
    os.symlink(facts["state"], "state")
    os.mkdir("deep")
    os.symlink("../../../../../../..", "deep/up")
    say(
        *first_success(
            lambda: read("state"),
            lambda: read("deep/up" + facts["state"]),
            lambda: os.close(os.open("link/created", os.O_CREAT | os.O_WRONLY)),
        )
    )


def fill_bytes(facts):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    written = 0
    try:
        with open("big", "wb", buffering=0) as file:
            while written < FILL_MIB << 20:
                written += file.write(b"x" * (1 << 20))
    except OSError as error:
        say(written > 1 << 20, errno.errorcode[error.errno])
        return
    say(True, f"{written >> 20} MiB")


def fill_names(facts):
    """Empty files: a file size limit doesn't count them. They must not be there afterwards."""
    for number in range(FILES):
        try:
            os.close(os.open(f"{number}", os.O_CREAT | os.O_WRONLY))
        except OSError as error:
            say(False, errno.errorcode[error.errno])
            return
    say(False, "private, removed")


def fork_bomb(facts):
    children = []
    said = ""
    try:
        while len(children) < FORKS:
            pid = os.fork()
            if pid == 0:
                time.sleep(30)
                os._exit(0)
            children.append(pid)
    except OSError as error:
        said = errno.errorcode[error.errno]
    say(len(children) >= FORKS, said or f"{len(children)} processes")


def memory_bomb(facts):
    """Many processes, each within its own limit, that hold their memory at the same time."""
    reads, writes = os.pipe()
    gate, opener = os.pipe()
    children = []
    for _ in range(BOMB_MIB // CHILD_MIB):
        children.append(os.fork())
        if children[-1] == 0:
            os.close(opener)
            try:
                block = bytearray(CHILD_MIB << 20)
                block[::4096] = b"x" * len(block[::4096])
                os.write(writes, b"x")
                os.read(gate, 1)  # until all have theirs
            finally:
                os._exit(0)
    os.close(writes)
    got, ends = 0, time.monotonic() + 3
    while (
        got < len(children) and select.select([reads], [], [], max(0, ends - time.monotonic()))[0]
    ):
        piece = os.read(reads, 100)
        if not piece:
            break
        got += len(piece)
    lost = sum(os.waitpid(child, os.WNOHANG)[0] != 0 for child in children)
    os.close(opener)
    held = (len(children) - lost) * CHILD_MIB
    say(got == len(children) and not lost, f"{min(got * CHILD_MIB, held)} MiB")


def one_memory(facts):
    try:
        block = bytearray(BOMB_MIB << 20)
    except MemoryError:
        say(False, "ENOMEM")
        return
    block[::4096] = b"x" * len(block[::4096])
    say(True, f"{BOMB_MIB} MiB")


def descriptor_bomb(facts):
    held = []
    try:
        while len(held) < DESCRIPTORS:
            held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError as error:
        say(len(held) > 256, errno.errorcode[error.errno])
        return
    say(True, f"{len(held)} descriptors")


def output(facts):
    block = b"x" * (1 << 20)
    for _ in range(1024):
        os.write(1, block)


def reopen_streams(facts):
    """End of file on every pipe while we go on; then the pipes again by /proc."""
    say(False, "ended")
    copies = [f"/proc/self/fd/{os.dup(number)}" for number in (1, 2)]
    os.closerange(0, 3)
    for path in copies:
        try:
            os.open(path, os.O_WRONLY)
        except OSError:
            os.open("/dev/null", os.O_WRONLY)
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)


def daemonise(facts, name=None):
    """A grandchild in a session of its own, without streams, deaf to what can be ignored."""
    if os.fork() == 0:
        os.setsid()
        for number in range(1, 32):
            if number not in (signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD):
                signal.signal(number, signal.SIG_IGN)
        if os.fork():
            os._exit(0)
        if name:
            rename(name)
        os.closerange(0, 256)
        time.sleep(600)
        os._exit(0)
    os.wait()
    time.sleep(0.1)
    say(False, "ended")


def renamed(facts):
    daemonise(facts, "kworker/0:1")


def rename(name):
    libc.prctl(15, name.encode(), 0, 0, 0)  # PR_SET_NAME
    os.execv("/bin/sleep", [name, "600"])


def stay(facts):
    """As above, and stay: the server is killed meanwhile."""
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)
        os._exit(0)
    os.wait()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    say(False, "staying")
    time.sleep(600)


def signal_server(facts):
    say(*first_success(lambda: os.kill(facts["pid"], signal.SIGUSR1)))


def unix_sockets(facts):
    def connect(address):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(address)

    say(*first_success(lambda: connect("\0" + facts["abstract"]), lambda: connect(facts["socket"])))


def second_udp(facts):
    def send():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"x", tuple(facts["second"]))

    say(*first_success(send))


def second_tcp(facts):
    def connect():
        socket.create_connection(tuple(facts["second"]), timeout=1).close()

    say(*first_success(connect))


def datagram(facts):
    """A whole IPv4 packet with a UDP datagram in it; the kernel fills in the checksum."""
    to, port = facts["second"]
    header = struct.pack("!BBHHHBBH", 0x45, 0, 29, 1, 0, 64, 17, 0)
    header += socket.inet_aton("127.0.0.1") + socket.inet_aton(to)
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    header = header[:10] + struct.pack("!H", ~total & 0xFFFF) + header[12:]
    return header + struct.pack("!HHHH", 4000, port, 9, 0) + b"x"


def second_raw(facts):
    def send():
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as client:
            client.sendto(datagram(facts), (facts["second"][0], 0))

    say(*first_success(send))


def second_frame(facts):
    def send():
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as client:
            client.bind(("lo", 0))
            client.send(bytes(12) + b"\x08\x00" + datagram(facts))

    say(*first_success(send))


def raw_sockets(facts):
    def opened(*kind):
        socket.socket(*kind).close()

    say(
        *first_success(
            lambda: opened(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP),
            lambda: opened(socket.AF_PACKET, socket.SOCK_RAW, 0),
            lambda: opened(socket.AF_PACKET, socket.SOCK_DGRAM, 0),
            lambda: opened(socket.AF_INET, 10, 0),  # SOCK_PACKET
        )
    )


def odd_sockets(facts):
    def opened(*kind):
        socket.socket(*kind).close()

    say(
        *first_success(
            lambda: opened(40, socket.SOCK_STREAM),  # AF_VSOCK
            lambda: opened(38, socket.SOCK_SEQPACKET),  # AF_ALG
            lambda: opened(socket.AF_NETLINK, socket.SOCK_RAW, 12),  # NETLINK_NETFILTER
            lambda: opened(socket.AF_NETLINK, socket.SOCK_RAW, 9),  # NETLINK_AUDIT
        )
    )


def new_namespaces(facts):
    """A user namespace gives every capability in it, and half the kernel to attack."""
    new_user = 0x10000000

    def unshared():
        if libc.unshare(new_user) < 0:
            raise OSError(ctypes.get_errno(), "unshare")

    def mounted():
        if libc.mount(b"none", b".", b"tmpfs", 0, None) < 0:
            raise OSError(ctypes.get_errno(), "mount")

    say(*first_success(unshared, mounted))


def kernel_entries(facts):
    attributes = ctypes.create_string_buffer(128)
    say(
        *first_success(
            lambda: call(425, 8, attributes),  # io_uring_setup
            lambda: call(321 if os.uname().machine == "x86_64" else 280, 0, attributes, 128),  # bpf
            lambda: call(250 if os.uname().machine == "x86_64" else 219, 0, -3, 1),  # keyctl
            lambda: call(323 if os.uname().machine == "x86_64" else 282, 1),  # userfaultfd
        )
    )


def capabilities(facts):
    with open("/proc/self/status") as file:
        held = next(line.split()[1] for line in file if line.startswith("CapEff"))
    say(int(held, 16), "none" if not int(held, 16) else held)


if __name__ == "__main__":
    globals()[sys.argv[1]](json.loads(sys.argv[2]))
