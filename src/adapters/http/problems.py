"""Why a request was turned away before it reached a use-case: an error for each reason."""

from collections.abc import Iterable

from ...domain.errors import ErrorType, ToolError

_MOST_ECHOED = 200


def _error(
    kind: ErrorType, rule: str, message: str, recovery: str, **more: str | float | int
) -> ToolError:
    return ToolError(
        error_type=kind,
        message=message,
        recovery_suggestion=recovery,
        metadata={"rule": rule, **more},
    )


def unknown_path(path: str) -> ToolError:
    """There is nothing at this path."""
    return _error(
        ErrorType.NOT_FOUND,
        "request.path",
        "There is nothing at this path.",
        "GET / lists the endpoints, GET /schema describes them.",
        offending=path[:_MOST_ECHOED],
    )


def wrong_method(method: str, allowed: Iterable[str]) -> ToolError:
    """The path is there, but not for this method."""
    return _error(
        ErrorType.VALIDATION_ERROR,
        "request.method",
        "This path does not take the method.",
        f"It takes {', '.join(allowed)}.",
        offending=method[:_MOST_ECHOED],
    )


def malformed(reason: str) -> ToolError:
    """The body is no JSON that can be read in one way only."""
    return _error(
        ErrorType.VALIDATION_ERROR,
        "request.malformed",
        f"The request can't be read: {reason}.",
        "Send one JSON object, in UTF-8, such as {\"target\": \"10.0.0.1\"}.",
    )  # fmt: skip


def not_an_object() -> ToolError:
    """The body is JSON, but no object."""
    return _error(
        ErrorType.VALIDATION_ERROR,
        "request.type",
        "The body is not a JSON object.",
        'Send an object, such as {"target": "10.0.0.1"}.',
        offending="body",
    )


def media_type(given: str) -> ToolError:
    """The body claims to be something else."""
    return _error(
        ErrorType.VALIDATION_ERROR,
        "request.media_type",
        "The body is not said to be JSON.",
        "Send the header Content-Type: application/json.",
        offending=given[:_MOST_ECHOED],
    )


def not_acceptable(produced: Iterable[str]) -> ToolError:
    """The client takes nothing that is made here."""
    return _error(
        ErrorType.VALIDATION_ERROR,
        "request.accept",
        "The header Accept leaves out what this endpoint answers with.",
        f"Accept {' or '.join(produced)}, or send no Accept.",
    )


def too_large(limit_bytes: int) -> ToolError:
    """The body is over the limit."""
    return _error(
        ErrorType.VALIDATION_ERROR,
        "request.size",
        f"The body has more than {limit_bytes} bytes.",
        "Send less; extra_args and options are much shorter than that.",
        limit_bytes=limit_bytes,
    )


def parameter(name: str, given: str, wanted: str) -> ToolError:
    """A query parameter can't be read."""
    return _error(
        ErrorType.VALIDATION_ERROR,
        "request.parameter",
        f"The query parameter {name} can't be read.",
        f"Give {wanted}.",
        offending=given[:_MOST_ECHOED],
    )


def unknown_parameter(name: str, known: Iterable[str]) -> ToolError:
    """There is no query parameter of this name."""
    return _error(
        ErrorType.VALIDATION_ERROR,
        "request.parameter",
        "There is no such query parameter.",
        f"The query parameters are {', '.join(known)}.",
        offending=name[:_MOST_ECHOED],
    )


def host(reason: str) -> ToolError:
    """The header Host is missing or makes no sense."""
    return _error(
        ErrorType.VALIDATION_ERROR, "request.host", f"{reason}.", "Send one Host header, HOST:PORT."
    )


def wrong_host(given: str) -> ToolError:
    """The request is for somebody else, as far as it says (DNS rebinding)."""
    return _error(
        ErrorType.POLICY_DENIED,
        "access.host",
        "This server is not known by the name in the header Host.",
        "Use its address, or the operator adds the name to server.allowed_hosts "
        "(MCP_SERVER_ALLOWED_HOSTS).",
        offending=given[:_MOST_ECHOED],
    )


def wrong_origin(given: str) -> ToolError:
    """A web page of another origin sent this."""
    return _error(
        ErrorType.POLICY_DENIED,
        "access.origin",
        "Web pages of this origin may not call this server.",
        "The operator adds the origin to server.cors_origins (MCP_SERVER_CORS_ORIGINS).",
        offending=given[:_MOST_ECHOED],
    )


def unknown_execution(execution_id: str) -> ToolError:
    """No execution of that id is kept, or not for this caller."""
    return _error(
        ErrorType.NOT_FOUND,
        "execution.unknown",
        "There is no execution of this id.",
        "GET /executions lists those that are kept.",
        offending=execution_id[:_MOST_ECHOED],
    )


def switch_not_kept() -> ToolError:
    """The switch would be forgotten at the next start, so it was not made."""
    return _error(
        ErrorType.RESOURCE_EXHAUSTED,
        "record.unavailable",
        "The switch can't be kept for the next start, so nothing was changed.",
        "The operator makes room or mends state.dir; the server's log has the reason.",
        retry_after_sec=10,
    )


def incident(number: str) -> ToolError:
    """A fault of ours; the log knows it by this number."""
    return _error(
        ErrorType.UNKNOWN,
        "service.incident",
        "The server failed at this request.",
        f"Tell the operator: the server's log has the reason under {number}.",
        incident=number,
    )


def unhealthy(checks: Iterable[str]) -> ToolError:
    """Something that the service needs is not well."""
    return _error(
        ErrorType.RESOURCE_EXHAUSTED,
        "service.unhealthy",
        f"Unhealthy: {', '.join(checks)}.",
        "The operator reads `checks`, with a token of scope read for the details.",
        retry_after_sec=10,
    )


def not_ready() -> ToolError:
    """Requests should go elsewhere for now."""
    return _error(
        ErrorType.RESOURCE_EXHAUSTED,
        "service.not_ready",
        "The service is starting, stopping or unwell.",
        "Ask again after metadata.retry_after_sec; /health tells more.",
        retry_after_sec=5,
    )
