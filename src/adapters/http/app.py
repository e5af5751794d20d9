"""The application: the handlers behind the door."""

import logging
import secrets
from typing import Any, cast

from litestar import Litestar, Request, asgi
from litestar.exceptions import HTTPException
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send

from ...application.ports import LogFailed
from ...application.refusals import unrecorded
from . import problems
from .answers import Answer, refusal
from .asgi import ASGIApp
from .door import Door
from .endpoints import ENDPOINTS, EVENTS, MCP
from .execution_handlers import execution_handlers
from .service import Service, WebSettings
from .service_handlers import service_handlers
from .tool_handlers import tool_handlers

_log = logging.getLogger(__name__)


def make_app(service: Service, web: WebSettings) -> ASGIApp:
    """The ASGI application that a server runs. Raises ValueError for a proxy that is no network.

    What `service.mcp` and `service.events` need to run is the caller's to start and to stop.
    """
    mounted = {MCP: service.mcp, EVENTS: service.events}
    endpoints = tuple(one for one in ENDPOINTS if mounted.get(one.path, one) is not None)
    litestar = Litestar(
        route_handlers=[
            *service_handlers(service, endpoints),
            *tool_handlers(service),
            *execution_handlers(service),
            *(_mount(path, app) for path, app in mounted.items() if app is not None),
        ],
        exception_handlers={
            Exception: _answer_incident,
            HTTPException: _answer_unread,
            LogFailed: _answer_unrecorded,
        },
        openapi_config=None,  # its own: see openapi.py
        logging_config=None,
        debug=False,
    )
    return Door(cast(ASGIApp, litestar), service, web, endpoints)


def _mount(path: str, app: ASGIApp) -> ASGIRouteHandler:
    @asgi(path, copy_scope=False)
    async def pass_on(scope: Scope, receive: Receive, send: Send) -> None:
        await app(cast(Any, scope), cast(Any, receive), cast(Any, send))

    return pass_on


def _answer_incident(request: Request[Any, Any, Any], error: Exception) -> Answer:
    number = secrets.token_hex(4)
    _log.error("http_failed incident=%s", number, exc_info=error)
    return refusal(problems.incident(number))


def _answer_unread(request: Request[Any, Any, Any], error: HTTPException) -> Answer:
    """Litestar's own objections: the door leaves it none, and their texts are not for callers."""
    _log.warning("http_objected status=%s detail=%.200r", error.status_code, error.detail)
    return refusal(problems.malformed("it makes no sense here"))


def _answer_unrecorded(request: Request[Any, Any, Any], error: LogFailed) -> Answer:
    return refusal(unrecorded(error))
