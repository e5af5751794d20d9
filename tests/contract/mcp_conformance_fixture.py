"""What the MCP conformance suite wants of a server beside its transport: tools, resources, prompts.

The suite names them and says what each must do (modelcontextprotocol/conformance, src/scenarios).
"""

import base64
import json
import struct
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    SamplingMessage,
    TextContent,
)

from .mcp_raw_client import Json

Context = ServerRequestContext[Any, Any]
Tool = Callable[[Context, Json], Awaitable[Json]]


def _chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


_PNG = b"\x89PNG\r\n\x1a\n" + b"".join(
    (
        _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)),
        _chunk(b"IDAT", zlib.compress(b"\0\xff\0\0")),
        _chunk(b"IEND", b""),
    )
)
_WAV = (
    b"RIFF"
    + struct.pack("<I", 36)
    + b"WAVEfmt "
    + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    + b"data"
    + struct.pack("<I", 0)
)
IMAGE: Json = {
    "type": "image",
    "data": base64.b64encode(_PNG).decode(),
    "mimeType": "image/png",
}
AUDIO: Json = {
    "type": "audio",
    "data": base64.b64encode(_WAV).decode(),
    "mimeType": "audio/wav",
}
NO_ARGUMENTS: Json = {"type": "object", "properties": {}}


def text(words: str) -> Json:
    """A content of text."""
    return {"type": "text", "text": words}


def embedded(uri: str, mime: str, words: str) -> Json:
    """A content with a resource in it."""
    return {"type": "resource", "resource": {"uri": uri, "mimeType": mime, "text": words}}


def answer(*content: Json, **more: Any) -> Json:
    """A result of tools/call."""
    return {"resultType": "complete", "content": list(content), **more}


def constant(*content: Json, **more: Any) -> Tool:
    """A tool that always says the same."""

    async def call(ctx: Context, params: Json) -> Json:
        return answer(*content, **more)

    return call


async def with_logging(ctx: Context, params: Json) -> Json:
    """Logs three messages."""
    for words in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await ctx.session.send_log_message("info", words, related_request_id=ctx.request_id)
    return answer(text("done"))


async def with_progress(ctx: Context, params: Json) -> Json:
    """Tells progress three times."""
    for progress in (0, 50, 100):
        await ctx.session.report_progress(progress, 100, f"Completed step {progress} of 100")
    return answer(text("done"))


async def sampling(ctx: Context, params: Json) -> Json:
    """Asks the client's model."""
    asked = SamplingMessage(
        role="user", content=TextContent(type="text", text=params["arguments"]["prompt"])
    )
    got = await ctx.session.create_message(
        [asked], max_tokens=100, related_request_id=ctx.request_id
    )
    return answer(text(f"LLM response: {got.content.model_dump_json()}"))


def eliciting(message: str, properties: Json, *required: str) -> Tool:
    """A tool that asks the client's user."""

    async def call(ctx: Context, params: Json) -> Json:
        got = await ctx.session.elicit_form(
            params.get("arguments", {}).get("message", message),
            schema_of(properties, *required),
            related_request_id=ctx.request_id,
        )
        words = f"User response: action={got.action}, content={json.dumps(got.content)}"
        return answer(text(words))

    return call


def schema_of(properties: Json, *required: str) -> Json:
    """The schema of an object."""
    return {"type": "object", "properties": properties, "required": list(required)}


_CODES, _WORDS = (
    ("option1", "option2", "option3"),
    ("First Option", "Second Option", "Third Option"),
)
_TITLED = [{"const": code, "title": word} for code, word in zip(_CODES, _WORDS, strict=True)]
DEFAULTS: Json = {
    "name": {"type": "string", "default": "John Doe"},
    "age": {"type": "integer", "default": 30},
    "score": {"type": "number", "default": 95.5},
    "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    "verified": {"type": "boolean", "default": True},
}
ENUMS: Json = {
    "untitledSingle": {"type": "string", "enum": list(_CODES)},
    "titledSingle": {"type": "string", "oneOf": _TITLED},
    "legacyEnum": {"type": "string", "enum": list(_CODES), "enumNames": list(_WORDS)},
    "untitledMulti": {"type": "array", "items": {"type": "string", "enum": list(_CODES)}},
    "titledMulti": {"type": "array", "items": {"anyOf": _TITLED}},
}


