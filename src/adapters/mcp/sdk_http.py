"""What Streamable HTTP takes from the MCP SDK; beside `sdk`, so that stdio doesn't pay for it."""

from . import sdk  # first: it keeps the SDK's packages from importing all of themselves

from mcp.server.auth.middleware.bearer_auth import (  # isort: skip
    AuthenticatedUser,
    AuthorizationContext,
)
from mcp.server.auth.provider import AccessToken  # isort: skip
from mcp.server.streamable_http import (  # isort: skip
    REQUEST_CANCELLED,
    StreamableHTTPServerTransport,
)
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager  # isort: skip
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS  # isort: skip
from sse_starlette.sse import AppStatus  # isort: skip

# It would cut every stream off as soon as uvicorn is told to stop, answers under way included.
AppStatus.enable_automatic_graceful_drain = False

__all__ = [
    "HANDSHAKE_PROTOCOL_VERSIONS",
    "REQUEST_CANCELLED",
    "AccessToken",
    "AuthenticatedUser",
    "AuthorizationContext",
    "StreamableHTTPServerTransport",
    "StreamableHTTPSessionManager",
    "sdk",
]
