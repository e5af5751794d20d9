"""Settings: every setting with its default, range and help, and nothing that reads them."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from .settings_of_tools import OneTool, Section, ToolDefaults, renamed

HIDDEN = "***"


class Server(Section, frozen=True, kw_only=True):
    """How callers reach the service."""

    transport: Annotated[
        Literal["stdio", "http"],
        Meta(description="stdio for one MCP client on standard input and output, or http"),
    ] = "stdio"
    host: Annotated[
        str,
        Meta(description="address to listen on; without any token it is loopback all the same"),
    ] = "0.0.0.0"  # noqa: S104  # the contract's default; without tokens it is not used
    port: Annotated[
        int, Meta(ge=0, le=65535, description="TCP port to listen on; 0 lets the system choose")
    ] = 8080
    cors_origins: Annotated[
        tuple[str, ...],
        Meta(description="origins whose web pages may call the service, https://ops.example"),
    ] = ()
    allowed_hosts: Annotated[
        tuple[str, ...],
        Meta(
            description="host names by which callers may address the service, besides loopback's "
            "names and plain addresses (against DNS rebinding)"
        ),
    ] = ()
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(description="networks of reverse proxies whose X-Forwarded-For is believed"),
    ] = ()
    shutdown_grace: Annotated[
        float, Meta(ge=0, le=3600, description="seconds that running executions get at the end")
    ] = 10.0
    header_timeout: Annotated[
        float, Meta(ge=1, le=300, description="seconds in which a request must have come whole")
    ] = 10.0
    keep_alive: Annotated[
        float, Meta(ge=1, le=3600, description="seconds that an idle connection is kept")
    ] = 30.0
    max_connections: Annotated[
        int, Meta(ge=8, le=100_000, description="connections at a time; more are turned away")
    ] = 1000
    max_subscribers: Annotated[
        int, Meta(ge=1, le=100_000, description="event streams (/events) at a time")
    ] = 600
    max_sessions: Annotated[
        int, Meta(ge=1, le=100_000, description="MCP sessions over HTTP at a time")
    ] = 256
    max_calls: Annotated[
        int, Meta(ge=1, le=10_000, description="MCP requests over HTTP in progress at a time")
    ] = 128


class Security(Section, frozen=True, kw_only=True):
    """What may be examined, and by whom."""

    allowed_networks: Annotated[
        tuple[str, ...], Meta(description="networks that may be examined (CIDR), none other")
    ] = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
    denied_networks: Annotated[
        tuple[str, ...], Meta(description="networks that may not, whatever else allows them")
    ] = ()
    allowed_suffixes: Annotated[
        tuple[str, ...],
        Meta(
            description="suffixes of the names that may be examined; with a leading dot only what "
            "is under it, without one the name itself too"
        ),
    ] = (".lab.internal",)
    max_hosts: Annotated[
        int, Meta(ge=1, le=1_048_576, description="addresses in the largest network of one call")
    ] = 1024
    allow_intrusive: Annotated[
        bool, Meta(description="allow options of risk class intrusive, nmap's -A among them")
    ] = False
    tokens_file: Annotated[
        str, Meta(description="TOML file of access tokens (HTTP); empty for none")
    ] = ""
    auth_token: Annotated[
        str,
        Meta(
            description="one access token with every right (HTTP); empty for none",
            extra={"variable": "MCP_AUTH_TOKEN", "secret": True},
        ),
    ] = ""

    def __repr__(self) -> str:
        return "Security(...)"  # the token must not reach a log by way of a repr


class CircuitBreaker(Section, frozen=True, kw_only=True):
    """When a tool that keeps failing is given a rest."""

    failure_threshold: Annotated[
        int, Meta(ge=1, le=1000, description="failures in a row that open the breaker")
    ] = 5
    recovery_timeout: Annotated[
        float, Meta(ge=1, le=86_400, description="seconds until one call is let through to try")
    ] = 60.0


class RateLimit(Section, frozen=True, kw_only=True):
    """How often one client may call one tool."""

    rate: Annotated[float, Meta(ge=1, le=1_000_000, description="calls in each period")] = 10.0
    per: Annotated[float, Meta(ge=1, le=86_400, description="the period, in seconds")] = 60.0
    max_clients: Annotated[
        int, Meta(ge=1, le=1_000_000, description="clients kept track of; the stalest goes first")
    ] = 1000
    stdio: Annotated[bool, Meta(description="limit the one client of stdio too")] = False


class Logging(Section, frozen=True, kw_only=True):
    """What is logged, to standard error."""

    level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
        Meta(description="the least level that is logged", extra=renamed("LOG_LEVEL")),
    ] = "INFO"
    format: Annotated[
        Literal["text", "json"], Meta(description="key=value text, or a JSON object per line")
    ] = "text"


class State(Section, frozen=True, kw_only=True):
    """Where the service keeps what must outlive it."""

    dir: Annotated[
        str,
        Meta(description="folder; empty for netsonde in $XDG_STATE_HOME or ~/.local/state"),
    ] = ""
    record: Annotated[
        Literal["auto", "on", "off"],
        Meta(
            description="keep executions and denials in the folder: auto for http, on for stdio too"
        ),
    ] = "auto"
    max_age_days: Annotated[
        float, Meta(ge=0.01, le=36_500, description="days that the record goes back")
    ] = 30.0
    max_mb: Annotated[
        int, Meta(ge=8, le=1_048_576, description="MiB that the record may take; the oldest goes")
    ] = 512


_LayerMode = Literal["auto", "require", "off"]


class Sandbox(Section, frozen=True, kw_only=True):
    """The layers around every program: auto takes what the host has, require doesn't start without."""

    no_new_privileges: Annotated[
        _LayerMode, Meta(description="nothing is gained at exec; the next four rest on it")
    ] = "auto"
    capabilities: Annotated[
        _LayerMode, Meta(description="none, but raw sockets for plans that send raw packets")
    ] = "auto"
    pid_namespace: Annotated[
        _LayerMode,
        Meta(
            description="sees no other process, and all of it ends with it, also when the server "
            "is killed (bubblewrap)"
        ),
    ] = "auto"
    filesystem: Annotated[
        _LayerMode,
        Meta(
            description="sees the system's programs read-only and a private directory: no home, no "
            "state, no secrets (bubblewrap, else Landlock)"
        ),
    ] = "auto"
    seccomp: Annotated[
        _LayerMode, Meta(description="system calls that no such program needs are refused")
    ] = "auto"
    cgroup: Annotated[
        _LayerMode, Meta(description="memory and processes of an execution together are bounded")
    ] = "auto"
    egress: Annotated[
        _LayerMode,
        Meta(
            description="packets to addresses that the plan doesn't name are held back, and end the "
            "execution (nftables, else seccomp)"
        ),
    ] = "auto"
    max_processes: Annotated[
        int, Meta(ge=16, le=32_768, description="processes and threads of one execution")
    ] = 128
    readable: Annotated[
        tuple[str, ...],
        Meta(description="absolute paths that programs may read and run besides the system's"),
    ] = ()


