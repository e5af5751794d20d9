"""Spans by OpenTelemetry; or, where nobody collects them, only the caller's trace carried along."""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Status, StatusCode

from ...application.ports import Span
from . import carrier as w3c

Value = str | int | float | bool
_PREFIX = "netsonde."
_MOST_CHARACTERS = 1000


class OTelTracer:
    """Meets the port `Tracer`."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    def request(
        self, name: str, carrier: Mapping[str, str], **attributes: Value
    ) -> AbstractContextManager[Span]:
        """See the port. Attributes without a dot in their name get the prefix `netsonde.`"""
        return _Open(self._tracer, name, w3c.extract(carrier), SpanKind.SERVER, attributes)

    def span(self, name: str, **attributes: Value) -> AbstractContextManager[Span]:
        """See the port."""
        return _Open(self._tracer, name, None, SpanKind.INTERNAL, attributes)


class PassingTracer:
    """Meets the port `Tracer`: records nothing; logs and exemplars still name the caller's trace."""

    def request(
        self, name: str, carrier: Mapping[str, str], **attributes: Value
    ) -> AbstractContextManager[Span]:
        """See the port."""
        if "traceparent" not in carrier:
            return _UNSEEN
        return _Carried(w3c.extract(carrier))

    def span(self, name: str, **attributes: Value) -> AbstractContextManager[Span]:
        """See the port."""
        return _UNSEEN


class _Open:
    """A span between its start and its end."""

    def __init__(
        self,
        tracer: trace.Tracer,
        name: str,
        parent: Context | None,
        kind: SpanKind,
        attributes: Mapping[str, Value],
    ) -> None:
        self._tracer = tracer
        self._name = name
        self._parent = parent
        self._kind = kind
        self._attributes = attributes

    def __enter__(self) -> "_Open":
        self._span = self._tracer.start_span(
            self._name, self._parent, self._kind, _qualified(self._attributes)
        )
        self._token = context.attach(trace.set_span_in_context(self._span, self._parent))
        return self

    def set(self, **attributes: Value) -> None:
        """See the port `Span`."""
        self._span.set_attributes(_qualified(attributes))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        context.detach(self._token)
        if isinstance(error, asyncio.CancelledError):
            self.set(cancelled=True)  # somebody went away: nothing failed
        elif error is not None:
            self._span.record_exception(error)
            self._span.set_status(Status(StatusCode.ERROR, type(error).__name__))
        self._span.end()


class _Unseen:
    def set(self, **attributes: Value) -> None:
        """Nobody looks."""


_UNSEEN: AbstractContextManager[Span] = nullcontext(_Unseen())


class _Carried(_Unseen):
    def __init__(self, carried: Context) -> None:
        self._carried = carried

    def __enter__(self) -> "_Carried":
        self._token = context.attach(self._carried)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        context.detach(self._token)


def _qualified(attributes: Mapping[str, Value]) -> dict[str, Value]:
    return {
        name if "." in name else _PREFIX + name: (
            value[:_MOST_CHARACTERS] if isinstance(value, str) else value
        )
        for name, value in attributes.items()
    }
