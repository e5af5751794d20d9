"""The tour: a real MCP client drives the real server over stdio, then HTTP; every step is checked."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from mcp import StdioServerParameters
from mcp.client import Client
from mcp.client.stdio import stdio_client

from demo.places import LAB, LOOPBACK, Place
from demo.service import visit

CANCELLED_WITHIN_S = 2.0


class Tour:
    """Prints what it does and counts what did not hold."""

    def __init__(self, client: Client, place: Place) -> None:
        self._client = client
        self._place = place
        self.failures = 0

    async def take(self) -> None:
        """Every step, in order."""
        await self._list()
        await self._ping()
        await self._trace()
        await self._scan()
        await self._refusals()
        await self._cancel()

    async def _list(self) -> None:
        tools = (await self._client.list_tools()).tools
        _say("1", f"The server offers {len(tools)} tools")
        for tool in tools:
            print(f"     {tool.name:12} {tool.title}")
        self._check(len(tools) == 5, "five tools")

    async def _ping(self) -> None:
        answer = await self._call("2", "PingTool", target=self._place.name, options={"count": 3})
        result = answer["result"] or {}
        print(
            f"     {result.get('received')} of {result.get('sent')} replies, {result.get('rtt_avg_ms')} ms on average"
        )
        self._check(result.get("received") == 3, "three replies")

    async def _trace(self) -> None:
        answer = await self._call(
            "3", "TracertTool", target=self._place.host, options={"queries": 1}
        )
        hops = (answer["result"] or {}).get("hops", [])
        print("     " + " -> ".join(hop["probes"][0]["address"] or "*" for hop in hops))
        self._check(len(hops) == self._place.hops, f"{self._place.hops} hops")

    async def _scan(self) -> None:
        answer = await self._call(
            "4",
            "NmapTool",
            target=self._place.host,
            options={"ports": self._place.ports, "service_version": True},
        )
        hosts = (answer["result"] or {}).get("hosts") or [{"ports": []}]
        for port in hosts[0]["ports"][:6]:
            print(
                f"     {port['port']:>5}/{port['protocol']} {port['state']:9} {port['service'] or ''} {port['product'] or ''}"
            )
        found = {port["port"] for port in hosts[0]["ports"] if port["state"] == "open"}
        self._check(answer["status"] == "success", "the scan ended well")
        self._check(self._place.open_ports <= found, "the open ports were found")

    async def _refusals(self) -> None:
        answer = await self._call("5", "PingTool", target="8.8.8.8")
        self._refused(answer, "target.public")
        answer = await self._call(
            "6", "NmapTool", target=self._place.too_large, extra_args="-sL -iL /etc/passwd"
        )
        error = self._refused(answer, "target.too_large")
        suggestion = error["metadata"].get("suggestion")
        self._check(suggestion is not None, "a suggestion came with it")
        if suggestion is None:
            return
        print(f"     suggested: nmap {suggestion['extra_args']} {suggestion['target']}")
        answer = await self._call("7", "NmapTool", **suggestion)
        self._check(answer["status"] == "success", "the suggestion succeeds")

    async def _cancel(self) -> None:
        _say("8", f"A long scan of {self._place.slow['target']}, cancelled once nmap runs")
        before = _programs()
        call = asyncio.create_task(self._client.call_tool("NmapTool", dict(self._place.slow)))
        while not _programs() - before and not call.done():  # noqa: ASYNC110  # /proc has no events
            await asyncio.sleep(0.02)
        running = _programs() - before
        print(f"     running: {', '.join(running) or 'nothing'}")
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        clock = asyncio.get_running_loop()
        start_s = clock.time()
        while _programs() - before and clock.time() - start_s < CANCELLED_WITHIN_S:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        left = _programs() - before
        print(f"     {clock.time() - start_s:.2f} s later: {', '.join(left) or 'nothing is left'}")
        self._check(bool(running), "the scan was running")
        self._check(not left, "nothing is left")

    async def _call(self, step: str, tool: str, **arguments: Any) -> dict[str, Any]:
        shown = " ".join(f"{key}={value}" for key, value in arguments.items())
        _say(step, f"{tool} {shown}")
        result = await self._client.call_tool(tool, arguments)
        answer: dict[str, Any] = result.structured_content or {}
        if answer.get("command"):
            print(f"     ran: {_shorten(' '.join(answer['command']))}")
        return answer

    def _refused(self, answer: dict[str, Any], rule: str) -> dict[str, Any]:
        error: dict[str, Any] = answer.get("error") or {"metadata": {}, "message": "not refused"}
        print(f"     {error['message']}\n     {_shorten(error.get('recovery_suggestion', ''))}")
        self._check(answer["status"] == "refused", "it was refused")
        self._check(error["metadata"].get("rule") == rule, f"by the rule {rule}")
        return error

    def _check(self, held: bool, what: str) -> None:
        if not held:
            self.failures += 1
            print(f"     DID NOT HOLD: {what}")


def _say(step: str, text: str) -> None:
    print(f"\n{step:>3}. {text}", flush=True)


def _shorten(text: str) -> str:
    return text if len(text) <= 110 else text[:107] + "..."


def _programs() -> set[str]:
    """The nmap processes that this user can see, by command line."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().decode().split("\0")
            except OSError:
                continue
            if words[0].endswith("/nmap"):
                found.add(f"nmap (pid {entry.name})")
    return found


async def main(place: Place) -> int:
    """The exit status."""
    variables = {key: value for key, value in os.environ.items() if key.startswith("MCP_")}
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "netsonde"],
        env={**variables, "LOG_LEVEL": "ERROR", "PATH": os.environ["PATH"]},
    )
    async with Client(stdio_client(server)) as client:
        tour = Tour(client, place)
        await tour.take()
    failures = tour.failures + await asyncio.to_thread(visit, place)
    if failures:
        print(f"\n{failures} steps did not hold.")
        return 1
    print(_CONNECT.format(python=sys.executable))
    return 0


_CONNECT = """
All of it held. To connect Claude Desktop, add this to claude_desktop_config.json
(Settings > Developer > Edit Config), with the networks that you allow:

  {{"mcpServers": {{"netsonde": {{
      "command": "{python}",
      "args": ["-m", "netsonde"],
      "env": {{"MCP_SECURITY_ALLOWED_NETWORKS": "192.168.1.0/24"}}}}}}}}

More in docs/claude-desktop.md."""

if __name__ == "__main__":
    sys.exit(asyncio.run(main(LAB if sys.argv[1:] == ["lab"] else LOOPBACK)))
