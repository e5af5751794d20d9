"""What this driver takes from the MCP SDK, and no more of it than that.

`import mcp` loads the SDK's clients and its high-level server too: 85 ms and 12 MiB that a server on
the low-level one never uses. And the hundreds of models that remain are never garbage: at rest, the
collector doesn't spend another eighth of the start-up time to find that out.
"""

import gc

from .deferred import defer

defer("mcp", "mcp.server")
_collecting = gc.isenabled()
gc.disable()
try:
    from mcp.server.caching import CacheHint
    from mcp.server.connection import Connection
    from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
    from mcp.server.lowlevel import NotificationOptions, Server
    from mcp.server.models import InitializationOptions
    from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ToolsListChanged
    from mcp.shared.exceptions import MCPError
    from mcp.shared.message import ServerMessageMetadata, SessionMessage
    from mcp_types import (
        INTERNAL_ERROR,
        INVALID_PARAMS,
        INVALID_REQUEST,
        PARSE_ERROR,
        CallToolRequestParams,
        ErrorData,
        JSONRPCError,
        JSONRPCMessage,
        JSONRPCNotification,
        JSONRPCRequest,
        JSONRPCResponse,
        NotificationParams,
        PaginatedRequestParams,
        RequestId,
    )
    from pydantic import ValidationError
finally:
    if _collecting:
        gc.enable()
        gc.freeze()

__all__ = [
    "INTERNAL_ERROR",
    "INVALID_PARAMS",
    "INVALID_REQUEST",
    "PARSE_ERROR",
    "CacheHint",
    "CallNext",
    "CallToolRequestParams",
    "Connection",
    "ErrorData",
    "HandlerResult",
    "InMemorySubscriptionBus",
    "InitializationOptions",
    "JSONRPCError",
    "JSONRPCMessage",
    "JSONRPCNotification",
    "JSONRPCRequest",
    "JSONRPCResponse",
    "ListenHandler",
    "MCPError",
    "NotificationOptions",
    "NotificationParams",
    "PaginatedRequestParams",
    "RequestId",
    "Server",
    "ServerMessageMetadata",
    "ServerRequestContext",
    "SessionMessage",
    "ToolsListChanged",
    "ValidationError",
]
