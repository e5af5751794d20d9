"""The command `install-client`: tells an MCP client on this computer to start netsonde."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from .clients import CLIENTS, SERVER_NAME, Client, Surroundings, config_path, entry, own_command
from .json_document import Document, UnfitDocument
from .screen import remark, show

_HIDDEN = "***"
_SECRET = ("env", "headers")
_OF_HTTP = ("url", "headers")
_LEFT_ALONE = "Nothing was written."


@click.command("install-client")
@click.argument("name", type=click.Choice([client.name for client in CLIENTS]))
@click.option("--user", is_flag=True, help="For every project, not the current one alone.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
def install_client(name: str, user: bool, dry_run: bool) -> None:
    """Add netsonde to the servers of an MCP client.

    Everything else in the client's file stays, the environment of an older entry too, and the old
    file is kept beside the new one. Claude Code and VS Code get it for the current folder's project
    unless --user is given.
    """
    client = next(client for client in CLIENTS if client.name == name)
    path = config_path(client, _surroundings(), user=user)
    wanted = entry(client, own_command(sys.argv[0], sys.executable))
    try:
        _install(client, path, wanted, dry_run=dry_run)
    except UnfitDocument as error:
        raise click.ClickException(
            f"{path}: {error}. {_LEFT_ALONE}{_by_hand(client, wanted)}"
        ) from error
    except OSError as error:
        reason = error.strerror or error
        raise click.ClickException(f"{error.filename or path}: {reason}. {_LEFT_ALONE}") from error


def _install(client: Client, path: Path, wanted: dict[str, Any], *, dry_run: bool) -> None:
    document = Document(path)
    servers = document.members.setdefault(client.member, {})
    if not isinstance(servers, dict):
        raise UnfitDocument(f"its member {client.member!r} is no object")
    old = servers.get(SERVER_NAME, {})
    if not isinstance(old, dict):
        raise UnfitDocument(f"its entry {SERVER_NAME!r} of {client.member!r} is no object")
    new = {key: value for key, value in old.items() if key not in _OF_HTTP} | wanted
    if new == old:
        show(f"{document.path}: {client.title} knows netsonde already; nothing to do.")
        return
    servers[SERVER_NAME] = new
    show(f"{document.path}{'' if document.exists else ' (new)'}", *_changes(client, old, new))
    if dry_run:
        show("Nothing was written (--dry-run).")
        return
    backup = document.write()
    show("Written." if backup is None else f"Written. The old file is {backup}.")
    remark(
        f"Restart {client.title}. Set the policy in the entry's env: MCP_SECURITY_ALLOWED_NETWORKS, ..."
    )


def _changes(client: Client, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """A diff of the entry alone, without secrets: other servers' tokens are no business of a log."""
    lines = [f"  {client.member}.{SERVER_NAME}:"]
    for key in dict.fromkeys((*old, *new)):
        before, after = _shown(key, old), _shown(key, new)
        if key in old and key in new and old[key] == new[key]:
            lines.append(f"      {key}: {after}")
            continue
        lines += [f"    - {key}: {before}"] if key in old else []
        lines += [f"    + {key}: {after}"] if key in new else []
    return lines


def _shown(key: str, members: dict[str, Any]) -> str:
    value = members.get(key)
    if key in _SECRET and isinstance(value, dict):
        value = dict.fromkeys(value, _HIDDEN)
    return json.dumps(value, ensure_ascii=False)


def _by_hand(client: Client, wanted: dict[str, Any]) -> str:
    text = json.dumps({client.member: {SERVER_NAME: wanted}}, ensure_ascii=False)
    return f"\nMend it, or add this by hand:\n  {text}"


def _surroundings() -> Surroundings:
    try:
        home = Path.home()
    except RuntimeError as error:  # no HOME, and a user without an entry in passwd(5)
        raise click.ClickException(f"{error} Set HOME.") from error
    return Surroundings(platform=sys.platform, environ=os.environ, home=home, project=Path.cwd())
