"""The MCP server: lists and runs the catalog's tools, for clients of both eras, over any transport."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any
from weakref import WeakSet

import msgspec
from msgspec.structs import replace

from ...application.catalog import Entry
from ...application.ports import Tracer
from ...application.run_tool import RunTool
from ...application.untraced import Untraced
from ...domain.access import Caller
from .guidance import instructions, listed
from .progress import told
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
_GREETINGS = frozenset({"initialize", "server/discover"})
_ENDLESS = "subscriptions/listen"
_TRACE_CONTEXT = ("traceparent", "tracestate", "baggage")  # SEP-414
_LONGEST_TRACE_CONTEXT = 8192  # bytes of W3C baggage
_log = logging.getLogger(__name__)


class DiagnosticsServer(Server[Any]):
    """One server for any number of connections. `caller` names who a request comes from."""

    def __init__(
        self,
        run_tool: RunTool,
        *,
        version: str,
        caller: Callable[[Context], Caller],
        tracer: Tracer | None = None,
    ) -> None:
        self._run_tool = run_tool
        self._caller = caller
        self._tracer = tracer if tracer is not None else Untraced()
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
        self.middleware[:] = [self._traced, contain, self._narrowed]
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

    def _entries_for(self, caller: Caller) -> list[Entry]:
        """What the caller may use, on the caller's terms."""
        if not caller.narrowed:
            return self._entries()
        return [
            replace(entry, terms=replace(entry.terms, policy=caller.narrow(entry.terms.policy)))
            for entry in self._entries()
            if caller.object_to_tool(entry.name) is None
        ]

    async def _list_tools(self, ctx: Context, params: PaginatedRequestParams) -> dict[str, Any]:
        if params.cursor is not None:
            raise MCPError(INVALID_PARAMS, "There is one page only, and no such cursor")
        entries = self._entries_for(self._caller(ctx))
        return {**_COMPLETE, "tools": [listed(entry) for entry in entries]}

    async def _call_tool(self, ctx: Context, params: CallToolRequestParams) -> dict[str, Any]:
        async with AsyncExitStack() as telling:
            on_progress = None
            if ctx.meta is not None and "progress_token" in ctx.meta:
                on_progress = await telling.enter_async_context(told(ctx.session.report_progress))
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
        # Asked at each call over HTTP which of its parameters a header repeats (x-mcp-header): none.
        return None

    async def _traced(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        """Middleware: a span for each request, in the trace that the client says it belongs to."""
        if ctx.request_id is None or ctx.method == _ENDLESS:
            return await call_next(ctx)
        known = ctx.method in _GREETINGS or self.get_request_handler(ctx.method) is not None
        method = ctx.method if known else "unknown"
        about = {"protocol": ctx.protocol_version}
        if (tool := self._run_tool.catalog.find(str((ctx.params or {}).get("name")))) is not None:
            about["tool"] = tool.name
        carrier = _carrier(ctx.params)
        # Over HTTP the trace that its headers belong to is the current one already.
        current = ctx.request is not None and "traceparent" not in carrier
        name = f"mcp {method}"
        with (
            self._tracer.span(name, **about)
            if current
            else self._tracer.request(name, carrier, **about)
        ):
            return await call_next(ctx)

    async def _narrowed(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        """Middleware: a caller that may less than others is told what it may."""
        result = await call_next(ctx)
        if ctx.method in _GREETINGS and isinstance(result, dict):
            caller = self._caller(ctx)
            if caller.narrowed:
                return {**result, "instructions": instructions(self._entries_for(caller))}
        return result

    async def _initialized(self, ctx: Context, params: NotificationParams) -> None:
        # The SDK offers no public way from a request to its connection. Held weakly: the transport
        # owns it, and a client that went away needs no push.
        self._connections.add(ctx.session._connection)


def _carrier(params: Mapping[str, Any] | None) -> dict[str, str]:
    """The client's trace context in `_meta`; empty if there is none, and the current one counts."""
    meta = (params or {}).get("_meta")
    if not isinstance(meta, Mapping):
        return {}
    found = ((name, meta.get(name)) for name in _TRACE_CONTEXT)
    return {
        name: value
        for name, value in found
        if isinstance(value, str) and len(value) <= _LONGEST_TRACE_CONTEXT
    }


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
