"""Handlers of the service itself: overview, health, metrics, settings, description."""

from typing import Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler

from ...application.health_answer import to_wire
from ...domain.access import Scope
from ...domain.health import HealthStatus
from .. import wire
from . import problems
from .accept import preferred
from .access import resource_metadata
from .answers import Answer, answer, caller_of, encode, refusal
from .endpoints import JSON, OPENMETRICS, PROMETHEUS, RESOURCE_METADATA, Endpoint
from .openapi import document
from .openapi_texts import TEXTS
from .service import Service
from .views import (
    Alive,
    Offered,
    Readiness,
    ServiceView,
    SettingView,
    Unhealthy,
    view_metrics,
)

_FORMATS = {"json": JSON, "prometheus": PROMETHEUS}


def service_handlers(service: Service, endpoints: tuple[Endpoint, ...]) -> list[HTTPRouteHandler]:
    """The handlers of everything that is about the service."""
    documents = {
        guarded: encode(document(endpoints, version=service.version, guarded=guarded))
        for guarded in (False, True)
    }
    started_s = service.clock.monotonic_s()
    overview = _overview(service, endpoints)

    @get("/")
    async def get_service() -> Answer:
        return answer(overview)

    @get("/health")
    async def get_health(request: Request[Any, Any, Any]) -> Answer:
        report = service.health()
        health = to_wire(
            report,
            version=service.version,
            uptime_s=service.clock.monotonic_s() - started_s,
            full=caller_of(request).may(Scope.READ),
        )
        status = wire.HEALTH[report.status]
        if report.status is not HealthStatus.UNHEALTHY:
            return answer(health, status)
        error = problems.unhealthy(
            check.name for check in report.checks if check.status is HealthStatus.UNHEALTHY
        )
        members = {name: getattr(health, name) for name in health.__struct_fields__}
        return answer(Unhealthy(**members, error=error), status, error=error)

    @get("/health/live")
    async def get_liveness() -> Answer:
        return answer(Alive())

    @get("/health/ready")
    async def get_readiness() -> Answer:
        if service.ready():
            return answer(Readiness("ready"), wire.READY[True])
        error = problems.not_ready()
        return answer(Readiness("not_ready", error), wire.READY[False], error=error)

    @get("/metrics")
    async def get_metrics(request: Request[Any, Any, Any]) -> Answer:
        accept = request.headers.get("accept")
        query = request.query_params.getall("format", [])
        wanted = preferred(accept, (PROMETHEUS, OPENMETRICS, JSON))
        if query:
            if len(query) > 1 or query[0] not in _FORMATS:
                return refusal(problems.parameter("format", query[0], " or ".join(_FORMATS)))
            wanted, accept = _FORMATS[query[0]], ""
        if wanted == JSON:
            return answer(view_metrics(service.machine, service.metrics))
        text, content_type = service.metrics.text(accept or "")
        # As a header, for Litestar adds a charset to a media type of text that has one already.
        return Answer(text, headers={"Content-Type": content_type})

    @get("/config")
    async def get_settings() -> Answer:
        return answer(
            {
                setting.key: SettingView(
                    value=setting.value, source=setting.source, variable=setting.variable
                )
                for setting in service.described()
            }
        )

    @get("/schema")
    async def get_schema() -> Answer:
        return Answer(documents[service.gate.guarded], media_type=JSON)

    @get(RESOURCE_METADATA)
    async def get_resource_metadata(request: Request[Any, Any, Any]) -> Answer:
        return answer(resource_metadata(request.scope["state"]["own_address"]))

    return [
        get_service,
        get_health,
        get_liveness,
        get_readiness,
        get_metrics,
        get_settings,
        get_schema,
        get_resource_metadata,
    ]


def _overview(service: Service, endpoints: tuple[Endpoint, ...]) -> ServiceView:
    offered: dict[str, dict[str, Offered]] = {}
    for endpoint in endpoints:
        offered.setdefault(endpoint.path, {})[endpoint.method] = Offered(
            scope=endpoint.scope and endpoint.scope.value,
            summary=TEXTS[endpoint.operation].summary,
        )
    return ServiceView(
        name="netsonde", version=service.version, transports=("stdio", "http"), endpoints=offered
    )
