"""The HTTP service of one start: its parts made, joined, run, and taken down in order."""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_network

from ..adapters.event_log import RecentEvents
from ..adapters.http.app import make_app
from ..adapters.http.events import events_app
from ..adapters.http.feed import Feed
from ..adapters.http.lifecycle import Lifecycle
from ..adapters.http.limits import ServingLimits
from ..adapters.http.senders import sender_check
from ..adapters.http.service import Service, WebSettings
from ..adapters.http.serving import StartFailed, new_event_loop, serve
from ..adapters.http.sockets import CannotListen, listen
from ..adapters.http.subscriber import FeedLimits
from ..adapters.http.views import view_metrics
from ..adapters.machine import HostMachine
from ..adapters.mcp.http import McpOverHttp, caller_of
from ..adapters.mcp.server import DiagnosticsServer
from ..adapters.plugins import discover_checks
from ..adapters.system_probe import file_stamp
from ..application.executions import Executions
from ..application.gate import Credential, Gate
from ..application.health import HealthMonitor, HealthReport
from ..application.health_answer import HealthAnswer, to_wire
from ..application.machine_checks import machine_checks
from ..application.ports import Check
from ..application.rates import Rates
from ..application.service_checks import service_checks
from ..application.switchboard import Switchboard
from ..domain import audit
from ..domain.bucket import Rate
from .access import read_credentials
from .assembly import Assembly
from .container import rate
from .listening import is_loopback, listening_host
from .logs import LOGGER
from .observing import Observers
from .reload import Live, Reload
from .settings import Settings
from .settings_load import Loaded
from .settings_problems import ConfigError, Problem
from .switching import switches
from .version import VERSION

GUESSES = Rate(tokens=10, per_s=60)  # wrong tokens from one address
OVER_S = 3.0  # after the grace: all is over by then
_LEAST_S = 0.3
_LEAVE_S = 0.3
_FIRST_ROUND_S = 5.0


def serve_http(assembly: Assembly, mcp_server: type[DiagnosticsServer] = DiagnosticsServer) -> int:
    """Serve until a signal ends it; gives the exit status. Raises ConfigError."""
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(_serve(assembly, mcp_server))
    except CannotListen as error:
        raise ConfigError([Problem("http", "", str(error))]) from error
    except StartFailed as error:
        LOGGER.critical("http.start_failed", extra={"fields": {"reason": str(error)}})
        return 1
    return 0


async def _serve(assembly: Assembly, mcp_server: type[DiagnosticsServer]) -> None:
    try:
        await _served(assembly, mcp_server)
    finally:
        await _leave()


