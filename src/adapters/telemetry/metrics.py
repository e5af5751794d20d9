"""The port `Metrics`: the counts, and every series as text."""

import threading
from collections.abc import Mapping

from ...application.ports import ToolCounts
from .additions import Additions
from .exposition import encode
from .prometheus import ContractReader
from .tally import Tally


class OTelMetrics:
    """Meets the port `Metrics`; from any thread."""

    def __init__(self, tally: Tally, reader: ContractReader, additions: Additions) -> None:
        self._tally = tally
        self._reader = reader
        self._additions = additions
        self._lock = threading.Lock()  # the exporter hands collections over in a queue of its own

    def text(self, accept: str = "") -> tuple[bytes, str]:
        """See the port: OpenMetrics 1.0 with exemplars, or Prometheus text 0.0.4."""
        with self._lock:
            ours = tuple(self._reader.families())
            return encode((*ours, *self._additions.families(ours)), accept)

    def counts(self) -> Mapping[str, ToolCounts]:
        """See the port."""
        return self._tally.counts()
