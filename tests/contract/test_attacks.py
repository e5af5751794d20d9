"""Known attacks, replayed against the product in the lab: no packet, no name, no file, no secret gets out.

The attacks are data, in tests/data/attacks.toml.
"""

import asyncio
import os
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from netsonde.domain.execution import Status, ToolOutput
from netsonde.domain.tools import TOOLS
from tests.contract.lab.access import Lab
from tests.contract.lab.capture import Capture
from tests.contract.lab_product import path_of, product, sent_beyond

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]


class Attack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request, what it would do to a careless service, and the rule that refuses it here."""

    id: str
    tool: str
    target: str
    extra_args: str = ""
    options: dict[str, Any] = {}
    env: dict[str, str] = {}
    effect: str
    rule: str
    shows: str = ""


_DATA: Final = tomllib.loads((Path(__file__).parents[1] / "data/attacks.toml").read_text())
ATTACKS: Final = msgspec.convert(_DATA["attack"], tuple[Attack, ...])
FORMS: Final[tuple[str, ...]] = tuple(_DATA["forms"])
SECRET: Final = "SECRET-TOKEN-abc123"
OWN_ZONES: Final = ("lab.internal", ".10.in-addr.arpa")
ALIAS: Final = "public.example"  # where cname-out.lab.internal leads, by the word of its own zone


class Trap(msgspec.Struct, frozen=True):
    """A folder of hostile files, and one in which they would leave their mark."""

    dir: Path
    out: Path

    def fill_in(self, text: str) -> str:
        return text.replace("{dir}", str(self.dir)).replace("{out}", str(self.out))

    def members(self, attack: Attack) -> dict[str, Any]:
        """The request as a caller sends it."""
        options = msgspec.json.decode(self.fill_in(msgspec.json.encode(attack.options).decode()))
        return {
            "target": self.fill_in(attack.target),
            "extra_args": self.fill_in(attack.extra_args),
            "options": options,
            "timeout_sec": 20,
        }

    def argv(self, attack: Attack) -> list[str]:
        """What a careless service would run."""
        words = f"{attack.tool} {attack.extra_args} {attack.target}"
        return self.fill_in(words).split()

    def sprung(self) -> list[str]:
        return sorted(path.name for path in self.out.iterdir())


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trap:
    """The hostile folder is also the server's working directory."""
    trap = Trap(tmp_path / "hostile", tmp_path / "out")
    trap.out.mkdir()
    mark = f'local file = io.open("{trap.out}/mark", "w") file:write("x") file:close()\n'
    fake_packets = f"#!/bin/sh\necho x > {trap.out}/mark\n"
    files = {
        "secret.txt": f"8.8.8.8\n{SECRET}\n",
        "t.lab.internal": "8.8.8.8\n",
        "batch.txt": "exfil.example.com\n",
        "evil.nse": f"{mark}categories = {{}}\nprerule = function() end\naction = prerule\n",
        "top.nse": mark,
        "e.lab.internal": mark,
        "nse/evil.nse": mark,
        "nse/script.db": "",
        "dd/nse_main.lua": mark,
        "nse_main.lua": mark,
        "x.so": "no library",
        "mp.sh": fake_packets,
        "bin/mtr-packet": fake_packets,
        ".digrc": "@8.8.8.8\n",
    }
    for name, text in files.items():
        path = trap.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    monkeypatch.chdir(trap.dir)
    return trap


@contextmanager
def watched(lab: Lab, allowed: tuple[str, ...]) -> Iterator[None]:
    """Fails if a packet leaves for an address, or a question for a name, that is not ours."""
    before = len(lab.queries())
    with Capture("eth0") as capture:
        yield
    assert sent_beyond(capture, *allowed, lab.dns) == set()
    asked = {query.name for query in lab.queries(since=before)}
    assert {name for name in asked if not name.endswith(OWN_ZONES)} <= {ALIAS}


def execute(tool: str, members: Mapping[str, Any]) -> ToolOutput:
    async def run() -> ToolOutput:
        return await product().execute(tool, members)

    return asyncio.run(run())


