"""The text that `/metrics` answers, in the two formats that Prometheus has."""

import re
from collections.abc import Iterable

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, Metric, generate_latest
from prometheus_client.openmetrics import exposition

OPENMETRICS = "application/openmetrics-text"
_QUALITY = re.compile(r"q=([01](?:\.[0-9]{0,3})?)\s*\Z")


def encode(families: Iterable[Metric], accept: str) -> tuple[bytes, str]:
    """Text and content type: OpenMetrics if `accept` names it and likes it as well as the other."""
    collected = _Collected(families)
    if prefers_openmetrics(accept):
        text: bytes = exposition.generate_latest(  # type: ignore[no-untyped-call]  # it has no types
            collected, version="1.0.0"
        )
        return text, "application/openmetrics-text; version=1.0.0; charset=utf-8"
    return generate_latest(collected), CONTENT_TYPE_PLAIN_0_0_4


def prefers_openmetrics(accept: str) -> bool:
    """By the qualities of RFC 9110, section 12.5.1; whatever is malformed counts as not there."""
    best = dict.fromkeys((OPENMETRICS, "text/plain"), 0.0)
    for part in accept[:1000].lower().split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        if kind in best:
            qualities = [_QUALITY.match(piece) for piece in parameters if piece.startswith("q=")]
            quality = 1.0
            if qualities:
                quality = float(qualities[0][1]) if qualities[0] is not None else 0.0
            best[kind] = max(best[kind], quality)
    return best[OPENMETRICS] > 0 and best[OPENMETRICS] >= best["text/plain"]


class _Collected:
    """What the encoders take for a registry."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families
