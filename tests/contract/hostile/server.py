"""A server to be attacked, with all that a real one has: environment, memory, state, home, sockets.

Reads names of attacks, a line each, and answers each with a line of JSON: what became of it.

    python -m tests.contract.hostile.server SET FOLDER
"""

import asyncio
import ctypes
import json
import os
import resource
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

from netsonde.adapters.process.subprocess_runner import SubprocessRunner
from netsonde.application.ports import Ended
from netsonde.domain.plan import Limits, Plan
from tests.contract.runner.layer_sets import made

TOKEN = b"attack-me-if-you-can"
MEMORY_MIB, TIMEOUT_S = 320, 6.0
PROCESSES = 64
KEPT_BYTES = 1 << 20
STAYS = "stay"
RAW = ("second_raw", "second_frame")
SECOND = "127.0.0.2"


class Victim:
    """What is to be protected, and the evidence of an attack on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.outside = folder / "outside"
        self.signals = 0
        signal.signal(signal.SIGUSR1, self._note_signal)
        for place in ("state", "home", "secrets", "outside"):
            (folder / place).mkdir(exist_ok=True)
            (folder / place / "precious").write_bytes(TOKEN)
        self._memory = ctypes.create_string_buffer(TOKEN, 64)
        # As a library may do it that doesn't know better: inheritable, and open to /proc/PID/fd.
        self._descriptor = os.open(folder / "state" / "precious", os.O_RDONLY)
        os.set_inheritable(self._descriptor, True)
        self._abstract = socket.socket(socket.AF_UNIX)
        self._abstract.bind(f"\0netsonde-victim-{os.getpid()}")
        self._named = socket.socket(socket.AF_UNIX)
        self._named.bind(str(folder / "outside" / f"socket-{os.getpid()}"))
        # A second host, as far as a plan is concerned.
        self._second = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._second.bind((SECOND, 0))
        self._second_tcp = socket.socket()
        self._second_tcp.bind(self._second.getsockname())
        for listener in (self._abstract, self._named, self._second_tcp):
            listener.listen()
        for one in (self._abstract, self._named, self._second_tcp, self._second):
            one.setblocking(False)

    def facts(self) -> str:
        return json.dumps(
            {
                "pid": os.getpid(),
                "address": ctypes.addressof(self._memory),
                "descriptor": self._descriptor,
                "abstract": self._abstract.getsockname()[1:].decode(),
                "socket": self._named.getsockname(),
                "state": str(self.folder / "state" / "precious"),
                "home": str(self.folder / "home" / "precious"),
                "secret": str(self.folder / "secrets" / "precious"),
                "outside": str(self.outside),
                "second": self._second.getsockname(),
            }
        )

    def harmed(self) -> str:
        """What can be seen of an attack from here; empty if nothing."""
        signals, self.signals = self.signals, 0
        accepted = [_accepted(listener) for listener in (self._abstract, self._named)]
        reached = _heard(self._second) or _accepted(self._second_tcp)
        created = self.outside / "created"
        created_there = created.exists()
        created.unlink(missing_ok=True)
        gone = not (self.outside / "precious").exists()
        (self.outside / "precious").write_bytes(TOKEN)
        evidence = {
            "signalled": signals,
            "connected": any(accepted),
            "reached": reached,
            "created": created_there,
            "removed": gone,
        }
        return ", ".join(name for name, seen in evidence.items() if seen)

    def _note_signal(self, *_: object) -> None:
        self.signals += 1


def _accepted(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def _heard(listener: socket.socket) -> bool:
    try:
        return bool(listener.recv(64))
    except BlockingIOError:
        return False


async def serve(layers: str, folder: Path) -> None:
    victim = Victim(folder)
    # Its programs' folder is all that they may see of ours.
    chain = made(layers, folder / "programs", max_processes=PROCESSES)
    base = folder / "runs"
    base.mkdir(exist_ok=True)
    runner = SubprocessRunner(chain, base_dir=str(base))
    print(
        json.dumps([[layer.name, layer.active, layer.reason] for layer in chain.layers()]),
        flush=True,
    )
    for line in sys.stdin:
        attack = line.strip()
        program = str(folder / "programs" / "program.py")
        plan = _plan(
            *(program, attack, victim.facts()),
            timeout_s=600 if attack == STAYS else TIMEOUT_S,
            raw=attack in RAW,
        )
        before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started_s = time.monotonic()
        heard = (lambda _: print("{}", flush=True)) if attack == STAYS else None
        ended = await runner.run(plan, heard)
        outcome = {
            "took_s": time.monotonic() - started_s,
            "grew_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib,
            "harmed": victim.harmed(),
            "left": [name for name in os.listdir(base)],
            **_told(ended),
        }
        print(json.dumps(outcome), flush=True)


def _told(ended: Ended) -> dict[str, Any]:
    return {
        "how": ended.how,
        "returncode": ended.returncode,
        "stdout": ended.stdout.data[:20_000].decode("utf-8", "replace"),
        "total_bytes": ended.stdout.total_bytes,
        "kept_bytes": len(ended.stdout.data),
        "stderr": ended.stderr.data[-2000:].decode("utf-8", "replace"),
        "reason": ended.reason,
    }


def _plan(*argv: str, timeout_s: float, raw: bool) -> Plan:
    return Plan(
        tool="hostile",
        target="127.0.0.1",
        argv=argv,
        addresses=("127.0.0.1",),
        host_count=1,
        needs_raw_sockets=raw,
        limits=Limits(
            timeout_s=timeout_s,
            max_stdout_bytes=KEPT_BYTES,
            max_stderr_bytes=64 * 1024,
            max_memory_bytes=MEMORY_MIB << 20,
            max_file_descriptors=256,
            max_cpu_s=20,
        ),
    )


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2])))
