"""The MCP server: lists and runs the catalog's tools, for clients of both eras, over any transport."""

import asyncio
import logging
import secrets
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

import msgspec

from ...application.catalog import Entry
from ...application.run_tool import RunTool
from ...domain.access import Caller
from .guidance import instructions, listed
from .progress import told
from .schemas import input_schema
from .sdk import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CacheHint,
    CallNext,
    CallToolRequestParams,
    Connection,
    HandlerResult,
    InitializationOptions,
    InMemorySubscriptionBus,
    ListenHandler,
    MCPError,
    NotificationOptions,
    NotificationParams,
    PaginatedRequestParams,
    Server,
    ServerRequestContext,
    ToolsListChanged,
    ValidationError,
)

Context = ServerRequestContext[Any, Any]

ANNOUNCE_S = 1.0
_LONGEST_NAME = 128  # of a tool; longer ones exist nowhere, and would be kept in the record
_COMPLETE = {"resultType": "complete"}  # required in 2026-07-28; the SDK drops it before that
_log = logging.getLogger(__name__)


class DiagnosticsServer(Server[Any]):
    """One server for any number of connections. `caller` names who a request comes from."""

    def __init__(
        self, run_tool: RunTool, *, version: str, caller: Callable[[Context], Caller]
    ) -> None:
        self._run_tool = run_tool
        self._caller = caller
        self._bus = InMemorySubscriptionBus()
        self._listening = ListenHandler(self._bus, max_subscriptions=256, max_buffered_events=16)
        self._connections: WeakSet[Connection] = WeakSet()
        super().__init__(
            "netsonde",
            version=version,
            title="netsonde",
            instructions=instructions(self._entries()),
            on_subscriptions_listen=self._listening,
            get_tool_input_schema=self._input_schema,
            # A list is good until the next one: switching a tool is told, but not to everybody.
            cache_hints={"tools/list": CacheHint(ttl_ms=0, scope="private")},
        )
        # In place of the SDK's tracing, which costs a third of a call even where nothing is traced.
        self.middleware[:] = [contain]
        # Here and not above, where results must be models: these are JSON already.
        self.add_request_handler("tools/list", PaginatedRequestParams, self._list_tools)
        self.add_request_handler("tools/call", CallToolRequestParams, self._call_tool)
        self.add_notification_handler(
            "notifications/initialized", NotificationParams, self._initialized
        )

    def create_initialization_options(
        self,
        notification_options: NotificationOptions | None = None,
        experimental_capabilities: dict[str, dict[str, Any]] | None = None,
        extensions: dict[str, dict[str, Any]] | None = None,
    ) -> InitializationOptions:
        """As the SDK's, but tools.listChanged is true: every transport asks here, without options."""
        return super().create_initialization_options(
            notification_options or NotificationOptions(tools_changed=True),
            experimental_capabilities,
            extensions,
        )

    async def announce_tools_changed(self) -> None:
        """Tell every client that the list of tools is another; a client that doesn't read costs 1 s."""
        self.instructions = instructions(self._entries())
        await self._bus.publish(ToolsListChanged())
        pushes = [
            asyncio.ensure_future(connection.send_tool_list_changed())
            for connection in tuple(self._connections)
        ]
        if pushes:
            _, late = await asyncio.wait(pushes, timeout=ANNOUNCE_S)
            for push in late:
                push.cancel()

    def close_subscriptions(self) -> None:
        """End every `subscriptions/listen` stream in the orderly way."""
        self._listening.close()

    def _entries(self) -> list[Entry]:
        return [entry for entry in self._run_tool.catalog.entries() if entry.enabled]

    async def _list_tools(self, ctx: Context, params: PaginatedRequestParams) -> dict[str, Any]:
        if params.cursor is not None:
            raise MCPError(INVALID_PARAMS, "There is one page only, and no such cursor")
        return {**_COMPLETE, "tools": [listed(entry) for entry in self._entries()]}

    async def _call_tool(self, ctx: Context, params: CallToolRequestParams) -> dict[str, Any]:
        async with told(ctx.session.report_progress) as on_progress:
            output = await self._run_tool.execute(
                params.name[:_LONGEST_NAME],
                params.arguments or {},
                caller=self._caller(ctx),
                on_progress=on_progress,
            )
        if output.error is not None and output.error.metadata.get("rule") == "tool.unknown":
            # The one refusal that both revisions want as an error of the protocol (server/tools).
            raise MCPError(
                INVALID_PARAMS,
                f"Unknown tool: {output.tool}",
                {"recovery_suggestion": output.error.recovery_suggestion},
            )
        text = msgspec.json.encode(output)
        return {
            **_COMPLETE,
            "content": [{"type": "text", "text": text.decode()}],
            "structuredContent": msgspec.json.decode(text),
            "isError": output.status != "success",
        }

    def _input_schema(self, name: str) -> dict[str, Any] | None:
        entry = self._run_tool.catalog.find(name)
        return input_schema(entry) if entry is not None else None

    async def _initialized(self, ctx: Context, params: NotificationParams) -> None:
        # The SDK offers no public way from a request to its connection. Held weakly: the transport
        # owns it, and a client that went away needs no push.
        self._connections.add(ctx.session._connection)


async def contain(ctx: Context, call_next: CallNext) -> HandlerResult:
    """Answer an unexpected exception without its text, which the SDK would send to the client."""
    try:
        return await call_next(ctx)
    except (MCPError, ValidationError):
        raise
    except Exception:
        incident = secrets.token_hex(4)
        _log.exception("mcp_handler_failed incident=%s method=%.64r", incident, ctx.method)
        raise MCPError(
            INTERNAL_ERROR, f"Internal error; the server's log tells more under {incident}"
        ) from None
