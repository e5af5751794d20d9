"""Four ways to ask the product, behind one face: MCP over stdio and over HTTP, REST, the command line."""

import time
from collections.abc import Callable
from typing import Any, Protocol

Json = dict[str, Any]
WAIT_S = 30.0


class Driver(Protocol):
    """A way to reach a real netsonde, in a process of its own."""

    def call(self, tool: str, target: str, **members: Any) -> Json:
        """The answer of one call: a ToolOutput as it came over the wire."""
        ...

    def call_and_leave(
        self, tool: str, target: str, runs: Callable[[], bool], **members: Any
    ) -> None:
        """Begin a call, wait until `runs`, and cancel it as clients of this kind do."""
        ...


def wait_for(holds: Callable[[], bool], seconds: float = WAIT_S) -> float:
    """Poll until something holds, which no event tells; the seconds that took."""
    begun_s = time.monotonic()
    while not holds():
        waited_s = time.monotonic() - begun_s
        assert waited_s < seconds, "it did not come true in time"
        time.sleep(0.01)  # what is waited for happens in another process
    return time.monotonic() - begun_s