class Health(Section, frozen=True, kw_only=True):
    """How the service examines itself (HTTP)."""

    interval: Annotated[
        float, Meta(ge=1, le=3600, description="seconds between two rounds of checks")
    ] = 15.0
    timeout: Annotated[
        float, Meta(ge=0.1, le=60, description="seconds that one check may take")
    ] = 5.0
    degraded_percent: Annotated[
        float,
        Meta(ge=1, le=100, description="use of CPU, memory, disk or descriptors that is too much"),
    ] = 85.0
    unhealthy_percent: Annotated[
        float, Meta(ge=1, le=100, description="use that is far too much")
    ] = 95.0


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings, read once at start."""

    server: Server = Server()
    security: Security = Security()
    tool: ToolDefaults = ToolDefaults()
    circuit_breaker: CircuitBreaker = CircuitBreaker()
    rate_limit: RateLimit = RateLimit()
    logging: Logging = Logging()
    state: State = State()
    health: Health = Health()
    sandbox: Sandbox = Sandbox()
    tools: dict[str, OneTool] = {}
    plugins: Annotated[
        tuple[str, ...],
        Meta(
            description="entry points that are switched on, of the groups netsonde.tools, "
            "netsonde.health and netsonde.metrics; name@sha256:DIGEST loads it only if the files "
            "of its distribution have that digest (`netsonde doctor` tells it)"
        ),
    ] = ()

    def of_tool(self, name: str) -> OneTool:
        """What was set for the tool of that class name."""
        return self.tools.get(name, OneTool())