async def _leave() -> None:
    """See out what is left, with a bound: a plug-in's check may swallow every cancellation."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    _, stuck = await asyncio.wait(left, timeout=_LEAVE_S) if left else ((), ())
    if stuck:
        fields = {"tasks": [str(task.get_coro()) for task in stuck][:10]}
        LOGGER.error("http.left_behind", extra={"fields": fields})
        logging.shutdown()
        os._exit(0)  # all that matters is on disk; asyncio would wait for ever


async def _served(assembly: Assembly, mcp_server: type[DiagnosticsServer]) -> None:
    names = [tool.name for tool in assembly.container.found().tools]
    credentials = read_credentials(assembly.settings, names)
    host = listening_host(assembly.loaded, guarded=bool(credentials))
    sockets = listen(host, assembly.settings.server.port)
    try:
        recorded = assembly.settings.state.record != "off"
        observers = Observers(assembly.container, recorded=recorded)
    except ConfigError:
        for one in sockets:
            one.close()
        raise
    service = HttpService(
        assembly,
        observers,
        credentials,
        open_to_others=not is_loopback(host),
        mcp_server=mcp_server,
    )
    await service.run(sockets)


class HttpService:
    """Everything that serves over HTTP, made from one assembly."""

    def __init__(
        self,
        assembly: Assembly,
        observers: Observers,
        credentials: Sequence[Credential],
        *,
        open_to_others: bool,
        mcp_server: type[DiagnosticsServer] = DiagnosticsServer,
    ) -> None:
        container, settings = assembly.container, assembly.settings
        self._assembly = assembly
        self._observers = observers
        self._grace_s = settings.server.shutdown_grace
        self._clock = clock = container.clock()
        self._began_s = clock.monotonic_s()
        self._stopped_s: float | None = None
        log, record, telemetry = observers.log, observers.record, observers.telemetry
        self._run_tool = run_tool = container.run_tool()
        self._machine = HostMachine(settings.state.dir, clock)
        self._plugin_checks = discover_checks(container.vetted().names)
        web = _web(settings)

        self._switchboard = Switchboard(run_tool, switches(settings), clock=clock, log=log)
        guesses = Rates(GUESSES, clock, max_callers=settings.rate_limit.max_clients)
        self._gate = Gate(credentials, guesses=guesses, clock=clock, log=log)
        self._reload = Reload(
            assembly.loaded,
            assembly.load_again,
            Live(
                found=container.found(),
                programs=container.programs(),
                clock=clock,
                log=log,
                switchboard=self._switchboard,
                rates=container.rates(),
                gate=self._gate,
                read_credentials=self._read_credentials,
                rate_of=rate,
                open_to_others=open_to_others,
                dismiss=self._dismiss,
                after=self._follow,
            ),
        )
        self._health = HealthMonitor(
            self._checks(settings),
            clock=clock,
            interval_s=settings.health.interval,
            timeout_s=settings.health.timeout,
        )
        self._feed = Feed(
            history=record,
            log=log,
            health=self._health,
            health_body=self._health_body,
            metrics=lambda: view_metrics(self._machine, telemetry.metrics),
            clock=clock,
            logger=LOGGER,
            run_id=secrets.token_hex(4),
            limits=FeedLimits(max_subscribers=settings.server.max_subscribers),
            lasting=not isinstance(record, RecentEvents),
        )
        server = mcp_server(run_tool, version=VERSION, caller=caller_of, tracer=telemetry.tracer)
        self._switchboard.announce_by(server.announce_tools_changed)
        self._mcp = McpOverHttp(
            server,
            object_to=sender_check(web),
            max_sessions=settings.server.max_sessions,
            max_calls=settings.server.max_calls,
            max_body_bytes=web.max_body_bytes,
        )
        self._lifecycle = Lifecycle(
            run_tool,
            grace_s=self._grace_s,
            logger=LOGGER,
            end_streams=(self._feed.close, self._mcp.close),
            reload=self._reload_soon,
        )
        self._reloading: set[asyncio.Task[None]] = set()
        self._limits = _limits(settings)
        self._app = make_app(
            Service(
                run_tool=run_tool,
                executions=Executions(run_tool, log, record),
                switchboard=self._switchboard,
                gate=self._gate,
                health=self._health.report,
                ready=lambda: self._lifecycle.ready and self._health.report().ready,
                metrics=telemetry.metrics,
                machine=self._machine,
                described=lambda: self._reload.loaded.described(),
                clock=clock,
                version=VERSION,
                tracer=telemetry.tracer,
                mcp=self._mcp,
                events=events_app(self._feed),
            ),
            web,
        )

    async def run(self, sockets: Sequence[socket.socket]) -> None:
        """Serve on the sockets until a signal, and leave nothing behind. Raises StartFailed."""
        self._observers.tell(audit.ServiceStarted(version=VERSION, transport="http"))
        background = [
            asyncio.create_task(self._health.run()),
            asyncio.create_task(self._note_stop()),
            asyncio.create_task(self._observers.denials.run()),
        ]
        self._feed.start()
        with suppress(
            TimeoutError
        ):  # a check that hangs must not keep the service from its callers
            async with asyncio.timeout(_FIRST_ROUND_S):
                await self._health.first()
        reason = "failed"
        try:
            async with self._mcp.run():
                await serve(
                    self._app,
                    sockets=sockets,
                    limits=self._limits,
                    lifecycle=self._lifecycle,
                    on_ready=self._ready,
                    logger=LOGGER,
                )
            reason = self._lifecycle.reason
        finally:
            for task in (*background, *self._reloading):
                task.cancel()
            await self._run_tool.drain()
            await asyncio.gather(*background, *self._reloading, return_exceptions=True)
            await self._observers.close(reason, self._left_s())

    async def _note_stop(self) -> None:
        await self._lifecycle.stopping()
        self._stopped_s = self._clock.monotonic_s()
        fields = {"reason": self._lifecycle.reason, "grace_sec": self._grace_s}
        LOGGER.info("http.stopping", extra={"fields": fields})

    def _left_s(self) -> float:
        """Seconds until it must be over."""
        stopped_s = self._clock.monotonic_s() if self._stopped_s is None else self._stopped_s
        return max(stopped_s + self._grace_s + OVER_S - self._clock.monotonic_s(), _LEAST_S)

    def _ready(self, urls: Sequence[str]) -> None:
        for url in urls:
            LOGGER.info("http.listening", extra={"fields": {"url": url}})
        if not self._gate.guarded:
            fields = {"reason": "no token is configured, so it listens on loopback only"}
            LOGGER.warning("http.open_to_this_machine", extra={"fields": fields})

    def _health_body(self, report: HealthReport) -> HealthAnswer:
        """For the event stream, whose readers have the right to read."""
        uptime_s = self._clock.monotonic_s() - self._began_s
        return to_wire(report, version=VERSION, uptime_s=uptime_s, full=True)

    def _checks(self, settings: Settings) -> tuple[Check, ...]:
        container, health = self._assembly.container, settings.health
        broken = (
            *self._run_tool.catalog.broken,
            *self._plugin_checks.broken,
            *self._observers.telemetry.broken,
        )
        return (
            *machine_checks(
                self._machine,
                degraded_percent=health.degraded_percent,
                unhealthy_percent=health.unhealthy_percent,
            ),
            *service_checks(
                run_tool=self._run_tool,
                runner=container.runner(),
                stamp=file_stamp,
                layers=container.runner().layers(),
                broken=broken,
                plugins=container.found().plugins,
                record_failing=lambda: self._observers.failing,
                refused_settings=lambda: self._reload.problems,
            ),
            *self._plugin_checks.checks,
        )

    def _read_credentials(self, settings: Settings) -> Sequence[Credential]:
        return read_credentials(
            settings, [tool.name for tool in self._assembly.container.found().tools]
        )

    def _reload_soon(self) -> None:
        task = asyncio.ensure_future(self._reload())
        self._reloading.add(task)
        task.add_done_callback(self._reloaded)

    def _reloaded(self, task: asyncio.Task[None]) -> None:
        self._reloading.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            LOGGER.error("settings.reload_crashed", exc_info=error)

    def _dismiss(self) -> None:
        """End the streams of callers that lost their rights."""
        for streams in (self._feed, self._mcp):
            streams.dismiss(lambda caller: not self._gate.knows(caller))

    def _follow(self, loaded: Loaded) -> None:
        """After a reload: the tools may be others."""
        self._observers.telemetry.tools(entry.name for entry in self._run_tool.catalog.entries())
        self._health.replace(self._checks(loaded.settings))


def _web(settings: Settings) -> WebSettings:
    server = settings.server
    return WebSettings(
        cors_origins=server.cors_origins,
        allowed_hosts=server.allowed_hosts,
        trusted_proxies=server.trusted_proxies,
    )


def _limits(settings: Settings) -> ServingLimits:
    server = settings.server
    return ServingLimits(
        header_timeout_s=server.header_timeout,
        keep_alive_s=server.keep_alive,
        max_connections=server.max_connections,
        trusted_proxies=tuple(ip_network(text) for text in server.trusted_proxies),
    )
