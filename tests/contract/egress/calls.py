"""Programs that use the calls which a guard makes in their stead, each telling in JSON what came back."""

HEAD = """
import ctypes, errno, json, os, signal, socket, struct, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)

def name(number):
    return errno.errorcode.get(number, number)

def raw(address, port):
    return struct.pack("=H", 2) + struct.pack("!H4s8x", port, socket.inet_aton(address))

def connected(made, address, port):
    result = libc.connect(made.fileno(), raw(address, port), 16)
    return name(ctypes.get_errno()) if result < 0 else result

def stream(**options):
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM)

def say(**facts):
    print(json.dumps(facts), flush=True)

web = sys.argv[1]
"""

CONNECTING = """
made = stream()
first = connected(made, web, 22)
again = connected(made, web, 22)
banner = made.recv(4).decode()
refused = connected(stream(), web, 81)
late = stream()
late.setblocking(False)
at_once = connected(late, web, 22)
bounded = stream()
bounded.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("=qq", 0, 100_000))
timed_out = connected(bounded, web, 9999)
signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 0.1)
interrupted = connected(stream(), web, 9999)
no_socket = connected(sys.stdout, web, 22)
say(first=first, again=again, banner=banner, refused=refused, at_once=at_once,
    timed_out=timed_out, interrupted=interrupted, no_socket=no_socket,
    no_descriptor=name(-libc.connect(250, raw(web, 22), 16) and ctypes.get_errno()),
    no_memory=name(-libc.connect(made.fileno(), ctypes.c_void_p(8), 16) and ctypes.get_errno()),
    too_long=name(-libc.connect(made.fileno(), raw(web, 22), 129) and ctypes.get_errno()))
"""

SENDING = """
port = int(sys.argv[2])
made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
here = ("127.0.0.1", port)

def tried(send):
    try:
        return send()
    except OSError as error:
        return name(error.errno)

largest = tried(lambda: made.sendto(b"x" * 65507, here))
too_large = tried(lambda: made.sendto(b"x" * 65508, here))
huge = tried(lambda: made.sendto(b"x" * 100_000, here))
empty = tried(lambda: made.sendto(b"", here))
pieces = tried(lambda: made.sendmsg([b"ab"] * 1000, [], 0, here))
too_many = tried(lambda: libc.sendmsg and made.sendmsg([b"ab", b"c" * 70_000], [], 0, here))
ttl = tried(lambda: made.sendmsg([b"t"], [(0, 2, struct.pack("=i", 9))], 0, here))
nobody = tried(lambda: made.sendmsg([b"n"]))
made.connect(here)
to_peer = tried(lambda: made.sendmsg([b"p"]))
kept = [ctypes.create_string_buffer(b"m%02d" % number) for number in range(40)]
lines = [ctypes.create_string_buffer(struct.pack("=QQ", ctypes.addressof(one), 3)) for one in kept]
vector = ctypes.create_string_buffer(b"".join(
    struct.pack("=Qi4xQQQQi4xI4x", 0, 0, ctypes.addressof(line), 1, 0, 0, 0, 0) for line in lines))
many = libc.sendmmsg(made.fileno(), vector, 40, 0)
lengths = [struct.unpack_from("=I", vector, 64 * at + 56)[0] for at in range(40)]
def routing():
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
question = struct.pack("=IHHIIB3x", 20, 18, 0x301, 1, 0, 0)
answers = [tried(lambda: send(one) and len(one.recv(65536)) > 20) for one, send in (
    (routing(), lambda one: one.sendto(question, (0, 0))),
    (routing(), lambda one: one.sendmsg([question])))]
say(largest=largest, too_large=too_large, huge=huge, empty=empty, pieces=pieces,
    too_many=too_many, ttl=ttl, nobody=nobody, to_peer=to_peer, many=many, lengths=lengths,
    answers=answers, stranger=tried(lambda: routing().sendto(question, (1, 0))))
"""

STREAMING = """
made = stream()
made.connect((web, 80))
rest = memoryview(b"GET /" + b"x" * 40_000 + b" HTTP/1.0\\r\\n" + (b"A: " + b"y" * 30_000 + b"\\r\\n") * 5 + b"\\r\\n")
sizes = []
while rest:
    sizes.append(made.sendmsg([rest]))
    rest = rest[sizes[-1]:]
say(sizes=sizes, answer=made.recv(8).decode())
"""

# Each waits for a host that drops everything; the last for as long as it is let.
MANY_WAITING = """
threading.stack_size(1 << 18)
told, lock = [], threading.Lock()
def wait():
    result = connected(stream(), web, 9999)
    with lock:
        told.append(result)
        if len(told) == 16:
            say(told=told)
for _ in range(80):
    threading.Thread(target=wait, daemon=True).start()
time.sleep(1000)
"""

# Makes the server's connect(2) wait: between its asking not to wait and the call, another thread asks
# to wait. Each child has one try, which some one of them wins.
CATCHING_THE_SERVER = """
import fcntl
for _ in range(30):
    if os.fork() == 0:
        made = stream()
        def flip(number=made.fileno(), call=fcntl.fcntl):
            while True:
                call(number, 4, 2)
        threading.Thread(target=flip, daemon=True).start()
        connected(made, web, 9999)
        os._exit(0)
time.sleep(1000)
"""

WAITING = """
say(ready=True)
connected(stream(), web, 9999)
"""

SENDS_WHEN_READY = """
made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
say(ready=True)
made.sendto(b"served", ("127.0.0.1", int(sys.argv[2])))
"""

SENDS_FOR_EVER = """
made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
say(result=libc.sendto(made.fileno(), b"x", 1, 0, raw("127.0.0.1", 9), 16))
sys.stdin.read(1)
say(result=libc.sendto(made.fileno(), b"x", 1, 0, raw("127.0.0.1", 9), 16),
    error=name(ctypes.get_errno()))
"""

FROM_A_THREAD = """
made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
said = {}
def send():
    said["sent"] = made.sendto(b"thread", ("127.0.0.1", int(sys.argv[2])))
thread = threading.Thread(target=send)
thread.start()
thread.join()
signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 0.1)
say(**said, interrupted=connected(stream(), web, 9999))
"""

FILLS_A_STREAM = """
made = stream()
made.connect(("127.0.0.1", int(sys.argv[2])))

def sent(flags=0):
    try:
        return made.sendmsg([b"x" * 50_000], [], flags)
    except OSError as error:
        return name(error.errno)

while sent(socket.MSG_DONTWAIT) != "EAGAIN":
    pass
made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("=qq", 0, 100_000))
timed_out = sent()
made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("=qq", 0, 0))
say(timed_out=timed_out)
say(goes_on=sent() in range(1, 50_001))
"""
