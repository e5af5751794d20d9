"""The conformance suite's fixtures in the product's own HTTP service, in place of its tools.

Run as `python -m tests.contract.mcp_conformance_app`; it prints its port. With the argument `{"plain": true}`
it serves the product's tools and nothing else.
"""

import json
import logging
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from typing import Any

from mcp.server.caching import CacheHint
from mcp.server.subscriptions import PromptsListChanged, ToolsListChanged
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CompleteRequestParams,
    GetPromptRequestParams,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    SetLevelRequestParams,
    SubscribeRequestParams,
    UnsubscribeRequestParams,
)

from netsonde.adapters.mcp.server import Context, DiagnosticsServer
from netsonde.bootstrap.assembly import Assembly
from netsonde.bootstrap.http_service import serve_http
from netsonde.bootstrap.logs import LOGGER

from . import mcp_conformance_fixture as fixture
from .mcp_raw_client import Json

DONE: Json = {"resultType": "complete"}
EVENTS: dict[str, ToolsListChanged | PromptsListChanged] = {
    "test_trigger_tool_change": ToolsListChanged(),
    "test_trigger_prompt_change": PromptsListChanged(),
}


class EverythingServer(DiagnosticsServer):
    """The product's server with the suite's tools, resources and prompts in place of its own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        methods: tuple[tuple[str, type[Any], Callable[[Context, Any], Awaitable[Json]]], ...] = (
            ("tools/list", PaginatedRequestParams, self._tools),
            ("tools/call", CallToolRequestParams, self._call),
            ("resources/list", PaginatedRequestParams, self._resources),
            ("resources/templates/list", PaginatedRequestParams, self._templates),
            ("resources/read", ReadResourceRequestParams, self._read),
            ("resources/subscribe", SubscribeRequestParams, self._done),
            ("resources/unsubscribe", UnsubscribeRequestParams, self._done),
            ("prompts/list", PaginatedRequestParams, self._prompts),
            ("prompts/get", GetPromptRequestParams, self._prompt),
            ("completion/complete", CompleteRequestParams, self._complete),
            ("logging/setLevel", SetLevelRequestParams, self._done),
        )
        for method, params, handler in methods:
            self.add_request_handler(method, params, handler)
            if method.endswith(("/list", "/read")):
                self.cache_hints[method] = CacheHint(ttl_ms=1000, scope="private")

    def _input_schema(self, name: str) -> dict[str, Any] | None:
        return fixture.SCHEMAS.get(name, fixture.NO_ARGUMENTS)

    async def _tools(self, ctx: Context, params: Any) -> Json:
        tools = [
            {
                "name": name,
                "description": f"Fixture {name}.",
                "inputSchema": fixture.SCHEMAS.get(name, fixture.NO_ARGUMENTS),
            }
            for name in fixture.TOOLS
        ]
        return {**DONE, "tools": tools}

    async def _call(self, ctx: Context, params: CallToolRequestParams) -> Json:
        if (event := EVENTS.get(params.name)) is not None:
            await self._bus.publish(event)
        if params.name not in fixture.TOOLS:
            raise MCPError(INVALID_PARAMS, f"Unknown tool: {params.name}")
        return await fixture.TOOLS[params.name](ctx, dict(ctx.params or {}))

    async def _resources(self, ctx: Context, params: Any) -> Json:
        rows = [
            {"uri": uri, "name": uri, "mimeType": row["mimeType"]}
            for uri, row in fixture.RESOURCES.items()
        ]
        return {**DONE, "resources": rows}

    async def _templates(self, ctx: Context, params: Any) -> Json:
        row = {"uriTemplate": fixture.TEMPLATE, "name": "data", "mimeType": "application/json"}
        return {**DONE, "resourceTemplates": [row]}

    async def _read(self, ctx: Context, params: ReadResourceRequestParams) -> Json:
        return fixture.read_resource(str(params.uri))

    async def _prompts(self, ctx: Context, params: Any) -> Json:
        rows = [
            {
                "name": name,
                "description": f"Fixture {name}.",
                "arguments": [{"name": one, "required": True} for one in names],
            }
            for name, names in fixture.PROMPTS.items()
        ]
        return {**DONE, "prompts": rows}

    async def _prompt(self, ctx: Context, params: Any) -> Json:
        return fixture.get_prompt(dict(ctx.params or {}))

    async def _complete(self, ctx: Context, params: Any) -> Json:
        return {**DONE, "completion": {"values": ["paris"], "total": 1, "hasMore": False}}

    async def _done(self, ctx: Context, params: Any) -> Json:
        return {}


class TellsPort(logging.Handler):
    """Prints the port once the service listens."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == "http.listening":
            print(vars(record)["fields"]["url"].rpartition(":")[2], flush=True)


def main() -> int:
    """Serve on a port of the system's choice, from an empty state folder."""
    with tempfile.TemporaryDirectory() as state:
        settings = {"server.transport": "http", "server.port": 0, "state.dir": state}
        assembly = Assembly({"PATH": os.environ["PATH"]}, command_line=settings)
        LOGGER.addHandler(TellsPort())
        kind = DiagnosticsServer if json.loads(sys.argv[1])["plain"] else EverythingServer
        return serve_http(assembly, kind)


if __name__ == "__main__":
    sys.exit(main())
