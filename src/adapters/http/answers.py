"""Answers: values as JSON with the status and headers that go with them."""

import math
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Response
from litestar.connection import ASGIConnection

from ...application.rates import Standing
from ...domain.access import Caller
from ...domain.errors import ToolError
from .. import wire
from .endpoints import JSON
from .error_body import ErrorBody

Answer = Response[bytes]
_DEFAULT_WAIT_S = 10


def encode(value: Any) -> bytes:
    """JSON."""
    return msgspec.json.encode(value)


def answer(
    value: Any,
    status: int = wire.HTTP_OK,
    *,
    error: ToolError | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """A value as JSON; `error` is the one in it, if there is one."""
    return Response(
        encode(value),
        status_code=status,
        media_type=JSON,
        headers={**wait_headers(status, error), **(headers or {})},
    )


def refusal(error: ToolError, *, headers: Mapping[str, str] | None = None) -> Answer:
    """A refusal, with its status."""
    return answer(ErrorBody(error), wire.http_status_of(error), error=error, headers=headers)


def wait_headers(status: int, error: ToolError | None) -> dict[str, str]:
    """When to come back, in whole seconds, where the status says so."""
    if status not in wire.WAITS:
        return {}
    told = error.metadata.get("retry_after_sec") if error is not None else None
    wait_s = told if isinstance(told, int | float) else _DEFAULT_WAIT_S
    return {"Retry-After": str(max(1, math.ceil(wait_s)))}


def rate_headers(standing: Standing | None) -> dict[str, str]:
    """What is left of a caller's rate, as most clients read it and as the draft standard has it.

    draft-ietf-httpapi-ratelimit-headers-10; the three names with a hyphen are of its first versions.
    """
    if standing is None:
        return {}
    limit, reset_s = int(standing.limit), math.ceil(standing.reset_s)
    return {
        "RateLimit-Limit": str(limit),
        "RateLimit-Remaining": str(standing.remaining),
        "RateLimit-Reset": str(reset_s),
        "RateLimit-Policy": f'"tool";q={limit};w={math.ceil(standing.per_s)}',
        "RateLimit": f'"tool";r={standing.remaining};t={reset_s}',
    }


def caller_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Caller:
    """Who asks, as the door found out."""
    caller: Caller = connection.scope["state"]["caller"]
    return caller