def ask_user(message: str, **properties: str) -> Json:
    """An input request for the user, as 2026-07-28 has it."""
    schema = schema_of({name: {"type": kind} for name, kind in properties.items()}, *properties)
    params = {"mode": "form", "message": message, "requestedSchema": schema}
    return {"method": "elicitation/create", "params": params}


def ask_model(prompt: str) -> Json:
    """An input request for the model."""
    message = {"role": "user", "content": text(prompt)}
    return {"method": "sampling/createMessage", "params": {"messages": [message], "maxTokens": 50}}


ASK_ROOTS: Json = {"method": "roots/list", "params": {}}
_CAPABILITY = {
    "elicitation/create": "elicitation",
    "sampling/createMessage": "sampling",
    "roots/list": "roots",
}


def wanted(requests: Json, state: str | None = None) -> Json:
    """A result that asks the client for input."""
    more = {} if state is None else {"requestState": state}
    return {"resultType": "input_required", "inputRequests": requests, **more}


def _responses(params: Json) -> Json:
    return params.get("inputResponses") or {}


def _usable(key: str, given: Any, request: Json) -> bool:
    """Whether a response answers the request."""
    if not isinstance(given, dict):
        return False
    if request["method"] == "elicitation/create":
        return given.get("action") == "accept" and isinstance(given.get("content"), dict)
    return ("roots" if request["method"] == "roots/list" else "content") in given


def asking(*rounds: Json, states: tuple[str, ...] = ()) -> Tool:
    """A tool that asks in rounds, and goes on once a round's requests are all answered.

    A state that it didn't give is refused, whoever sends it.
    """

    async def call(ctx: Context, params: Json) -> Json:
        state = params.get("requestState")
        if state is not None and state not in states:
            raise MCPError(INVALID_PARAMS, "Invalid requestState")
        at = states.index(state) if state is not None else 0
        given = _responses(params)
        if all(_usable(key, given.get(key), request) for key, request in rounds[at].items()):
            at += 1
            if at == len(rounds):
                return answer(text(f"state-ok: {json.dumps(given)}"))
        return wanted(rounds[at], states[at] if states else None)

    return call


async def what_the_client_can(ctx: Context, params: Json) -> Json:
    """Asks for what the client said it can do, and for nothing else."""
    can = _capabilities(params)
    every = {"ask": ask_user("Name?", name="string"), "say": ask_model("Hi"), "roots": ASK_ROOTS}
    requests = {key: one for key, one in every.items() if _CAPABILITY[one["method"]] in can}
    if _responses(params) or not requests:
        return answer(text("done"))
    return wanted(requests)


async def missing_capability(ctx: Context, params: Json) -> Json:
    """Needs sampling."""
    if "sampling" not in _capabilities(params):
        needed: Json = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(
            MISSING_REQUIRED_CLIENT_CAPABILITY, "Missing required client capability", needed
        )
    return answer(text("done"))


def _capabilities(params: Json) -> Mapping[str, Any]:
    meta = params.get("_meta") or {}
    found: Mapping[str, Any] = meta.get("io.modelcontextprotocol/clientCapabilities") or {}
    return found


