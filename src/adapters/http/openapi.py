"""The OpenAPI 3.1 document: made of the table of endpoints, their texts, and the answers' types."""

from collections.abc import Iterable
from http import HTTPStatus as H
from typing import Any

import msgspec

from ...application.answers import PlanAnswer
from ...application.executions import Page, Whole
from ...application.health_answer import HealthAnswer
from ...domain.execution import Status, ToolOutput
from .access import ResourceMetadata
from .endpoints import JSON, MCP, Body, Endpoint
from .error_body import ErrorBody
from .openapi_texts import TEXTS, Shape, Text
from .views import (
    Alive,
    MetricsView,
    Readiness,
    ServiceView,
    SettingView,
    ToolsView,
    ToolView,
    Unhealthy,
)

_TYPES = (
    *(Alive, ErrorBody, HealthAnswer, MetricsView, Page, PlanAnswer, Readiness, ResourceMetadata),
    *(ServiceView, SettingView, ToolOutput, ToolView, ToolsView, Unhealthy, Whole),
)
_MAY_LACK_MEMBERS = frozenset({"Readiness", "ResourceMetadata"})
_ABOUT = (
    "Network diagnostics within the policy of their operator. Every error body has the member "
    "`error`: its type, what to do, and in `metadata` the `rule`. A path that is there answers "
    "405 with `Allow` to other methods, HEAD as GET, and OPTIONS."
)
_EXAMPLE = {"target": "10.0.0.1", "options": {"count": 2}}
_RPC_EXAMPLE = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
_REQUEST: dict[str, Any] = {
    "type": "object",
    "description": "`GET /tools/{name}` has the schema with that tool's options.",
    "properties": {
        "target": {"type": "string", "description": "Address, network (nmap) or name"},
        "extra_args": {
            "type": ["string", "null"],
            "description": "Options as on the program's command line, split without a shell",
        },
        "options": {"type": ["object", "null"], "description": "The same options, typed"},
        "profile": {"type": ["string", "null"], "description": "A named set of options"},
        "timeout_sec": {
            "type": ["number", "null"],
            "exclusiveMinimum": 0,
            "exclusiveMaximum": 1_000_000_000,
        },
    },
    "required": ["target"],
    "additionalProperties": False,
}
_SCHEMAS: dict[str, Any] = {
    "ExecutionRequest": _REQUEST,
    "PlanRequest": {
        "anyOf": [{"$ref": "#/components/schemas/ExecutionRequest"}, {"type": "object"}],
        "description": "A request; any other object is refused in the verdict, not by the status.",
    },
    "Settings": {
        "type": "object",
        "additionalProperties": {"$ref": "#/components/schemas/SettingView"},
    },
    "Document": {"type": "object", "required": ["openapi", "info", "paths"]},
    "Rpc": {"type": "object", "description": "A JSON-RPC 2.0 message."},
    "RpcRequest": {
        "type": "object",
        "description": "A JSON-RPC 2.0 request, or a notification, which has no id.",
        "properties": {
            "jsonrpc": {"const": "2.0"},
            "id": {"type": ["string", "integer"]},
            "method": {"type": "string", "minLength": 1},
            "params": {"type": "object"},
        },
        "required": ["jsonrpc", "method"],
    },
}
_HEADERS: dict[str, Any] = {
    "Retry-After": {"description": "Seconds", "schema": {"type": "integer", "minimum": 1}},
    "WWW-Authenticate": {"description": "RFC 6750", "schema": {"type": "string"}},
    "RateLimit-Limit": {"description": "Calls in a period", "schema": {"type": "integer"}},
    "RateLimit-Remaining": {"description": "Calls left now", "schema": {"type": "integer"}},
    "RateLimit-Reset": {
        "description": "Seconds until all are there again",
        "schema": {"type": "integer"},
    },
    "RateLimit-Policy": {
        "description": "draft-ietf-httpapi-ratelimit-headers",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "draft-ietf-httpapi-ratelimit-headers",
        "schema": {"type": "string"},
    },
}
_OF_ALL = {
    H.BAD_REQUEST: Shape(text="The header Host or the body can't be read"),
    H.FORBIDDEN: Shape(text="The page's origin may not, or the token has not the scope"),
    H.REQUEST_ENTITY_TOO_LARGE: Shape(text="The body is too large"),
    H.MISDIRECTED_REQUEST: Shape(text="Host names another server (DNS rebinding)"),
    H.REQUEST_TIMEOUT: Shape(text="The request did not come whole in time"),
    H.REQUEST_URI_TOO_LONG: Shape(text="The path and the query are too long"),
    H.REQUEST_HEADER_FIELDS_TOO_LARGE: Shape(text="The headers are too many or too large"),
    H.SERVICE_UNAVAILABLE: Shape(text="There are too many connections"),
    H.INTERNAL_SERVER_ERROR: Shape(text="A fault of the server; the log knows its number"),
}
_OF_PLAIN = {H.NOT_ACCEPTABLE: Shape(text="Accept leaves out what there is")}
_OF_GUARDED = {
    H.UNAUTHORIZED: Shape(text="No token, or a wrong one"),
    H.TOO_MANY_REQUESTS: Shape(text="Too many wrong tokens came from this address"),
}
_OF_JSON = {
    H.UNSUPPORTED_MEDIA_TYPE: Shape(text="The body is not said to be JSON"),
    H.UNPROCESSABLE_ENTITY: Shape(text="The body is no JSON object"),
}


