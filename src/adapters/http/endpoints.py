"""The endpoints: what there is, who may call it, and what it takes and gives. One table for all."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

import msgspec

from ...domain.access import Scope

JSON = "application/json"
PROMETHEUS = "text/plain"
OPENMETRICS = "application/openmetrics-text"
EVENT_STREAM = "text/event-stream"
RESOURCE_METADATA = "/.well-known/oauth-protected-resource/mcp"
MCP = "/mcp"
EVENTS = "/events"


class Body(StrEnum):
    """What becomes of a request's body."""

    IGNORED = "ignored"
    JSON = "json"


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A method of a path. `scope` is the right that it takes; None: anybody may.

    `produces` are its media types. One that `streams` is open for long, and passes untouched.
    """

    method: str
    path: str
    operation: str
    scope: Scope | None
    body: Body = Body.IGNORED
    produces: tuple[str, ...] = (JSON,)
    streams: bool = False

    @property
    def action(self) -> str:
        """The endpoint in a word, for logs, traces and records."""
        return f"{self.method} {self.path}"


def _get(path: str, operation: str, scope: Scope | None, *produces: str) -> Endpoint:
    return Endpoint(
        method="GET", path=path, operation=operation, scope=scope, produces=produces or (JSON,)
    )


def _post(path: str, operation: str, scope: Scope, body: Body = Body.IGNORED) -> Endpoint:
    return Endpoint(method="POST", path=path, operation=operation, scope=scope, body=body)


def _mcp(method: str, operation: str) -> Endpoint:
    return Endpoint(
        method=method,
        path=MCP,
        operation=operation,
        scope=Scope.EXECUTE,
        produces=(JSON, EVENT_STREAM),
        streams=True,
    )


ENDPOINTS: tuple[Endpoint, ...] = (
    _get("/", "getService", None),
    _get("/health", "getHealth", None),
    _get("/health/live", "getLiveness", None),
    _get("/health/ready", "getReadiness", None),
    _get("/tools", "listTools", Scope.READ),
    _get("/tools/{name}", "getTool", Scope.READ),
    _post("/tools/{name}/plan", "planExecution", Scope.READ, Body.JSON),
    _post("/tools/{name}/execute", "execute", Scope.EXECUTE, Body.JSON),
    _post("/tools/{name}/enable", "enableTool", Scope.ADMIN),
    _post("/tools/{name}/disable", "disableTool", Scope.ADMIN),
    _get("/executions", "listExecutions", Scope.READ),
    _get("/executions/{execution_id}", "getExecution", Scope.READ),
    Endpoint(
        method="DELETE",
        path="/executions/{execution_id}",
        operation="cancelExecution",
        scope=Scope.EXECUTE,
    ),
    _get("/metrics", "getMetrics", None, PROMETHEUS, OPENMETRICS, JSON),
    Endpoint(
        method="GET",
        path=EVENTS,
        operation="followEvents",
        scope=Scope.READ,
        produces=(EVENT_STREAM,),
        streams=True,
    ),
    _get("/config", "getSettings", Scope.ADMIN),
    _get("/schema", "getSchema", None),
    _get(RESOURCE_METADATA, "getResourceMetadata", None),
    _mcp("POST", "callMcp"),
    _mcp("GET", "listenToMcp"),
    _mcp("DELETE", "endMcpSession"),
)


class Matched(NamedTuple):
    """A path that is there, as the table has it, and its endpoints by method."""

    path: str
    endpoints: Mapping[str, Endpoint]

    @property
    def methods(self) -> tuple[str, ...]:
        """Every method that is answered, those that go without saying too."""
        own = tuple(self.endpoints)
        get = self.endpoints.get("GET")
        head = ("HEAD",) if get is not None and not get.streams else ()
        return (*own, *head, "OPTIONS")


class Routes:
    """Finds the endpoints of a path. What is not found here is not served, whatever else would."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._paths: dict[tuple[str, ...], dict[str, Endpoint]] = {}
        for endpoint in endpoints:
            self._paths.setdefault(_parts(endpoint.path), {})[endpoint.method] = endpoint

    def match(self, path: str) -> Matched | None:
        """The endpoints of a decoded path; one slash at its end makes no difference."""
        if not path.startswith("/") or "//" in path:
            return None
        given = _parts(path)
        for parts, endpoints in self._paths.items():
            if len(parts) == len(given) and all(map(_fits, parts, given)):
                return Matched(next(iter(endpoints.values())).path, endpoints)
        return None


def _parts(path: str) -> tuple[str, ...]:
    return tuple(path[1:].removesuffix("/").split("/"))


def _fits(part: str, given: str) -> bool:
    return part == given or (part.startswith("{") and given != "")
