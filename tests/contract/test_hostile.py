"""What a hostile program gets away with, for every set of layers: docs/security.md is this table.

NETSONDE_TRIES says how often each attack is tried (1 unless set). With NETSONDE_ATTACKS=FILE the
outcomes are written there as JSON, for `python -m scripts.attack_table`.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.contract.hostile import attacks, program
from tests.contract.hostile.server import TOKEN
from tests.contract.lab_product import path_of

TRIES = int(os.environ.get("NETSONDE_TRIES", "1"))
WITHIN_S = 2.0
pytestmark = [] if os.environ.get("NETSONDE_ATTACK_UID") else [pytest.mark.lab]

# What each set can't stop, and is not claimed to. `full` has no such list.
EVERYTHING = set(attacks.TITLES)
NOT_STOPPED = {
    # No view, no filter, no namespace: what is stopped here is what limits and the sweep stop.
    "basic": EVERYTHING
    - {
        *("inherited_descriptors", "fill_bytes", "fill_names", "one_memory", "descriptor_bomb"),
        *("output", "reopen_streams", "daemonise", "renamed"),
    },
    # No namespace, no cgroup and no egress guard.
    "landlock": {
        *("list_others", "fork_bomb", "memory_bomb", "stay"),
        *("second_udp", "second_tcp", "second_raw", "second_frame"),
    },
    "full": set[str](),
    # Without cgroups memory is bounded for each process only.
    "user": {"memory_bomb"},
}
# The sealed world has one user, and he is root there. scripts/attack_table.py makes another kind of
# world, in which a server can run as a user like any other; it sets this.
USER = os.environ.get("NETSONDE_ATTACK_UID", "")
# The virtual environment's interpreter may be in a home folder, where that user can't go.
_ROOT = Path(__file__).parents[2]
_PLACES = (_ROOT, _ROOT / ".dev", Path(str(msgspec.__file__)).parents[1])
_PYTHONPATH = {"PYTHONPATH": os.pathsep.join(map(str, _PLACES))} if USER else {}


class Server:
    """A server under attack, in a process of its own."""

    def __init__(self, name: str, folder: Path) -> None:
        self._before = processes()
        as_user: tuple[str, ...] = ()
        layers, python = name, sys.executable
        if USER:
            layers, python = "full", "/usr/bin/python3"
            ids = (f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--inh-caps=-all")
            as_user = (path_of("setpriv"), *ids, "--")
        self._process = subprocess.Popen(
            (
                *as_user,
                *(python, "-m", "tests.contract.hostile.server", layers, str(folder)),
            ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **_PYTHONPATH, "NETSONDE_SECRET": TOKEN.decode()},
        )
        self.layers: list[tuple[str, bool, str]] = self._read()

    def attack(self, attack: str) -> tuple[bool, str]:
        """Whether it was stopped, and how that shows."""
        outcome = self._ask(attack)
        left = self._left_after(WITHIN_S, but_for=self._process.pid)
        return attacks.verdict(attack, outcome, left)

    def outlived(self) -> tuple[bool, str]:
        """The same for a server that is killed while the program runs. Ends this one."""
        self._ask("stay")
        self._process.kill()
        self._process.wait()
        left = self._left_after(WITHIN_S)
        return (False, "left: " + ", ".join(left)) if left else (True, "died with the server")

    def end(self) -> None:
        """End it and all that it left."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()
        try:
            self._process.wait(5)
        finally:
            self._process.kill()
            self._process.wait()
            for pid in processes().keys() - self._before.keys():
                with suppress(ProcessLookupError):
                    os.kill(pid, 9)

    def _ask(self, attack: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{attack}\n")
        self._process.stdin.flush()
        outcome: dict[str, Any] = self._read()
        return outcome

    def _read(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def _left_after(self, within_s: float, but_for: int = 0) -> list[str]:
        deadline_s = time.monotonic() + within_s
        while True:
            now = processes()
            left = [now[pid] for pid in now.keys() - self._before.keys() - {but_for}]
            if not left or time.monotonic() > deadline_s:
                return left
            time.sleep(0.01)


def processes() -> dict[int, str]:
    """Every process of this world but zombies, whose parents are not ours to hurry."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                name, _, rest = (entry / "stat").read_text().partition("(")[2].rpartition(")")
                if rest.split()[0] != "Z":
                    found[int(entry.name)] = name
    return found


@pytest.fixture(scope="module", params=["user"] if USER else ["basic", "landlock", "full"])
def layers(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The victim's folder; only `programs` in it is to be seen."""
    folder = tmp_path_factory.mktemp("victim")
    (folder / "programs").mkdir()
    text = Path(str(program.__file__)).read_text()
    python = "/usr/bin/python3" if USER else Path(sys.executable).resolve()
    (folder / "programs" / "program.py").write_text(f"#!{python} -IS\n{text}")
    (folder / "programs" / "program.py").chmod(0o755)
    if USER:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, int(USER), int(USER))
        for path in (folder.parent, folder.parent.parent):
            path.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def server(layers: str, folder: Path) -> Iterator[Server]:
    server = Server(layers, folder)
    wanted = {"basic": set(), "landlock": {"filesystem", "seccomp"}}.get(
        layers, {"filesystem", "seccomp", "pid_namespace"}
    )
    missing = [
        f"{name}: {why}" for name, active, why in server.layers if name in wanted and not active
    ]
    try:
        if missing:
            pytest.skip("; ".join(missing))
        yield server
    finally:
        server.end()


@pytest.fixture(scope="module")
def told() -> Iterator[Callable[[str, str, bool, str], None]]:
    """Keeps outcomes for the table."""
    outcomes: dict[str, dict[str, tuple[bool, str]]] = {}

    def tell(attack: str, layers: str, stopped: bool, how: str) -> None:
        before = outcomes.setdefault(attack, {}).get(layers, (True, how))
        outcomes[attack][layers] = (before[0] and stopped, before[1] if not before[0] else how)

    yield tell
    if path := os.environ.get("NETSONDE_ATTACKS"):
        Path(path).write_text(json.dumps(outcomes))


@pytest.mark.parametrize("attack", attacks.TITLES)
def test_a_hostile_program_is_stopped_by_every_layer_that_is_said_to(
    attack: str,
    layers: str,
    server: Server,
    folder: Path,
    told: Callable[[str, str, bool, str], None],
) -> None:
    for _ in range(TRIES):
        if attack == "stay":
            doomed = Server(layers, folder)
            try:
                stopped, how = doomed.outlived()
            finally:
                doomed.end()
                for left in (folder / "runs").iterdir():
                    shutil.rmtree(left)
        else:
            stopped, how = server.attack(attack)
        told(attack, layers, stopped, how)
        assert stopped or attack in NOT_STOPPED[layers], how
