"""What the OpenAPI document says of each endpoint: words, good answers, refusals of its own."""

from collections.abc import Mapping
from http import HTTPStatus as H
from typing import Any

import msgspec

from .endpoints import EVENT_STREAM, JSON, OPENMETRICS, PROMETHEUS


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """An answer: the schemas by name of which its body is one, and its media types."""

    text: str
    bodies: tuple[str, ...] = ("ErrorBody",)
    media: tuple[str, ...] = (JSON,)


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint in words. `answers` are those of its own, beside what the door answers."""

    tag: str
    summary: str
    description: str = ""
    answers: Mapping[H, Shape] = {}
    parameters: tuple[dict[str, Any], ...] = ()
    rated: bool = False


def _ok(text: str, body: str) -> dict[H, Shape]:
    return {H.OK: Shape(text=text, bodies=(body,))}


_NO_TOOL = {H.NOT_FOUND: Shape(text="There is no such tool")}
_NO_EXECUTION = {H.NOT_FOUND: Shape(text="It is unknown, forgotten, or another caller's")}
_UNRECORDED = {H.SERVICE_UNAVAILABLE: Shape(text="The record can't be read or written now")}
_RPC = {
    H.BAD_REQUEST: Shape(text="No request of a protocol revision that is spoken", bodies=("Rpc",)),
    H.NOT_FOUND: Shape(text="There is no such session, or no such method", bodies=("Rpc",)),
    H.METHOD_NOT_ALLOWED: Shape(text="Not for this revision", bodies=("Rpc",)),
    H.NOT_ACCEPTABLE: Shape(text="Accept leaves the answer out", bodies=("Rpc",)),
    H.CONFLICT: Shape(text="The session has such a stream already", bodies=("Rpc",)),
    H.UNSUPPORTED_MEDIA_TYPE: Shape(text="The body is not JSON", bodies=("Rpc",)),
    H.TOO_MANY_REQUESTS: Shape(text="Too many at a time", bodies=("Rpc",)),
    H.SERVICE_UNAVAILABLE: Shape(text="Too many sessions or requests", bodies=("Rpc",)),
}
_NAME = {
    "name": "name",
    "in": "path",
    "required": True,
    "description": "The tool's name, or its program's",
    "schema": {"type": "string", "minLength": 1},
    "examples": {"tool": {"value": "PingTool"}},
}
_ID = {
    "name": "execution_id",
    "in": "path",
    "required": True,
    "description": "The `execution_id` of an answer",
    "schema": {"type": "string", "minLength": 1},
}
_LIMIT = {
    "name": "limit",
    "in": "query",
    "description": "How many at the most",
    "schema": {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
}
_CURSOR = {
    "name": "cursor",
    "in": "query",
    "description": "The `next_cursor` of the page before",
    "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
}
_FORMAT = {
    "name": "format",
    "in": "query",
    "description": "Instead of the header Accept",
    "schema": {"enum": ["json", "prometheus"]},
}
_LAST_EVENT = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "The `id` of the last event that was seen; those after it are sent first",
    "schema": {"type": "string"},
}
_LAST_EVENT_TOO = {
    "name": "last_event_id",
    "in": "query",
    "description": "The same, for those who can't set the header",
    "schema": {"type": "string"},
}
_KINDS = {
    "name": "types",
    "in": "query",
    "description": "Kinds of events, comma-separated: health, metrics, execution; all if left out",
    "schema": {"type": "string"},
}
_REVISION = {
    "name": "Mcp-Protocol-Version",
    "in": "header",
    "description": "The revision of the protocol, once it is agreed; 2026-07-28 has no handshake",
    "schema": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
}
_SESSION = {
    "name": "Mcp-Session-Id",
    "in": "header",
    "description": "The session that the answer to `initialize` named (2025-11-25 and before)",
    "schema": {"type": "string", "pattern": "^[!-~]+$"},
}

TEXTS: Mapping[str, Text] = {
    "getService": Text(
        tag="service",
        summary="Name, version, endpoints",
        answers=_ok("The service", "ServiceView"),
    ),
    "getHealth": Text(
        tag="service",
        summary="Health, with every check",
        description="From the last background round; `metadata` is empty without scope `read`.",
        answers={
            H.OK: Shape(text="All is healthy", bodies=("HealthAnswer",)),
            H.MULTI_STATUS: Shape(text="Something is degraded", bodies=("HealthAnswer",)),
            H.SERVICE_UNAVAILABLE: Shape(text="Something is unhealthy", bodies=("Unhealthy",)),
        },
    ),
    "getLiveness": Text(
        tag="service", summary="Whether the process answers", answers=_ok("It does", "Alive")
    ),
    "getReadiness": Text(
        tag="service",
        summary="Whether to send requests here",
        answers={
            H.OK: Shape(text="Do", bodies=("Readiness",)),
            H.SERVICE_UNAVAILABLE: Shape(
                text="Starting, stopping or unwell", bodies=("Readiness",)
            ),
        },
    ),
    "listTools": Text(
        tag="tools", summary="The catalog, disabled tools included", answers=_ok("All", "ToolsView")
    ),
    "getTool": Text(
        tag="tools",
        summary="A tool with its input schema, limits and breaker",
        parameters=(_NAME,),
        answers=_ok("The tool", "ToolView") | _NO_TOOL,
    ),
    "planExecution": Text(
        tag="tools",
        summary="The verdict on a request, with nothing run",
        description=(
            "Every JSON object gets a verdict: a wrong member, a forbidden option or a disabled "
            "tool is `refused`, with the rule in `error.metadata`."
        ),
        parameters=(_NAME,),
        answers={
            H.OK: Shape(text="The verdict, be it yes or no", bodies=("PlanAnswer",)),
            H.NOT_FOUND: Shape(text="There is no such tool", bodies=("PlanAnswer", "ErrorBody")),
        },
    ),
    "execute": Text(
        tag="tools",
        summary="Run a tool and wait for its end",
        description=(
            "The program ends within 2 s of the client's going away. Calls are limited for each "
            "client and tool; refusals by policy cost nothing."
        ),
        parameters=(_NAME,),
        rated=True,
        answers={
            H.OK: Shape(text="It ran: see `status`", bodies=("ToolOutput",)),
            H.FORBIDDEN: Shape(text="The policy denies it", bodies=("ToolOutput",)),
            H.NOT_FOUND: Shape(text="There is no such tool", bodies=("ToolOutput",)),
            H.CONFLICT: Shape(text="The tool is switched off", bodies=("ToolOutput",)),
            H.UNPROCESSABLE_ENTITY: Shape(text="The request is wrong", bodies=("ToolOutput",)),
            H.TOO_MANY_REQUESTS: Shape(
                text="Too many calls, or too many wrong tokens", bodies=("ToolOutput",)
            ),
            H.SERVICE_UNAVAILABLE: Shape(
                text="Busy, breaker open, program missing, or stopping", bodies=("ToolOutput",)
            ),
        },
    ),
    "enableTool": Text(
        tag="tools",
        summary="Switch a tool on, for good",
        parameters=(_NAME,),
        answers=_ok("The tool, as it is now", "ToolView") | _NO_TOOL | _UNRECORDED,
    ),
    "disableTool": Text(
        tag="tools",
        summary="Switch a tool off, for good",
        description="What runs goes on to its end.",
        parameters=(_NAME,),
        answers=_ok("The tool, as it is now", "ToolView") | _NO_TOOL | _UNRECORDED,
    ),
    "listExecutions": Text(
        tag="executions",
        summary="Executions, newest first",
        description="A token that is narrowed to tools or networks sees its own.",
        parameters=(_LIMIT, _CURSOR),
        answers=_ok("A page", "Page")
        | _UNRECORDED
        | {H.UNPROCESSABLE_ENTITY: Shape(text="A query parameter is wrong")},
    ),
    "getExecution": Text(
        tag="executions",
        summary="An execution with all that is kept of it",
        parameters=(_ID,),
        answers=_ok("The execution", "Whole") | _NO_EXECUTION | _UNRECORDED,
    ),
    "cancelExecution": Text(
        tag="executions",
        summary="Cancel an execution",
        description="One that is over stays as it is, and is answered all the same. Nothing is deleted.",
        parameters=(_ID,),
        answers=_ok("How it stands now", "Whole") | _NO_EXECUTION | _UNRECORDED,
    ),
    "getMetrics": Text(
        tag="service",
        summary="Metrics for Prometheus, or as JSON",
        parameters=(_FORMAT,),
        answers={
            H.OK: Shape(
                text="The metrics", bodies=("MetricsView",), media=(PROMETHEUS, OPENMETRICS, JSON)
            ),
            H.UNPROCESSABLE_ENTITY: Shape(text="There is no such format"),
        },
    ),
    "followEvents": Text(
        tag="service",
        summary="Server-sent events: health, metrics, executions",
        parameters=(_LAST_EVENT, _LAST_EVENT_TOO, _KINDS),
        answers={
            H.OK: Shape(text="The stream", bodies=(), media=(EVENT_STREAM,)),
            H.UNPROCESSABLE_ENTITY: Shape(text="The query or the id can't be read"),
            H.SERVICE_UNAVAILABLE: Shape(text="Too many subscribers, or stopping"),
        },
    ),
    "getSettings": Text(
        tag="service",
        summary="The settings in force, secrets hidden",
        answers=_ok("By key", "Settings"),
    ),
    "getSchema": Text(
        tag="service", summary="This document", answers=_ok("OpenAPI 3.1", "Document")
    ),
    "getResourceMetadata": Text(
        tag="mcp",
        summary="How to get at /mcp (RFC 9728)",
        answers=_ok("The metadata", "ResourceMetadata"),
    ),
    "callMcp": Text(
        tag="mcp",
        summary="A message of the Model Context Protocol",
        description=(
            "Streamable HTTP, for the revisions with a handshake up to 2025-11-25 and the "
            "stateless 2026-07-28. Clients send `Accept: application/json, text/event-stream`."
        ),
        parameters=(_REVISION, _SESSION),
        answers={
            H.OK: Shape(text="The answer", bodies=("Rpc",), media=(JSON, EVENT_STREAM)),
            H.ACCEPTED: Shape(text="A notification was taken", bodies=()),
        }
        | _RPC,
    ),
    "listenToMcp": Text(
        tag="mcp",
        summary="The server's messages in a session (2025-11-25 and before)",
        parameters=(_REVISION, {**_SESSION, "required": True}),
        answers={H.OK: Shape(text="The stream", bodies=(), media=(EVENT_STREAM,))} | _RPC,
    ),
    "endMcpSession": Text(
        tag="mcp",
        summary="End a session (2025-11-25 and before)",
        parameters=(_REVISION, {**_SESSION, "required": True}),
        answers={
            H.OK: Shape(text="It is over", bodies=()),
            H.NO_CONTENT: Shape(text="It is over", bodies=()),
        }
        | _RPC,
    ),
}
