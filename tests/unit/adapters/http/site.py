"""The application over fakes, and a client that speaks ASGI to it: every byte as the test has it."""

import asyncio
import gzip
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from netsonde.adapters.http.app import make_app
from netsonde.adapters.http.asgi import ASGIApp, Message
from netsonde.adapters.http.service import Service, WebSettings
from netsonde.adapters.memory import FakeMachine, KeptSpans, KeptSwitches
from netsonde.application.executions import Executions
from netsonde.application.gate import Credential, Gate
from netsonde.application.health import HealthReport
from netsonde.application.ports import Switches, ToolCounts
from netsonde.application.rates import Rates
from netsonde.application.switchboard import Switchboard
from netsonde.domain.access import EVERY_SCOPE, Caller, Scope
from netsonde.domain.audit import Denied
from netsonde.domain.bucket import Rate
from netsonde.domain.health import CheckResult, HealthStatus, Priority, roll_up
from tests.unit.application.world import World, run

PING = CheckResult(
    name="program.ping",
    status=HealthStatus.HEALTHY,
    priority=Priority.MEDIUM,
    message="it runs",
    metadata={"version": "ping from iputils 20240117"},
)
TOKENS = {"reader": Scope.READ, "runner": Scope.EXECUTE, "chief": Scope.ADMIN}


class Setting(msgspec.Struct, frozen=True):
    """A setting in force."""

    key: str
    value: Any
    source: str = "default"
    variable: str = "MCP_X"


class FewCounts:
    """Metrics of a service that ran one tool twice."""

    def text(self, accept: str = "") -> tuple[bytes, str]:
        return (
            b"# TYPE up gauge\nup 1\n# EOF\n",
            f"text/plain; seen={accept.count(',')}; charset=utf-8",
        )

    def counts(self) -> Mapping[str, ToolCounts]:
        return {"PingTool": ToolCounts(executions=2, successes=2, avg_duration=0.5)}


class Reply(msgspec.Struct, frozen=True):
    """What came back."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The one header of that name; None if there is none."""
        values = self.all(name)
        assert len(values) < 2, values
        return values[0] if values else None

    def all(self, name: str) -> list[str]:
        """Every header of that name."""
        return [value for key, value in self.headers if key == name]

    @property
    def json(self) -> Any:
        """The body."""
        zipped = self.header("content-encoding") == "gzip"
        return json.loads(gzip.decompress(self.body) if zipped else self.body)

    @property
    def rule(self) -> str:
        """The rule of the error."""
        return str(self.json["error"]["metadata"]["rule"])


def credential(name: str, *scopes: Scope, **narrowing: Any) -> Credential:
    """A token that reads like its name."""
    caller = Caller(name=name, scopes=frozenset(scopes) or EVERY_SCOPE, **narrowing)
    return Credential(digest=hashlib.sha256(name.encode()).digest(), caller=caller)


class Site:
    """One application, its world and its client. With `tokens`, those of TOKENS are good."""

    def __init__(
        self,
        world: World | None = None,
        *,
        tokens: bool = False,
        credentials: Iterable[Credential] = (),
        web: WebSettings | None = None,
        guesses: int = 5,
        switches: Switches | None = None,
        mcp: ASGIApp | None = None,
        events: ASGIApp | None = None,
    ) -> None:
        self.world = world or World()
        self.checks: tuple[CheckResult, ...] = (PING,)
        self.ready = True
        self.spans = KeptSpans()
        clock, log, run_tool = self.world.clock, self.world.log, self.world.run_tool
        known = [credential(name, scope) for name, scope in TOKENS.items()] if tokens else []
        self.gate = Gate(
            [*known, *credentials],
            guesses=Rates(Rate(tokens=guesses, per_s=60), clock),
            clock=clock,
            log=log,
        )
        self.switchboard = Switchboard(run_tool, switches or KeptSwitches(), clock=clock, log=log)
        service = Service(
            run_tool=run_tool,
            executions=Executions(run_tool, log, log),
            switchboard=self.switchboard,
            gate=self.gate,
            health=lambda: HealthReport(status=roll_up(self.checks), checks=self.checks),
            ready=lambda: self.ready,
            metrics=FewCounts(),
            machine=FakeMachine(),
            described=lambda: [Setting("server.port", 8080), Setting("security.auth_token", "***")],
            clock=clock,
            version="1.2.3",
            tracer=self.spans,
            mcp=mcp,
            events=events,
        )
        self.app = make_app(service, web or WebSettings())

    def get(self, path: str, **more: Any) -> Reply:
        """A GET."""
        return self.ask("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> Reply:
        """A POST; `body` is sent as JSON unless it is bytes."""
        return self.ask("POST", path, body, **more)

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> Reply:
        """A request in an event loop of its own."""
        return run(self.asked(method, path, body, **more))

    async def asked(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        client: str | None = "127.0.0.1",
        host: str | None = "127.0.0.1:8080",
        pieces: Sequence[bytes | Callable[[], bytes]] | None = None,
        left: Callable[[], Any] | None = None,
        http_version: str = "1.1",
        scheme: str = "http",
        state: dict[str, Any] | None = None,
    ) -> Reply:
        """A request. `pieces` is a body in chunks, or what makes one when its time comes; once `left` returns the client goes away.

        The status is 0 if nothing was answered.
        """
        path, _, query = path.partition("?")
        sent = [(k.lower().encode(), v.encode("latin-1")) for k, v in dict(headers).items()] if isinstance(
            headers, Mapping) else [(k.lower().encode(), v.encode("latin-1")) for k, v in headers]  # fmt: skip
        if host is not None:
            sent.append((b"host", host.encode("latin-1")))
        if token is not None:
            sent.append((b"authorization", f"Bearer {token}".encode()))
        if pieces is None:
            raw = (
                b""
                if body is None
                else body
                if isinstance(body, bytes)
                else json.dumps(body).encode()
            )
            pieces = [raw]
            if body is not None:
                sent.append((b"content-length", str(len(raw)).encode()))
                if not isinstance(body, bytes):
                    sent.append((b"content-type", b"application/json"))
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": http_version, "method": method,
            "scheme": scheme, "path": path, "raw_path": path.encode(errors="replace"), "root_path": "",
            "query_string": query.encode(), "headers": sent, "server": ("127.0.0.1", 8080),
            "client": None if client is None else (client, 50000), "extensions": {},
            **({"state": state} if state is not None else {}),
        }  # fmt: skip
        waiting = list(pieces)
        over, messages = asyncio.Event(), list[Message]()
        self.unread = waiting

        async def receive() -> Message:
            await asyncio.sleep(0)
            if waiting:
                piece = waiting.pop(0)
                body = piece if isinstance(piece, bytes) else piece()
                return {"type": "http.request", "body": body, "more_body": bool(waiting)}
            await (over.wait() if left is None else left())
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            await asyncio.sleep(0)
            messages.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                over.set()

        await self.app(scope, receive, send)
        if not messages:
            return Reply(0, (), b"")
        start = messages[0]
        assert start["type"] == "http.response.start"
        return Reply(
            start["status"],
            tuple((k.decode(), v.decode()) for k, v in start["headers"]),
            b"".join(m.get("body", b"") for m in messages[1:]),
        )

    def denials(self) -> list[Denied]:
        """Who was turned away, as the record has it."""
        whats = (kept.recorded.event.what for kept in self.world.log._service)
        return [what for what in whats if isinstance(what, Denied)]
