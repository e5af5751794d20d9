"""The object graph, and the only importer of dependency_injector."""

from dependency_injector import containers, providers

from ..adapters.clock import SystemClock, new_execution_id
from ..adapters.dns import DnsResolver
from ..adapters.event_log import RecentEvents
from ..adapters.hosts_file import SystemHosts
from ..adapters.log_events import LoggedEvents
from ..adapters.plugins import find_tools, vet
from ..adapters.privileges import look_up_privileges
from ..adapters.process.find_chain import find_chain
from ..adapters.process.subprocess_runner import SubprocessRunner
from ..adapters.programs import InstalledPrograms
from ..application.ports import EventLog, Tracer
from ..application.rates import Rates
from ..application.run_tool import RunTool
from ..application.untraced import Untraced
from ..domain.bucket import Rate
from .catalog import build_catalog, settle
from .logs import LOGGER
from .sandbox import wanted
from .settings import Settings
from .settings_load import Loaded


def rate(settings: Settings) -> Rate | None:
    """The rate limit; stdio has one client, which concurrency bounds unless the operator wants more."""
    limit = settings.rate_limit
    if settings.server.transport == "stdio" and not limit.stdio:
        return None
    return Rate(tokens=limit.rate, per_s=limit.per)


class Container(containers.DeclarativeContainer):
    """Everything is made once, when it is first asked for."""

    given = providers.Dependency(instance_of=Loaded)

    vetted = providers.Singleton(vet, given.provided.settings.plugins)
    found = providers.Singleton(find_tools, given.provided.settings.tool.package, vetted)
    loaded = providers.Singleton(settle, given, found)
    settings = loaded.provided.settings

    clock = providers.Singleton(SystemClock)
    hosts = providers.Singleton(SystemHosts)
    resolver = providers.Singleton(DnsResolver, hosts.provided.addresses)
    programs = providers.Singleton(InstalledPrograms)
    privileges = providers.Singleton(look_up_privileges)
    chain = providers.Singleton(
        find_chain, programs, providers.Singleton(wanted, settings.provided.sandbox)
    )
    runner = providers.Singleton(SubprocessRunner, chain)
    recent = providers.Singleton(RecentEvents)
    log = providers.Singleton(LoggedEvents, recent, LOGGER)
    tracer = providers.Singleton(Untraced)

    rates = providers.Singleton(
        Rates,
        providers.Singleton(rate, settings),
        clock,
        max_callers=settings.rate_limit.max_clients,
    )
    catalog = providers.Singleton(build_catalog, settings, found, programs)
    run_tool = providers.Singleton(
        RunTool,
        catalog=catalog,
        runner=runner,
        resolver=resolver,
        clock=clock,
        log=log,
        new_id=providers.Object(new_execution_id),
        privileges=privileges,
        rates=rates,
        tracer=tracer,
    )


def observe_by(container: Container, *, log: EventLog, tracer: Tracer) -> None:
    """Have what is made from now on tell this log and this tracer."""
    container.log.override(providers.Object(log))
    container.tracer.override(providers.Object(tracer))
