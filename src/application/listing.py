"""A tool as the catalog shows it to callers and operators."""

from typing import Any

import msgspec

from ..domain.breaker import State
from ..domain.layer import Layer
from .catalog import Entry
from .provenance import Provenance


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """The metadata of one tool."""

    name: str
    title: str
    description: str
    command: str
    path: str | None
    enabled: bool
    available: bool
    install_hint: str
    provenance: Provenance | None = None
    takes_networks: bool
    profiles: dict[str, str]
    concurrency: int
    queue: int
    default_timeout_sec: float
    max_timeout_sec: float
    limits: dict[str, Any]
    breaker: State
    layers: tuple[Layer, ...] = ()
    info: dict[str, Any] = {}


def list_tool(entry: Entry, breaker: State, layers: tuple[Layer, ...] = ()) -> Listing:
    """What is known of a tool without running its program; `layers` are what would contain it."""
    tool, terms = entry.tool, entry.terms
    return Listing(
        name=entry.name,
        title=tool.title or entry.name,
        description=tool.description,
        command=tool.command_name,
        path=entry.path,
        enabled=entry.enabled,
        available=entry.available,
        install_hint=tool.install_hint,
        provenance=entry.provenance,
        takes_networks=tool.takes_networks,
        profiles=dict(terms.profiles),
        concurrency=entry.concurrency,
        queue=entry.queue,
        default_timeout_sec=terms.default_timeout_s,
        max_timeout_sec=terms.max_timeout_s,
        limits=msgspec.to_builtins(terms.limits(terms.default_timeout_s)),
        breaker=breaker,
        layers=layers,
        info=tool.info(),
    )
