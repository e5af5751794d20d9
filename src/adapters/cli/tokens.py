"""`netsonde token`: makes access tokens, and the lines of the tokens file that let them in."""

import json
import secrets
import sys
from typing import Any

import click

from ...application.credentials import Flawed, read_credentials
from ...application.tokens import LONGEST_TOKEN, digest_of, object_to_token
from ...domain.access import Scope
from .screen import remark, show_json
from .start import Starter

PREFIX = "nsd_"  # so that scanners for leaked secrets, and people, know it when they see it
_RANDOM_BYTES = 32
_JSON = click.option("--json", "as_json", is_flag=True, help="JSON alone on standard output.")


@click.group()
def token() -> None:
    """Make access tokens for the HTTP service."""


@token.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    default=(Scope.READ.value, Scope.EXECUTE.value),
    show_default=True,
    help="A right of the token; may be given several times.",
)
@click.option(
    "--tool", "tools", multiple=True, metavar="T", help="Only these tools; all if none is named."
)
@click.option(
    "--network",
    "networks",
    multiple=True,
    metavar="CIDR",
    help="Only targets in these networks, within the policy.",
)
@click.option("--config", metavar="F", help="Settings file, instead of MCP_CONFIG_FILE.")
@_JSON
@click.pass_obj
def new(
    starter: Starter,
    /,
    name: str,
    scopes: tuple[str, ...],
    tools: tuple[str, ...],
    networks: tuple[str, ...],
    config: str | None,
    as_json: bool,
) -> None:
    """Make a token for NAME: the token, then the TOML for security.tokens_file.

    The token is shown this once; the file holds its SHA-256 alone.
    """
    known: list[str] = []
    if tools:
        catalog = starter.assemble(config, lenient=True).run_tool.catalog
        known = [entry.name for entry in catalog.entries()]
        asked = [(tool, catalog.find(tool)) for tool in tools]
        tools = tuple(there.name if there else tool for tool, there in asked)
    made = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    entry = _entry(name, made, scopes, tools, networks)
    # The reader of the file itself has the say, so that what is printed can be pasted.
    read = read_credentials({"token": [entry]}, tools=known)
    if isinstance(read, Flawed):
        raise click.UsageError("\n".join(flaw.reason for flaw in read.flaws))
    if as_json:
        show_json({"token": made, "toml": _toml(entry), **entry})
        return
    sys.stdout.write(f"{made}\n\n{_toml(entry)}")
    remark(
        "The first line is the token; it is not shown again. Add the rest to the file of "
        "security.tokens_file, and reload (SIGHUP) or restart the service."
    )


@token.command("hash")
@_JSON
def hash_token(as_json: bool) -> None:
    """Read a token from standard input; print the line sha256 for security.tokens_file."""
    if sys.stdin.isatty():
        given = click.prompt("Token", hide_input=True, err=True)
    else:
        line = sys.stdin.buffer.readline(LONGEST_TOKEN + 3)  # a line end, and one too many
        given = line.decode("utf-8", "replace").rstrip("\r\n")
    if (objection := object_to_token(given)) is not None:
        raise click.UsageError(f"The token {objection}.")
    digest = digest_of(given).hex()
    if as_json:
        show_json({"sha256": digest})
    else:
        sys.stdout.write(f'sha256 = "{digest}"\n')


def _entry(
    name: str,
    made: str,
    scopes: tuple[str, ...],
    tools: tuple[str, ...],
    networks: tuple[str, ...],
) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": name, "sha256": digest_of(made).hex()}
    for key, items in (("scopes", scopes), ("tools", tools), ("networks", networks)):
        if items:
            entry[key] = list(dict.fromkeys(items))
    return entry


def _toml(entry: dict[str, Any]) -> str:
    # All of it was read and found to be ASCII: JSON writes such texts and lists as TOML does.
    lines = [f"{key} = {json.dumps(value)}" for key, value in entry.items()]
    return "\n".join(["[[token]]", *lines, ""])
