"""REST: one POST for each call."""

import json
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.contract.drivers import WAIT_S, Json, wait_for


class Rest:
    """A client of `/tools/{name}/execute`."""

    def __init__(self, url: str, token: str = "") -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def call(self, tool: str, target: str, **members: Any) -> Json:
        """See the protocol."""
        with httpx.Client(trust_env=False, timeout=WAIT_S, headers=self._headers) as client:
            response = client.post(
                f"{self._url}/tools/{tool}/execute", json={"target": target, **members}
            )
        answer: Json = response.json()
        assert (response.status_code == 200) == (answer["status"] != "refused"), answer
        return answer

    def call_and_leave(
        self, tool: str, target: str, runs: Callable[[], bool], **members: Any
    ) -> None:
        """The connection is closed in mid call."""
        leave_in_mid_call(
            self._url,
            f"/tools/{tool}/execute",
            {"target": target, **members},
            self._headers,
            runs,
        )


def leave_in_mid_call(
    url: str, path: str, body: Json, headers: dict[str, str], runs: Callable[[], bool]
) -> None:
    """POST, wait until `runs`, close the connection."""
    split = urlsplit(url)
    assert split.hostname and split.port
    data = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", f"Host: {split.netloc}", f"Content-Length: {len(data)}"]
    lines += ["Content-Type: application/json", *(f"{k}: {v}" for k, v in headers.items())]
    with socket.create_connection((split.hostname, split.port), WAIT_S) as connection:
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
        wait_for(runs)
