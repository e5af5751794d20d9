"""A server for tests of the end: its work never ends, nor do its answers, whatever is done to them.

Prints `ready URL`, `reload` at SIGHUP, `not ready` once it refuses work, and `ended REASON`.
"""

import asyncio
import sys
from contextlib import suppress

from netsonde.adapters.http.asgi import Receive, Scope, Send
from netsonde.adapters.http.lifecycle import Lifecycle
from netsonde.adapters.http.limits import ServingLimits
from netsonde.adapters.http.serving import new_event_loop, serve
from netsonde.adapters.http.sockets import listen
from tests.contract.http_server import LOGGER, Jobs, respond, with_lifespan


class Told(Jobs):
    def close(self) -> None:
        super().close()
        say("not ready")


def say(what: str) -> None:
    print(what, flush=True)


async def never(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/":
        await respond(send, b"ok")
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while scope["path"] == "/endless":
        await send({"type": "http.response.body", "body": bytes(65536), "more_body": True})
        await asyncio.sleep(0)  # uvicorn's send does not, once the client is gone
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


async def forever() -> None:
    await asyncio.Event().wait()


async def main(grace_s: float, stubborn: bool) -> None:
    jobs = Told(stubborn=stubborn)
    jobs.under_way = 1
    lifecycle = Lifecycle(
        jobs,
        grace_s=grace_s,
        logger=LOGGER,
        end_streams=[forever] if stubborn else [],
        reload=lambda: say("reload"),
    )
    await serve(
        with_lifespan(never),
        sockets=listen("127.0.0.1", 0),
        limits=ServingLimits(),
        lifecycle=lifecycle,
        on_ready=lambda urls: say(f"ready {urls[0]}"),
        logger=LOGGER,
    )
    say(f"ended {lifecycle.reason}")


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main(float(sys.argv[1]), sys.argv[2] == "stubborn"))
