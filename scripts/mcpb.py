"""Builds dist/netsonde-VERSION.mcpb, the bundle that MCP clients install by a click, and tries it out.

The server type is uv: several of our packages are compiled, so that a bundle which carries them would be
good for one platform and one Python. This one carries our own code and a lock file with hashes; the
client's uv fetches the packages at the first start.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from netsonde.bootstrap.version import VERSION
from netsonde.domain.tools import TOOLS

_TOP = Path(__file__).parent.parent
_TEMPLATES = _TOP / "deploy" / "mcpb"
_MCPB = "@anthropic-ai/mcpb@2.1.2"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file can tell: equal trees, equal bundles
_TRY_TIMEOUT_S = 300.0  # the first start downloads some 70 packages


class Unfit(Exception):
    """A bundle that a client would not install, or that would not start."""


def manifest() -> dict[str, Any]:
    """The template with what the code knows better: the version and the tools."""
    made: dict[str, Any] = json.loads((_TEMPLATES / "manifest.json").read_text())
    made["version"] = VERSION
    made["tools"] = [{"name": kind().name, "description": kind().description} for kind in TOOLS]
    return made


def pyproject() -> str:
    """That of the bundle: our requirements, held to the versions that `make lock` found.

    `package = false`: nothing is built on the user's computer, so that no build back end is fetched.
    """
    project = tomllib.loads((_TOP / "pyproject.toml").read_text())["project"]
    lines = [
        "[project]",
        'name = "netsonde-bundle"',
        f'version = "{VERSION}"',
        f"requires-python = {json.dumps(project['requires-python'])}",
        f"dependencies = {json.dumps(project['dependencies'], indent=4)}",
        "",
        "[tool.uv]",
        "package = false",
        "environments = [\"sys_platform == 'linux'\"]",
        f"constraint-dependencies = {json.dumps(sorted(pins()), indent=4)}",
    ]
    return "\n".join(lines) + "\n"


def pins() -> Iterator[str]:
    """The requirements that requirements/run.txt pins, without their hashes."""
    for line in (_TOP / "requirements" / "run.txt").read_text().splitlines():
        if line and not line.startswith((" ", "#")):
            yield line.rstrip(" \\")


def stage(folder: Path) -> None:
    """Lay out the bundle's files in `folder`, all but the lock file."""
    shutil.copytree(
        _TOP / "src",
        folder / "server" / "netsonde",
        ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"),
    )
    shutil.copy(_TEMPLATES / "main.py", folder / "server" / "main.py")
    shutil.copy(_TOP / "LICENSE", folder / "LICENSE")
    (folder / "manifest.json").write_text(json.dumps(manifest(), indent=2) + "\n")
    (folder / "pyproject.toml").write_text(pyproject())


def lock(folder: Path) -> None:
    """Write uv.lock: the versions of requirements/run.txt, with a hash for every file."""
    uv = shutil.which("uv", path=_path())
    if uv is None:
        raise Unfit("uv is not installed (pip install uv)")
    subprocess.run([uv, "lock", "--quiet", "--directory", folder], check=True)


def problems(folder: Path) -> Iterator[str]:
    """What is wrong with an unpacked bundle, beyond what the manifest's schema can say."""
    told = json.loads((folder / "manifest.json").read_text())
    server = told["server"]
    if told["version"] != VERSION:
        yield f"manifest.json: version {told['version']} is not {VERSION}"
    if [tool["name"] for tool in told["tools"]] != [kind().name for kind in TOOLS]:
        yield "manifest.json: its tools are not ours"
    for name in (server["entry_point"], "pyproject.toml", "uv.lock", "LICENSE"):
        if not (folder / name).is_file():
            yield f"{name} is missing"
    for name, option in told["user_config"].items():
        if f"${{user_config.{name}}}" not in server["mcp_config"]["env"].values():
            yield f"manifest.json: user_config.{name} is not used"
        if "default" not in option:  # clients then hand the text ${user_config...} on as it is
            yield f"manifest.json: user_config.{name} has no default"
    locked = tomllib.loads((folder / "uv.lock").read_text())["package"]
    pinned = {pin.split(";")[0].strip() for pin in pins()}
    for package in locked:
        if "registry" in package["source"]:
            if f"{package['name']}=={package['version']}" not in pinned:
                yield f"uv.lock: {package['name']} {package['version']} is not the one of run.txt"
            if not all("hash" in file for file in package.get("wheels", [])):
                yield f"uv.lock: {package['name']} has files without a hash"