def check_harmless(lab: Lab, trap: Trap, attack: Attack, allowed: tuple[str, ...]) -> ToolOutput:
    with watched(lab, allowed):
        output = execute(attack.tool, trap.members(attack))
    answer = msgspec.json.encode(output).decode()
    assert trap.sprung() == []
    assert SECRET not in answer
    assert "cannot be preloaded" not in answer
    return output


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.id)
def test_the_product_lets_no_effect_through(
    attack: Attack, lab: Lab, trap: Trap, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in attack.env.items():
        monkeypatch.setenv(name, trap.fill_in(value))
    if attack.rule == "harmless":
        output = check_harmless(lab, trap, attack, (attack.target,))
        assert output.status is Status.SUCCESS
    else:
        output = check_harmless(lab, trap, attack, ())
        assert output.status is Status.REFUSED
        assert output.error is not None
        assert output.error.metadata["rule"].startswith(attack.rule)


def test_all_attacks_that_ever_had_an_effect_are_here() -> None:
    assert len([attack for attack in ATTACKS if not attack.options]) == 77
    assert len({attack.id for attack in ATTACKS}) == len(ATTACKS)


@pytest.mark.parametrize(
    "attack", [attack for attack in ATTACKS if attack.shows], ids=lambda attack: attack.id
)
def test_the_bare_program_has_the_effect_that_is_looked_for(
    attack: Attack, lab: Lab, trap: Trap
) -> None:
    before = len(lab.queries())
    with Capture("eth0") as capture:
        process = subprocess.Popen(
            trap.argv(attack),
            env={**os.environ, **{k: trap.fill_in(v) for k, v in attack.env.items()}},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            said, _ = process.communicate(timeout=1.5)
        except subprocess.TimeoutExpired:
            process.kill()
            said, _ = process.communicate()
    what, _, value = attack.shows.partition(" ")
    match what:
        case "packet":
            assert value in capture.reached
        case "query":
            assert any(query.name.endswith(value) for query in lab.queries(since=before))
        case "file":
            assert trap.sprung() != []
        case "secret":
            names = " ".join(query.name for query in lab.queries(since=before))
            assert SECRET in said.decode() or SECRET.lower() in names
        case "text":
            assert value in said.decode()
        case _:
            raise NotImplementedError(attack.shows)


@pytest.mark.parametrize("tool", [kind.command_name for kind in TOOLS])
def test_no_spelling_of_a_foreign_target_sends_a_packet(tool: str, lab: Lab) -> None:
    async def ask_all() -> list[ToolOutput]:
        run = product()
        return [await run.execute(tool, {"target": form, "timeout_sec": 5}) for form in FORMS]

    with watched(lab, ()):
        outputs = asyncio.run(ask_all())
    allowed = {
        output.target: output.status for output in outputs if output.status is not Status.REFUSED
    }
    # For dig, a name under the suffix is a question to the judged name server, whatever the answer.
    names = {
        "pub.lab.internal",
        "meta.lab.internal",
        "mixed.lab.internal",
        "cname-out.lab.internal",
    }
    assert allowed == (dict.fromkeys(names, Status.SUCCESS) if tool == "dig" else {})
    rules = {output.error.metadata["rule"].partition(".")[0] for output in outputs if output.error}
    assert rules == {"target"}


@pytest.mark.parametrize("tool", [kind.command_name for kind in TOOLS])
def test_no_variable_of_the_servers_environment_reaches_a_program(
    tool: str, lab: Lab, trap: Trap, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {
        "NMAP_ARGS": "8.8.8.8 -oN {out}/mark",
        "NMAPDIR": "{dir}/dd",
        "NMAP_PRIVILEGED": "1",
        "LD_PRELOAD": "{dir}/x.so",
        "LD_LIBRARY_PATH": "{dir}",
        "MTR_PACKET": "{dir}/mp.sh",
        "MTR_OPTIONS": "-F {dir}/secret.txt",
        "PATH": "{dir}/bin:" + os.environ["PATH"],
        "HOME": "{dir}",
        "RA_SERVER": "8.8.4.4",
        "LUA_PATH": "{dir}/?.lua;;",
        "LUA_PATH_5_3": "{dir}/?.lua;;",
        "LUA_INIT": "@{dir}/top.nse",
        "POSIXLY_CORRECT": "1",
        "LOCALDOMAIN": "attacker.example",
        "RES_OPTIONS": "ndots:9",
        "HOSTALIASES": "{dir}/secret.txt",
        "LANG": "de_DE.UTF-8",
        "LC_ALL": "C.UTF-8",
        "http_proxy": "http://8.8.8.8:1080",
        "SSLKEYLOGFILE": "{out}/mark",
        "OPENSSL_CONF": "{dir}/secret.txt",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, trap.fill_in(value))
    target = "foo.lab.internal" if tool == "dig" else lab.target
    extra_args = {"nmap": "-sC -p 80", "ping": "-c 1", "mtr": "-c 1 -G 0.2"}.get(tool, "")
    attack = Attack(
        id="", tool=tool, target=target, extra_args=extra_args, effect="any of these", rule=""
    )
    assert check_harmless(lab, trap, attack, (lab.target,)).status is Status.SUCCESS


@pytest.mark.parametrize("tool", ["nmap", "ping", "traceroute", "mtr"])
def test_a_name_that_changes_its_address_never_leads_a_program_astray(tool: str, lab: Lab) -> None:
    extra_args = {"nmap": "-sn", "traceroute": "-q 1 -m 3", "mtr": "-c 1 -G 0.2"}.get(tool, "-c 1")

    async def ask_often() -> list[ToolOutput]:
        run = product()
        members = {"target": "rebind.lab.internal", "extra_args": extra_args, "timeout_sec": 5}
        return [await run.execute(tool, members) for _ in range(6)]

    before = len(lab.queries())
    with watched(lab, (lab.web,)):
        outputs = asyncio.run(ask_often())
    ends = {output.status for output in outputs}
    assert ends == {Status.SUCCESS, Status.REFUSED}
    for output in outputs:
        if output.status is Status.REFUSED:
            assert output.error is not None
            assert output.error.metadata["rule"] == "target.rebinding"
        else:
            assert output.addresses == (lab.web,)
            assert output.command[-1] == lab.web
    asked = [query for query in lab.queries(since=before) if query.name.startswith("rebind")]
    assert len([query for query in asked if query.type == "A"]) == len(outputs)


def test_a_plain_program_would_be_led_astray_by_that_name(lab: Lab) -> None:
    with Capture("eth0") as capture:
        for _ in range(2):
            subprocess.run(
                [path_of("ping"), "-n", "-c1", "-W1", "rebind.lab.internal"],
                check=True,
                stdout=subprocess.DEVNULL,
            )
    assert {lab.web, lab.public} <= capture.reached
