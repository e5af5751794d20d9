"""The command itself, as a process: what only shows outside of the interpreter of the tests."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

LOOPBACK = {"MCP_SECURITY_ALLOWED_NETWORKS": "127.0.0.0/8", "MCP_STATE_DIR": "/nonexistent"}
BOUND_S = 30.0


def environment(**more: str) -> dict[str, str]:
    """The tests' own, without settings of netsonde in it."""
    mine = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("MCP_", "TOOL", "LOG_LEVEL"))
    }
    return mine | more


def netsonde(*words: str, stdin: str = "", **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "netsonde", *words],
        env=environment(**environ),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )


@contextmanager
def started(*words: str, **environ: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "netsonde", *words],
        env=environment(**environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def running(marker: str) -> list[int]:
    """Processes with `marker` on their command line, this one apart."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if marker.encode() in words:
                found.append(int(entry.name))
    return found


def test_version_and_the_entry_point_agree() -> None:
    done = netsonde("--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "netsonde")


@pytest.mark.lab
def test_a_real_ping_is_reported() -> None:
    done = netsonde("run", "ping", "127.0.0.1", "--json", "--", "-c", "1", **LOOPBACK)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["status"] == "success"
    assert answer["result"]["received"] == 1
    assert answer["addresses"] == ["127.0.0.1"]
    assert done.stderr == ""


@pytest.mark.lab
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_program_and_the_answer_says_so(number: signal.Signals) -> None:
    marker = f"{os.getpid():08x}{number:02x}"
    words = ("run", "ping", "127.0.0.1", "--json", "--", "-c", "100", "-p", marker)
    with started(*words, LOG_LEVEL="INFO", **LOOPBACK) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "tool.start" in line:
                break
        process.send_signal(number)
        out, _ = process.communicate(timeout=BOUND_S)
        assert process.returncode == 130
    assert json.loads(out)["status"] == "cancelled"
    assert running(marker) == []


def test_settings_that_are_wrong_end_with_2_and_name_every_problem(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("[security]\nallowed_netwroks = []\n")
    for words in ((), ("serve",), ("tools",), ("config",), ("plan", "ping", "10.0.0.1")):
        done = netsonde(*words, MCP_CONFIG_FILE=str(path), MCP_SECURITY_X="1")
        assert done.returncode == 2
        assert done.stdout == ""
        assert f"netsonde: {path}: security.allowed_netwroks is unknown" in done.stderr
        assert "netsonde: MCP_SECURITY_X: is unknown" in done.stderr
        assert "Traceback" not in done.stderr


def test_doctor_works_where_the_settings_do_not() -> None:
    done = netsonde("doctor", "--json", MCP_SECURITY_X="1")
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert answer["status"] == "unhealthy"
    (wrong,) = (check for check in answer["checks"] if check["name"] == "settings")
    assert "MCP_SECURITY_X" in wrong["message"]


def test_doctor_tells_of_every_program_layer_and_privilege() -> None:
    done = netsonde("doctor", "--json", TOOL_INCLUDE="PingTool,DigTool")
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert {"program.ping", "program.dig", "server.port", "state.dir", "settings"} <= set(checks)
    assert {"privileges.raw_sockets", "sandbox.resource_limits"} <= set(checks)
    assert all(check["fix"] for check in checks.values() if check["status"] != "healthy")


def test_config_tells_the_source_of_each_setting() -> None:
    done = netsonde("config", "--json", MCP_AUTH_TOKEN="geheim", MCP_DEFAULT_TIMEOUT_SEC="9999")
    assert done.returncode == 0
    assert "geheim" not in done.stdout + done.stderr
    assert "config_clamped param=tool.default_timeout original=9999 new=3600" in done.stderr
    shown = json.loads(done.stdout)
    assert shown["tool.default_timeout"]["value"] == 3600
    assert shown["tool.default_timeout"]["source"] == "MCP_DEFAULT_TIMEOUT_SEC"
    assert shown["security.auth_token"]["value"] == "***"
    assert shown["server.transport"]["source"] == "default"


def test_a_reader_that_goes_away_is_no_error_worth_a_traceback() -> None:
    with started("tools") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()
        assert process.wait(BOUND_S) in (0, 1)


def test_a_batch_from_standard_input_needs_no_network() -> None:
    lines = '{"tool":"ping","target":"10.0.0.1","expect":"allow"}\n{"tool":"ping","target":"8.8.8.8","expect":"allow"}\n'
    done = netsonde("plan", "--batch", "-", stdin=lines)
    assert done.returncode == 1
    assert [json.loads(line)["verdict"] for line in done.stdout.splitlines()] == [
        "allowed",
        "refused",
    ]
    assert "line 2: wanted allowed" in done.stderr


def test_a_server_on_stdio_does_not_import_what_only_people_need() -> None:
    script = (
        "import sys\n"
        "from netsonde.bootstrap.main import main\n"
        "status = main([])\n"
        "print(status, *sorted(sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )
    status, *modules = done.stderr.splitlines()[-1].split()
    assert status == "0"
    assert done.stdout == ""
    ours = {"netsonde.adapters.cli", "rich", "dns", "tomllib", "litestar", "uvloop", "psutil"}
    assert not ours & set(modules)  # click is imported by the SDK all the same


def test_on_a_terminal_it_says_what_it_waits_for() -> None:
    leader, follower = pty.openpty()
    try:
        with subprocess.Popen(
            [sys.executable, "-m", "netsonde"],
            env=environment(),
            stdin=follower,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None
            assert "waits for an MCP client" in process.stderr.readline()
            os.write(leader, b"\x04")  # Ctrl-D
            out, _ = process.communicate(timeout=BOUND_S)
            assert (process.returncode, out) == (0, "")
    finally:
        os.close(leader)
        os.close(follower)


def test_to_listen_elsewhere_without_a_token_is_a_usage_error() -> None:
    done = netsonde("serve", "--transport", "http", "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
