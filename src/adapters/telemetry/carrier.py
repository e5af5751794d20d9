"""W3C trace context, read from and written to plain mappings: HTTP headers, the `_meta` of MCP."""

from collections.abc import Mapping

from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_MOST_BAGGAGE = 1024  # characters; reading it takes time with the square of its members
_TRACE = TraceContextTextMapPropagator()
_BAGGAGE = W3CBaggagePropagator()


def extract(carrier: Mapping[str, str]) -> Context:
    """The context that a caller sent, empty if it sent none; what is malformed counts as not sent.

    Keys are in lower case. Values that are no text, which JSON allows, are passed over.
    """
    sent = {
        name: value
        for name in ("traceparent", "tracestate")
        if isinstance(value := carrier.get(name), str)
    }
    context = _TRACE.extract(sent, Context()) if "traceparent" in sent else Context()
    baggage = carrier.get("baggage")
    if isinstance(baggage, str) and 0 < len(baggage) <= _MOST_BAGGAGE:
        context = _BAGGAGE.extract({"baggage": baggage}, context)
    return context


def inject() -> dict[str, str]:
    """The current context for whoever is called or answered; empty outside of a trace."""
    carrier: dict[str, str] = {}
    _TRACE.inject(carrier)
    _BAGGAGE.inject(carrier)
    return carrier
