"""Handlers of the tools: shown, asked, switched."""

import logging
from collections.abc import Mapping
from typing import Any, cast

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from ...application.answers import CANCELLED
from ...application.refusals import unknown_tool
from ...domain.access import Caller
from ...domain.errors import ToolError
from .. import wire
from . import problems
from .answers import Answer, answer, caller_of, rate_headers, refusal
from .asgi import Receive
from .bodies import read_object
from .disconnects import while_connected
from .service import Service
from .views import ToolsView, view_tool

_LONGEST_NAME = 128  # of a tool; longer ones exist nowhere, and would be kept in the record
_log = logging.getLogger(__name__)


def tool_handlers(service: Service) -> list[HTTPRouteHandler]:
    """The handlers under /tools."""
    run_tool = service.run_tool

    def rate_left(name: str, caller: Caller) -> dict[str, str]:
        entry = run_tool.catalog.find(name)
        return rate_headers(run_tool.standing(entry, caller)) if entry is not None else {}

    async def switch(name: str, caller: Caller, *, on: bool) -> Answer:
        known = run_tool.catalog.find(name)
        if known is not None and (refused := caller.object_to_tool(known.name)) is not None:
            return refusal(refused.error())
        try:
            entry = await service.switchboard.switch(name, on=on, caller=caller)
        except OSError:
            _log.exception("switch_failed tool=%.64r", name)
            return refusal(problems.switch_not_kept())
        if entry is None:
            return refusal(unknown_tool(name, run_tool.catalog))
        return answer(view_tool(entry, run_tool, service.health()))

    @get("/tools")
    async def list_tools(request: Request[Any, Any, Any]) -> Answer:
        report, caller = service.health(), caller_of(request)
        entries = run_tool.catalog.entries()
        mine = [entry for entry in entries if caller.object_to_tool(entry.name) is None]
        return answer(ToolsView(tuple(view_tool(entry, run_tool, report) for entry in mine)))

    @get("/tools/{name:str}")
    async def get_tool(name: FromPath[str]) -> Answer:
        name = name[:_LONGEST_NAME]
        entry = run_tool.catalog.find(name)
        if entry is None:
            return refusal(unknown_tool(name, run_tool.catalog))
        return answer(view_tool(entry, run_tool, service.health()))

    @post("/tools/{name:str}/plan")
    async def plan(name: FromPath[str], request: Request[Any, Any, Any]) -> Answer:
        members = await _members(request)
        if isinstance(members, ToolError):
            return refusal(members)
        caller, name = caller_of(request), name[:_LONGEST_NAME]
        verdict = await run_tool.plan(name, members, caller=caller)
        # A refusal is what was asked for; only that there is no such tool is a failure.
        status = wire.HTTP_OK
        if verdict.error is not None and wire.is_unknown_tool(verdict.error):
            status = wire.http_status_of(verdict.error)
        return answer(verdict, status, error=verdict.error)

    @post("/tools/{name:str}/execute")
    async def execute(name: FromPath[str], request: Request[Any, Any, Any]) -> Answer:
        members = await _members(request)
        if isinstance(members, ToolError):
            return refusal(members)
        caller, name = caller_of(request), name[:_LONGEST_NAME]
        output = await while_connected(
            cast(Receive, request.receive), run_tool.execute(name, members, caller=caller)
        )
        if output is None:  # nobody reads this
            return refusal(CANCELLED)
        return answer(
            output,
            wire.http_status(output),
            error=output.error,
            headers=rate_left(name, caller),
        )

    @post("/tools/{name:str}/enable")
    async def enable(name: FromPath[str], request: Request[Any, Any, Any]) -> Answer:
        return await switch(name[:_LONGEST_NAME], caller_of(request), on=True)

    @post("/tools/{name:str}/disable")
    async def disable(name: FromPath[str], request: Request[Any, Any, Any]) -> Answer:
        return await switch(name[:_LONGEST_NAME], caller_of(request), on=False)

    return [list_tools, get_tool, plan, execute, enable, disable]


async def _members(request: Request[Any, Any, Any]) -> Mapping[str, Any] | ToolError:
    return read_object(await request.body(), request.headers.get("content-type"))
