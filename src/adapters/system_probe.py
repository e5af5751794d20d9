"""Questions to this host that change nothing: can a folder be written to, is a port free."""

import os
import socket

from ..domain.health import CheckResult, HealthStatus, Priority


def check_state_folder(path: str) -> CheckResult:
    """Whether the folder can be written to, or made; it is not made here."""
    existing = path
    while not os.path.lexists(existing) and existing not in ("", "/"):
        existing = os.path.dirname(existing)
    is_folder = os.path.isdir(existing)
    if is_folder and os.access(existing, os.W_OK | os.X_OK):
        message = path if existing == path else f"{path} (will be made)"
        return _result("state.dir", HealthStatus.HEALTHY, Priority.LOW, message)
    reason = "may not be written to" if is_folder else "is no folder"
    return _result(
        "state.dir",
        HealthStatus.DEGRADED,
        Priority.LOW,
        f"{path}: {existing} {reason}",
        "Set state.dir (MCP_STATE_DIR) to a folder of the server's user.",
    )


def check_port(port: int, *, needed: bool) -> CheckResult:
    """Whether the port is free, asked on loopback only. Not `needed`: the answer is a remark."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            # As a server would: connections of an earlier one that linger don't count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except OSError as error:
        message = f"port {port} can't be had: {error.strerror}"
        if not needed:
            message += " (of no matter over stdio)"
            return _result("server.port", HealthStatus.HEALTHY, Priority.INFORMATIONAL, message)
        return _result(
            "server.port",
            HealthStatus.UNHEALTHY,
            Priority.HIGH,
            message,
            "Stop what listens there, or set server.port (MCP_SERVER_PORT).",
        )
    return _result(
        "server.port", HealthStatus.HEALTHY, Priority.INFORMATIONAL, f"port {port} is free"
    )


def file_stamp(path: str) -> tuple[int, int, int, int] | None:
    """What changes when the file behind `path` is changed or replaced; None if there is none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


def _result(
    name: str, status: HealthStatus, priority: Priority, message: str, fix: str = ""
) -> CheckResult:
    return CheckResult(name=name, status=status, priority=priority, message=message, fix=fix)
