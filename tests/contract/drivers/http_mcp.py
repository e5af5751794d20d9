"""MCP over Streamable HTTP, in the stateless revision: one POST for each call."""

import json
from collections.abc import Callable
from typing import Any

import httpx

from tests.contract.drivers import WAIT_S, Json
from tests.contract.drivers.rest import leave_in_mid_call
from tests.contract.mcp_raw_client import ENVELOPE, MODERN


class HttpMcp:
    """A client of `/mcp`."""

    def __init__(self, url: str, token: str = "") -> None:
        self._url = url
        self._authorization = {"Authorization": f"Bearer {token}"} if token else {}

    def call(self, tool: str, target: str, **members: Any) -> Json:
        """See the protocol."""
        body, headers = self._request(tool, {"target": target, **members})
        with httpx.Client(trust_env=False, timeout=WAIT_S) as client:
            response = client.post(f"{self._url}/mcp", json=body, headers=headers)
        assert response.status_code == 200, response.text
        result = _answer(response)["result"]
        content: Json = result["structuredContent"]
        assert json.loads(result["content"][0]["text"]) == content
        assert result["isError"] == (content["status"] != "success")
        return content

    def call_and_leave(
        self, tool: str, target: str, runs: Callable[[], bool], **members: Any
    ) -> None:
        """The connection is closed in mid call."""
        body, headers = self._request(tool, {"target": target, **members})
        leave_in_mid_call(self._url, "/mcp", body, headers, runs)

    def _request(self, tool: str, arguments: Json) -> tuple[Json, dict[str, str]]:
        params = {"name": tool, "arguments": arguments, "_meta": ENVELOPE}
        headers = {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": MODERN,
            "Mcp-Method": "tools/call",
            "Mcp-Name": tool,
            **self._authorization,
        }
        return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}, headers


def _answer(response: httpx.Response) -> Json:
    """The JSON-RPC answer, alone or as the last event of a stream."""
    if response.headers["content-type"].startswith("application/json"):
        answer: Json = response.json()
        return answer
    data = [line[5:] for line in response.text.splitlines() if line.startswith("data:")]
    return next(message for message in map(json.loads, filter(str.strip, data)) if "id" in message)
