"""Small programs that a runner must be able to end, written out as scripts."""

import sys
from pathlib import Path

from netsonde.adapters.privileges import look_up_privileges
from netsonde.adapters.programs import InstalledPrograms
from netsonde.domain.plan import Limits, Plan

MIB = 1 << 20

PYTHON = f"#!{sys.executable} -I\nimport os, signal, sys, time\n"
SHELL = "#!/bin/sh\n"

# One process: an ignored signal stays ignored through exec.
IGNORES_SIGTERM = SHELL + "trap '' TERM\necho ready\nexec sleep 1000\n"

# Leaves its parent, its group and its session, and keeps standard output open.
LEAVES_HOLDING_STDOUT = (
    PYTHON
    + """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(1, b"away\\n")
        time.sleep(1000)
    os._exit(0)
os.wait()
print("done", flush=True)
"""
)
LEAVES_CLOSING_STDOUT = LEAVES_HOLDING_STDOUT.replace(
    'os.write(1, b"away\\n")', "os.closerange(0, 3)"
)
LEAVES_AND_STAYS = LEAVES_HOLDING_STDOUT + "time.sleep(1000)\n"

# Never in one process for long: each generation starts the next and ends.
COMET = (
    PYTHON
    + """
for generation in range(3000):
    if os.fork():
        os._exit(0)
    os.setsid()
"""
)

# Many at once, each the child of the one before, each in a session of its own.
LADDER = (
    PYTHON
    + """
for rung in range(40):
    if os.fork():
        time.sleep(1000)
    os.setsid()
print("ready", flush=True)
time.sleep(1000)
"""
)

TELLS_ABOUT_ITSELF = (
    PYTHON
    + """
import ctypes, json
deathsig = ctypes.c_int()
ctypes.CDLL(None).prctl(2, ctypes.byref(deathsig))  # PR_GET_PDEATHSIG
files = {}
for number in range(1024):  # not listed: Landlock lets nobody list /proc
    try:
        files[number] = os.readlink(f"/proc/self/fd/{number}").partition(":")[0]
    except OSError:
        pass
print(json.dumps({
    "environment": open("/proc/self/environ").read().split("\\0")[:-1],
    "files": files,
    "directory": os.getcwd(),
    "directory_mode": os.stat(".").st_mode & 0o777,
    "directory_content": os.listdir("."),
    "session": os.getsid(0),
    "arguments": sys.argv[1:],
    "stdin": sys.stdin.read(),
    "death_signal": deathsig.value,
    "status": open("/proc/self/status").read(),
    "limits": open("/proc/self/limits").read(),
}))
"""
)


def written(directory: Path, name: str, text: str) -> str:
    """The path of a script that does what `text` says."""
    path = directory / name
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def plan_for(
    *argv: str,
    timeout_s: float = 20.0,
    max_stdout_bytes: int = MIB,
    max_memory_bytes: int = 512 * MIB,
    max_cpu_s: int = 20,
    reads_report: bool = False,
    program_sha256: str = "",
    needs_raw_sockets: bool = False,
    addresses: tuple[str, ...] = ("127.0.0.1",),
) -> Plan:
    """A plan as no policy would let through."""
    return Plan(
        tool="hostile",
        target="127.0.0.1",
        argv=argv,
        addresses=addresses,
        host_count=1,
        reads_report=reads_report,
        program_sha256=program_sha256,
        needs_raw_sockets=needs_raw_sockets,
        limits=Limits(
            timeout_s=timeout_s,
            max_stdout_bytes=max_stdout_bytes,
            max_stderr_bytes=64 * 1024,
            max_report_bytes=64 * 1024,
            max_memory_bytes=max_memory_bytes,
            max_file_descriptors=256,
            max_cpu_s=max_cpu_s,
        ),
    )


def loopback_programs(directory: Path) -> dict[str, tuple[str, ...]]:
    """Command lines that run for long, on loopback only, and say something at once."""
    find = InstalledPrograms().find
    scan = ("-n", "-sT", "-Pn", "-p-", "--max-rate", "5", "127.0.0.1")
    programs: dict[str, tuple[str, ...]] = {
        "nmap": (find("nmap") or "", *scan),
        "ignores_sigterm": (written(directory, "ignores", IGNORES_SIGTERM),),
        "leaves": (written(directory, "leaves", LEAVES_AND_STAYS),),
    }
    privileges = look_up_privileges()
    if privileges.raw_sockets or privileges.icmp_sockets:
        programs["ping"] = (find("ping") or "", "-n", "127.0.0.1")
    return programs
