"""The attacks, what each is called in docs/security.md, and how one is judged."""

import json
from typing import Any, Final

from .server import KEPT_BYTES, TIMEOUT_S, TOKEN

TITLES: Final = {
    "read_state": "read the state folder",
    "read_home": "read the home folder",
    "read_secrets": "read mounted secrets",
    "list_others": "see other processes' command lines",
    "read_environment": "read the server's environment",
    "read_memory": "read the server's memory (process_vm_readv, /proc/PID/mem, ptrace)",
    "server_descriptors": "open the server's files by /proc/PID/fd",
    "inherited_descriptors": "use a descriptor left open",
    "write_outside": "write, remove or plant files outside its directory",
    "symlinks": "escape by symbolic links, or have the clean-up follow them",
    "fill_bytes": "fill its directory with bytes",
    "fill_names": "leave 3,000 empty files behind",
    "fork_bomb": "fork bomb (200 processes)",
    "one_memory": "memory bomb, one process",
    "memory_bomb": "memory bomb, many processes",
    "descriptor_bomb": "descriptor bomb (2,000)",
    "output": "1 GiB of output",
    "reopen_streams": "close its streams and go on",
    "daemonise": "daemonise: own session, no streams, every signal ignored",
    "renamed": "daemonise under the name of a kernel thread",
    "stay": "outlive a server that gets SIGKILL",
    "signal_server": "signal the server",
    "unix_sockets": "connect to local services (abstract and named sockets)",
    "second_udp": "send to a second address by UDP",
    "second_tcp": "connect to a second address by TCP",
    "second_raw": "send to a second address by a raw socket that the plan needs",
    "second_frame": "send to a second address by a packet socket that the plan needs",
    "raw_sockets": "raw and packet sockets that the plan doesn't need",
    "odd_sockets": "other socket families (VSOCK, ALG, netfilter)",
    "new_namespaces": "make a user namespace, or mount",
    "kernel_entries": "io_uring, bpf, keyrings, userfaultfd",
    "capabilities": "keep a capability of the server",
}


# What only counts if this was got: process numbers mean other processes in another namespace.
_LOOT: Final = dict.fromkeys(
    ("read_state", "read_home", "read_secrets", "read_environment", "server_descriptors"), TOKEN
) | {"list_others": b"hostile.server"}


def verdict(attack: str, outcome: dict[str, Any], left: list[str]) -> tuple[bool, str]:
    """Whether the attack was stopped, and how that shows; from evidence before its own word."""
    assert outcome["how"] != "not_started", outcome["reason"]
    if outcome["how"] == "violated" and not outcome["harmed"]:
        return True, "held back, ended"
    if outcome["harmed"]:
        return False, outcome["harmed"]
    if left:
        return False, "left: " + ", ".join(left)
    if outcome["left"]:
        return False, "left files"
    if outcome["took_s"] > TIMEOUT_S + 2.5:
        return False, f"held the server for {outcome['took_s']:.1f} s"
    if attack == "output":
        bounded = outcome["kept_bytes"] <= KEPT_BYTES and outcome["grew_kib"] < 64 * 1024
        return bounded, f"{KEPT_BYTES >> 20} MiB kept, {outcome['total_bytes'] >> 20} counted"
    said = _said(outcome)
    if said is None:
        return True, _ending(outcome)
    if _LOOT.get(attack, TOKEN).hex() in said["said"]:
        return False, "got it"
    if said["won"] and (attack in _LOOT or attack == "signal_server"):
        return True, "found nobody else"
    return not said["won"], said["said"][:40]


def _said(outcome: dict[str, Any]) -> dict[str, Any] | None:
    lines = outcome["stdout"].splitlines()
    return dict(json.loads(lines[0])) if lines else None


def _ending(outcome: dict[str, Any]) -> str:
    if outcome["how"] == "timed_out":
        return "time limit"
    if outcome["returncode"] is not None and outcome["returncode"] < 0:
        return f"signal {-outcome['returncode']}"
    last = outcome["stderr"].strip().splitlines()[-1:] or [outcome["reason"]]
    return f"status {outcome['returncode']}: {last[0][:60]}"