def pack(folder: Path, bundle: Path) -> None:
    """Write `bundle`; the same tree gives the same bytes."""
    bundle.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(bundle, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                member = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
                member.compress_type = zipfile.ZIP_DEFLATED
                member.external_attr = 0o100644 << 16
                archive.writestr(member, path.read_bytes())


def unpack(bundle: Path, folder: Path) -> None:
    """As a client does it; `Unfit` for a member that would leave `folder`."""
    with zipfile.ZipFile(bundle) as archive:
        for name in archive.namelist():
            if not (folder / name).resolve().is_relative_to(folder.resolve()):
                raise Unfit(f"{name} leaves the bundle's folder")
        archive.extractall(folder)


def validate_by_mcpb(folder: Path) -> None:
    """Ask the format's own tool, where npm can fetch it; else say that it was not asked."""
    npm = shutil.which("npm")
    if npm is None:
        print("mcpb: npm is not installed; the format's own tool was not asked", file=sys.stderr)
        return
    node = _TOP / ".node"
    node.mkdir(exist_ok=True)
    tool = node / "node_modules" / ".bin" / "mcpb"
    if not tool.exists():
        quiet = ("--no-fund", "--no-audit", "--loglevel=error")
        subprocess.run([npm, "install", "--prefix", node, *quiet, _MCPB], check=True)
    subprocess.run([tool, "validate", folder / "manifest.json"], check=True)


def command(
    told: dict[str, Any], folder: Path, chosen: dict[str, str]
) -> tuple[list[str], dict[str, str]]:
    """The command line and the environment that a client makes of the manifest `told`.

    `chosen` are the user's answers; each option that is not among them has its default.
    """
    values = {"__dirname": str(folder)}
    for name, option in told["user_config"].items():
        default = option["default"]
        text = str(default).lower() if isinstance(default, bool) else str(default)
        values[f"user_config.{name}"] = chosen.get(name, text)

    def filled(text: str) -> str:
        for name, value in values.items():
            text = text.replace(f"${{{name}}}", value)
        return text

    config = told["server"]["mcp_config"]
    environment = {name: filled(text) for name, text in config["env"].items()}
    return [config["command"], *(filled(word) for word in config["args"])], environment


def _path() -> str:
    """Where programs are looked up: beside this Python first, where `make mcpb` puts uv."""
    return f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"


def try_out(bundle: Path) -> None:
    """Unpack it, start it as a client would, and talk MCP to it: the tools, and a refusal."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "netsonde"
        unpack(bundle, folder)
        told = json.loads((folder / "manifest.json").read_text())
        argv, environment = command(told, folder, {"allowed_networks": "192.0.2.0/24"})
        answers = _converse(argv, os.environ | environment | {"PATH": _path()})
    names = [tool["name"] for tool in answers[2]["result"]["tools"]]
    if names != [kind().name for kind in TOOLS]:
        raise Unfit(f"tools/list: {names}")
    refusal = answers[3]["result"]["structuredContent"]["error"]
    if refusal["metadata"].get("rule") != "target.not_allowed":
        raise Unfit(f"10.0.0.1 was not refused by the network that was chosen: {refusal}")
    server = answers[1]["result"]["serverInfo"]
    print(f"mcpb: {server['name']} {server['version']} starts from the bundle: {', '.join(names)}")


def _converse(argv: list[str], environ: dict[str, str]) -> dict[int, dict[str, Any]]:
    """The answers by id to: initialize, tools/list, and a call outside the chosen networks."""
    client = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "scripts.mcpb", "version": VERSION},
    }
    call = {"name": "PingTool", "arguments": {"target": "10.0.0.1"}}
    messages: tuple[dict[str, Any], ...] = (
        {"id": 1, "method": "initialize", "params": client},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/list", "params": {}},
        {"id": 3, "method": "tools/call", "params": call},
    )
    answers: dict[int, dict[str, Any]] = {}
    server = subprocess.Popen(
        argv, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    too_long = threading.Timer(_TRY_TIMEOUT_S, server.kill)
    too_long.start()
    with server:
        assert server.stdin is not None
        assert server.stdout is not None
        for message in messages:
            server.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        server.stdin.flush()
        for line in server.stdout:
            answer = json.loads(line)
            if "id" in answer:
                answers[answer["id"]] = answer
            if len(answers) == 3:
                break
        server.stdin.close()
        server.wait()
    too_long.cancel()
    if len(answers) != 3:
        raise Unfit(f"the server ended with {server.returncode} after {len(answers)} answers")
    return answers


def main(words: list[str]) -> int:
    """Build, validate, try out; 1 and a line for each problem if the bundle is unfit."""
    parser = argparse.ArgumentParser(prog="python -m scripts.mcpb", description=__doc__)
    parser.add_argument("--no-try", action="store_true", help="do not start what was built")
    given = parser.parse_args(words)
    bundle = _TOP / "dist" / f"netsonde-{VERSION}.mcpb"
    try:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            stage(folder)
            lock(folder)
            if found := list(problems(folder)):
                raise Unfit("\n".join(found))
            validate_by_mcpb(folder)
            pack(folder, bundle)
        if not given.no_try:
            try_out(bundle)
    except Unfit as error:
        print(f"mcpb: {error}", file=sys.stderr)
        return 1
    print(f"mcpb: wrote {bundle.relative_to(_TOP)}, {bundle.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
