"""Handlers of executions: listed, shown, cancelled."""

from typing import Any

from litestar import Request, delete, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from ...application.executions import BadCursor
from ...domain.errors import ToolError
from . import problems
from .answers import Answer, answer, caller_of, refusal
from .service import Service

MOST_LISTED = 200
LISTED = 50
_PARAMETERS = ("limit", "cursor")


def execution_handlers(service: Service) -> list[HTTPRouteHandler]:
    """The handlers under /executions."""
    executions = service.executions

    @get("/executions")
    async def list_executions(request: Request[Any, Any, Any]) -> Answer:
        query = list(request.query_params.multi_items())
        limit = _read_limit(query)
        if isinstance(limit, ToolError):
            return refusal(limit)
        cursor = dict(query).get("cursor")
        try:
            page = await executions.page(cursor=cursor, limit=limit, caller=caller_of(request))
        except BadCursor:
            return refusal(problems.parameter("cursor", cursor or "", _A_CURSOR))
        return answer(page)

    @get("/executions/{execution_id:str}")
    async def get_execution(execution_id: FromPath[str], request: Request[Any, Any, Any]) -> Answer:
        whole = executions.whole(execution_id, caller=caller_of(request))
        return refusal(problems.unknown_execution(execution_id)) if whole is None else answer(whole)

    @delete("/executions/{execution_id:str}", status_code=200)
    async def cancel_execution(
        execution_id: FromPath[str], request: Request[Any, Any, Any]
    ) -> Answer:
        whole = await executions.cancel(execution_id, caller=caller_of(request))
        return refusal(problems.unknown_execution(execution_id)) if whole is None else answer(whole)

    return [list_executions, get_execution, cancel_execution]


_A_CURSOR = "the next_cursor of a page, or none for the newest"


def _read_limit(query: list[tuple[str, str]]) -> int | ToolError:
    """The limit, once every parameter is known and there once: a slip would show the wrong page."""
    names = [name for name, _ in query]
    for name, given in query:
        if name not in _PARAMETERS:
            return problems.unknown_parameter(name, _PARAMETERS)
        if names.count(name) > 1:
            return problems.parameter(name, given, "it once")
    text = dict(query).get("limit", str(LISTED))
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= MOST_LISTED):
        return problems.parameter("limit", text, f"a whole number from 1 to {MOST_LISTED}")
    return int(text)