def document(endpoints: Iterable[Endpoint], *, version: str, guarded: bool) -> dict[str, Any]:
    """The document. Not `guarded`: there are no tokens, and every caller on loopback may all."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, guarded)
    scheme = {"type": "http", "scheme": "bearer", "description": "`netsonde token new` makes one"}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "netsonde",
            "version": version,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in ("tools", "executions", "service", "mcp")],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "headers": _HEADERS,
            "securitySchemes": {"bearer": scheme},
        },
    }


def _operation(endpoint: Endpoint, guarded: bool) -> dict[str, Any]:
    text = TEXTS[endpoint.operation]
    description = text.description
    if endpoint.scope is not None:
        description = f"{description}\n\nTakes the scope `{endpoint.scope}`.".strip()
    operation: dict[str, Any] = {
        "operationId": endpoint.operation,
        "tags": [text.tag],
        "summary": text.summary,
        **({"description": description} if description else {}),
        **({"parameters": list(text.parameters)} if text.parameters else {}),
        "responses": {
            str(status.value): _response(endpoint, text, status, shape)
            for status, shape in sorted(_answers(endpoint, text).items())
        },
        "security": [{"bearer": [endpoint.scope.value]}] if endpoint.scope and guarded else [],
    }
    if endpoint.body is Body.JSON:
        name = "PlanRequest" if endpoint.operation == "planExecution" else "ExecutionRequest"
        content: dict[str, Any] = {"schema": _ref(name), "examples": {"two": {"value": _EXAMPLE}}}
        operation["requestBody"] = {"required": True, "content": {JSON: content}}
    elif endpoint.path == MCP and endpoint.method == "POST":
        content = {"schema": _ref("RpcRequest"), "examples": {"list": {"value": _RPC_EXAMPLE}}}
        operation["requestBody"] = {"required": True, "content": {JSON: content}}
    return operation


def _answers(endpoint: Endpoint, text: Text) -> dict[H, Shape]:
    answers = dict(_OF_ALL)
    if not endpoint.streams:
        answers |= _OF_PLAIN
    if endpoint.scope is not None:
        answers |= _OF_GUARDED
    if endpoint.body is Body.JSON:
        answers |= _OF_JSON
    return answers | {
        status: msgspec.structs.replace(
            shape, bodies=tuple(dict.fromkeys((*shape.bodies, *answers[status].bodies)))
        )
        if status in answers
        else shape
        for status, shape in text.answers.items()
    }


def _response(endpoint: Endpoint, text: Text, status: H, shape: Shape) -> dict[str, Any]:
    names = []
    if status in (H.TOO_MANY_REQUESTS, H.SERVICE_UNAVAILABLE):
        names.append("Retry-After")
    if endpoint.scope is not None and status in (H.UNAUTHORIZED, H.FORBIDDEN):
        names.append("WWW-Authenticate")
    if text.rated:
        names += [name for name in _HEADERS if name.startswith("RateLimit")]
    response: dict[str, Any] = {"description": f"{shape.text}."}
    if names:
        response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    schemas = [_ref(name) for name in shape.bodies]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    if schemas or shape.media != (JSON,):
        response["content"] = {
            media: {"schema": schema if media == JSON else {"type": "string"}}
            for media in shape.media
        }
    return response


def _schemas() -> dict[str, Any]:
    _, schemas = msgspec.json.schema_components(_TYPES, ref_template="#/components/schemas/{name}")
    for name, schema in schemas.items():
        for member in schema.get("properties", {}).values():
            member.pop("default", None)
        if "properties" in schema and name not in _MAY_LACK_MEMBERS:
            schema["required"] = list(schema["properties"])  # an answer lacks no member
    final = [status.value for status in Status if status.final]
    schemas["ToolOutput"]["properties"]["status"] = {"enum": final}
    return {**schemas, **_SCHEMAS}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
