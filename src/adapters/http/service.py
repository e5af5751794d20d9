"""What the HTTP driver is handed: the finished objects of one start, and the operator's settings."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from ...application.executions import Executions
from ...application.gate import Gate
from ...application.health import HealthReport
from ...application.ports import Clock, Machine, Metrics, Tracer
from ...application.run_tool import RunTool
from ...application.switchboard import Switchboard
from ...application.untraced import Untraced
from .asgi import ASGIApp


class Setting(Protocol):
    """A setting in force; `value` is hidden if it is secret."""

    @property
    def key(self) -> str: ...
    @property
    def value(self) -> Any: ...
    @property
    def source(self) -> str: ...
    @property
    def variable(self) -> str: ...


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """The use-cases, and the ports that only drivers read.

    `ready`: whether an orchestrator should send requests here. `mcp` and `events` are ASGI
    applications of their own; without one its endpoint is not there. They find the `Caller` in
    `scope["state"]["caller"]`.
    """

    run_tool: RunTool
    executions: Executions
    switchboard: Switchboard
    gate: Gate
    health: Callable[[], HealthReport]
    ready: Callable[[], bool]
    metrics: Metrics
    machine: Machine
    described: Callable[[], Sequence[Setting]]
    clock: Clock
    version: str
    tracer: Tracer = Untraced()
    mcp: ASGIApp | None = None
    events: ASGIApp | None = None


class WebSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The part of the settings `server.*` that this driver obeys."""

    cors_origins: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    max_body_bytes: int = 65_536
