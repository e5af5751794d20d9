"""Why a connection was refused before there was a request to answer: an error and a status for each."""

from http import HTTPStatus

import msgspec

from ...domain.errors import ErrorType, ToolError
from .error_body import error_body, error_headers


class Refusal(msgspec.Struct, frozen=True):
    """What is said to the peer, and the last thing that is."""

    status: HTTPStatus
    error: ToolError

    @property
    def rule(self) -> str:
        """The stable dotted id of the reason."""
        return str(self.error.metadata["rule"])

    def response(self) -> bytes:
        """The whole HTTP/1.1 response, which closes the connection."""
        body = error_body(self.error)
        lines = [f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\n".encode()]
        for name, value in (*error_headers(self.error, body), (b"connection", b"close")):
            lines.append(name + b": " + value + b"\r\n")
        return b"".join((*lines, b"\r\n", body))


def _refusal(
    status: HTTPStatus, kind: ErrorType, rule: str, message: str, recovery: str, **more: int
) -> Refusal:
    return Refusal(
        status,
        ToolError(
            error_type=kind,
            message=message,
            recovery_suggestion=recovery,
            metadata={"rule": rule, **more},
        ),
    )


MALFORMED = _refusal(
    HTTPStatus.BAD_REQUEST,
    ErrorType.VALIDATION_ERROR,
    "http.malformed",
    "This is no HTTP/1.1 request that can be read in one way only.",
    "Send HTTP/1.1 without TLS: one Host header, a body with either Content-Length or chunked.",
)
UPGRADE = _refusal(
    HTTPStatus.BAD_REQUEST,
    ErrorType.VALIDATION_ERROR,
    "http.upgrade",
    "A request with a body can't be an upgrade here.",
    "Send it as plain HTTP/1.1, without the header Upgrade (curl --http1.1).",
)
VERSION = _refusal(
    HTTPStatus.HTTP_VERSION_NOT_SUPPORTED,
    ErrorType.VALIDATION_ERROR,
    "http.version",
    "This version of HTTP is not spoken here.",
    "Send HTTP/1.1.",
)
HEADERS = _refusal(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    ErrorType.VALIDATION_ERROR,
    "http.headers",
    "The request's headers are too many or too large.",
    "Send fewer and shorter ones.",
)
PATH = _refusal(
    HTTPStatus.REQUEST_URI_TOO_LONG,
    ErrorType.VALIDATION_ERROR,
    "http.path",
    "The request's path and query are too long.",
    "GET / lists the endpoints; what is long goes in the body.",
)
BODY = _refusal(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ErrorType.VALIDATION_ERROR,
    "http.body",
    "The request is far larger than any that is taken.",
    "Send less; extra_args and options are much shorter than that.",
)
SLOW = _refusal(
    HTTPStatus.REQUEST_TIMEOUT,
    ErrorType.TIMEOUT,
    "http.slow",
    "The request did not come whole within server.header_timeout seconds.",
    "Send it in one go.",
)
FULL = _refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorType.RESOURCE_EXHAUSTED,
    "http.connections",
    "The server has as many connections as it takes.",
    "Wait as long as metadata.retry_after_sec says; use few connections, and keep them.",
    retry_after_sec=5,
)
PEER_FULL = _refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorType.RESOURCE_EXHAUSTED,
    "http.connections.peer",
    "The server has as many connections from this address as it takes.",
    "Close some of them. Behind a proxy, the operator names it in server.trusted_proxies.",
    retry_after_sec=5,
)
