"""MCP over the standard streams."""

from collections.abc import Callable
from typing import Any

from tests.contract.drivers import Json, wait_for
from tests.contract.mcp_raw_client import RawClient


class StdioMcp:
    """A client whose server is `python -m netsonde`."""

    def __init__(self, client: RawClient) -> None:
        self._client = client

    def call(self, tool: str, target: str, **members: Any) -> Json:
        """See the protocol."""
        return self._client.call_tool(tool, target, **members)

    def call_and_leave(
        self, tool: str, target: str, runs: Callable[[], bool], **members: Any
    ) -> None:
        """The client sends notifications/cancelled."""
        request_id = self._client.ask_tool(tool, target, **members)
        wait_for(runs)
        self._client.send(
            {
                "jsonrpc": "2.0",
                "method": "notifications/cancelled",
                "params": {"requestId": request_id},
            }
        )
