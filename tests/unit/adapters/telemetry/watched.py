"""A World whose RunTool is metered and traced; and events as RunTool appends them."""

import itertools

from netsonde.adapters.memory import KeptSpans
from netsonde.adapters.telemetry.telemetry import Telemetry, make_telemetry
from netsonde.application.catalog import Catalog
from netsonde.application.ports import Tracer
from netsonde.application.rates import Rates
from netsonde.application.run_tool import RunTool
from netsonde.domain import bucket
from netsonde.domain.breaker import State
from netsonde.domain.errors import ErrorType, ToolError
from netsonde.domain.execution import (
    Event,
    Finished,
    Happening,
    Planned,
    Started,
    Status,
    ToolOutput,
)
from netsonde.domain.plan import Limits, Plan
from netsonde.domain.privileges import Privileges
from tests.unit.application.world import World

TOOLS = ("NmapTool", "PingTool")


def closed_breakers() -> dict[str, State]:
    return dict.fromkeys(TOOLS, State.CLOSED)


def made(environ: dict[str, str] | None = None, plugins: tuple[str, ...] = ()) -> Telemetry:
    """Telemetry for two tools whose breakers are closed; to be shut down."""
    return make_telemetry(
        environ or {},
        version="1.2.3",
        tools=TOOLS,
        breaker_states=closed_breakers,
        plugins=plugins,
    )


def watch(
    world: World,
    telemetry: Telemetry | None = None,
    tracer: Tracer | None = None,
    rate: bucket.Rate | None = None,
) -> RunTool:
    """A RunTool over the world's fakes, observed."""
    return RunTool(
        catalog=Catalog((world.entry,)),
        runner=world.runner,
        resolver=world.resolver,
        clock=world.clock,
        log=telemetry.observe(world.log) if telemetry else world.log,
        new_id=map("w{}".format, itertools.count(1)).__next__,
        privileges=Privileges(raw_sockets=True),
        rates=Rates(rate, world.clock),
        tracer=tracer or (telemetry.tracer if telemetry else KeptSpans()),
    )


def event(what: Happening, execution_id: str = "e", at_s: float = 0.0) -> Event:
    return Event(execution_id=execution_id, at_s=at_s, what=what)


def planned(tool: str = "PingTool") -> Planned:
    limits = Limits(
        timeout_s=1,
        max_stdout_bytes=1,
        max_stderr_bytes=1,
        max_memory_bytes=1,
        max_file_descriptors=1,
        max_cpu_s=1,
    )
    return Planned(
        Plan(
            tool=tool,
            target="10.0.0.1",
            argv=("ping",),
            addresses=("10.0.0.1",),
            host_count=1,
            limits=limits,
        )
    )


def ended(
    status: Status,
    tool: str = "PingTool",
    duration_s: float = 0.0,
    error: ToolError | None = None,
) -> Finished:
    return Finished(
        ToolOutput(
            execution_id="e",
            tool=tool,
            target="10.0.0.1",
            status=status,
            duration_sec=duration_s,
            started_at="",
            finished_at="",
            error=error,
        )
    )


def refused(error_type: ErrorType, rule: object = None, tool: str = "PingTool") -> Finished:
    error = ToolError(
        error_type=error_type,
        message="no",
        recovery_suggestion="none",
        metadata={} if rule is None else {"rule": rule},
    )
    return ended(Status.REFUSED, tool, error=error)


STARTED = Started()
