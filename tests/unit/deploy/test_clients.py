"""What clients are told: the snippets, and the bundle. `make mcpb` builds and starts the bundle."""

import json
from pathlib import Path
from typing import Any

import pytest

from netsonde.adapters.cli.clients import CLIENTS, entry
from scripts import mcpb
from tests.unit.deploy.tree import read, settings_of


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_the_snippets_are_what_install_client_writes(client: Any) -> None:
    prefix = client.name
    told = json.loads(read(f"clients/{prefix}.stdio.json"))[client.member]["netsonde"]
    settings_of(told.pop("env"))
    assert told == entry(client, ("/opt/netsonde/bin/netsonde", "serve"))
    http = json.loads(read(f"clients/{prefix}.http.json"))[client.member]["netsonde"]
    assert "https://netsonde.example.com/mcp" in (http.get("url"), *http.get("args", ()))


def test_the_bundle_asks_only_what_it_uses_and_netsonde_takes_the_answers() -> None:
    manifest = mcpb.manifest()
    folder = Path("/bundle")
    argv, environment = mcpb.command(manifest, folder, {})
    assert argv[:2] == ["uv", "run"]
    assert str(folder) in argv
    settings = settings_of(environment).settings
    assert settings.server.transport == "stdio"
    assert settings.security.allowed_networks == settings_of({}).settings.security.allowed_networks
    for name in manifest["user_config"]:
        assert mcpb.command(manifest, folder, {name: "marker"}) != (argv, environment)


def test_the_bundle_holds_the_packages_to_the_locked_versions() -> None:
    pins = list(mcpb.pins())
    assert len(pins) > 30
    assert all("==" in pin for pin in pins)
    assert all(json.dumps(pin) in mcpb.pyproject() for pin in pins)