_NAME = {"user_name": ask_user("What is your name?", name="string")}
_CONFIRM = {"confirm": ask_user("Please confirm", ok="boolean")}
_MANY = {**_NAME, "greeting": ask_model("Generate a greeting"), "client_roots": ASK_ROOTS}
_SCHEMA_2020: Json = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
SCHEMAS: dict[str, Json] = {
    "test_sampling": schema_of({"prompt": {"type": "string"}}, "prompt"),
    "test_elicitation": schema_of({"message": {"type": "string"}}, "message"),
    "json_schema_2020_12_tool": _SCHEMA_2020,
    "test_header_echo": schema_of({"text": {"type": "string", "x-mcp-header": "Text"}}),
}
TOOLS: dict[str, Tool] = {
    "test_simple_text": constant(text("This is a simple text response for testing.")),
    "test_image_content": constant(IMAGE),
    "test_audio_content": constant(AUDIO),
    "test_embedded_resource": constant(
        embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")
    ),
    "test_multiple_content_types": constant(
        text("Multiple content types test:"),
        IMAGE,
        embedded("test://mixed-content-resource", "application/json", '{"test": "data"}'),
    ),
    "test_error_handling": constant(
        text("This tool intentionally returns an error for testing"), isError=True
    ),
    "test_tool_with_logging": with_logging,
    "test_tool_with_progress": with_progress,
    "test_logging_tool": with_logging,
    "test_streaming_elicitation": asking(_NAME),
    "test_sampling": sampling,
    "test_elicitation": eliciting("Who?", {"response": {"type": "string"}}, "response"),
    "test_elicitation_sep1034_defaults": eliciting("Defaults", DEFAULTS),
    "test_elicitation_sep1330_enums": eliciting("Enums", ENUMS),
    "json_schema_2020_12_tool": constant(text("done")),
    "test_header_echo": constant(text("done")),
    "test_missing_capability": missing_capability,
    "test_trigger_tool_change": constant(text("told")),
    "test_trigger_prompt_change": constant(text("told")),
    "test_input_required_result_elicitation": asking(_NAME),
    "test_input_required_result_sampling": asking(
        {"capital_question": ask_model("What is the capital of France?")}
    ),
    "test_input_required_result_list_roots": asking({"client_roots": ASK_ROOTS}),
    "test_input_required_result_request_state": asking(_CONFIRM, states=("begun",)),
    "test_input_required_result_tampered_state": asking(_CONFIRM, states=("begun",)),
    "test_input_required_result_multiple_inputs": asking(_MANY, states=("begun",)),
    "test_input_required_result_multi_round": asking(
        {"step1": ask_user("Step 1: What is your name?", name="string")},
        {"step2": ask_user("Step 2: What is your favorite color?", color="string")},
        states=("first", "second"),
    ),
    "test_input_required_result_capabilities": what_the_client_can,
}

RESOURCES: dict[str, Json] = {
    "test://static-text": {
        "mimeType": "text/plain",
        "text": "This is the content of the static text resource.",
    },
    "test://static-binary": {"mimeType": "image/png", "blob": IMAGE["data"]},
    "test://watched-resource": {"mimeType": "text/plain", "text": "Watched resource content"},
}
TEMPLATE = "test://template/{id}/data"


def read_resource(uri: str) -> Json:
    """A result of resources/read."""
    head, tail = TEMPLATE.split("{id}")
    if uri.startswith(head) and uri.endswith(tail):
        value = uri.removeprefix(head).removesuffix(tail)
        words = json.dumps({"id": value, "templateTest": True, "data": f"Data for ID: {value}"})
        found: Json = {"mimeType": "application/json", "text": words}
    elif uri in RESOURCES:
        found = RESOURCES[uri]
    else:
        raise MCPError(INVALID_PARAMS, "Resource not found", {"uri": uri})
    return {"resultType": "complete", "contents": [{"uri": uri, **found}]}


PROMPTS: dict[str, tuple[str, ...]] = {
    "test_simple_prompt": (),
    "test_prompt_with_arguments": ("arg1", "arg2"),
    "test_prompt_with_embedded_resource": ("resourceUri",),
    "test_prompt_with_image": (),
    "test_input_required_result_prompt": (),
}


def get_prompt(params: Json) -> Json:
    """A result of prompts/get."""
    given = params.get("arguments") or {}
    match params["name"]:
        case "test_simple_prompt":
            content = [text("This is a simple prompt for testing.")]
        case "test_prompt_with_arguments":
            words = f"Prompt with arguments: arg1='{given['arg1']}', arg2='{given['arg2']}'"
            content = [text(words)]
        case "test_prompt_with_embedded_resource":
            resource = embedded(given["resourceUri"], "text/plain", "Embedded resource content")
            content = [resource, text("Please process the embedded resource above.")]
        case "test_prompt_with_image":
            content = [IMAGE, text("Please analyze the image above.")]
        case "test_input_required_result_prompt":
            if "user_context" not in _responses(params):
                return wanted({"user_context": ask_user("What context?", context="string")})
            content = [text(json.dumps(_responses(params)))]
        case unknown:
            raise MCPError(INVALID_PARAMS, f"Unknown prompt: {unknown}")
    messages = [{"role": "user", "content": one} for one in content]
    return {"resultType": "complete", "messages": messages}
