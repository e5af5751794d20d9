"""The baseline of the MCP benches: an echo server on the SDK's low-level server, written by the book."""

import asyncio
from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
)

SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}


async def list_tools(ctx: Any, params: PaginatedRequestParams | None) -> ListToolsResult:
    """One tool."""
    return ListToolsResult(tools=[Tool(name="echo", description="Echo", input_schema=SCHEMA)])


async def call_tool(ctx: Any, params: CallToolRequestParams) -> CallToolResult:
    """What was said."""
    text = str((params.arguments or {}).get("text", ""))
    return CallToolResult(content=[TextContent(type="text", text=text)])


async def main() -> None:
    """Serve standard input and output."""
    server: Server[Any] = Server("echo", on_list_tools=list_tools, on_call_tool=call_tool)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


if __name__ == "__main__":
    asyncio.run(main())
