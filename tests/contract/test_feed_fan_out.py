"""Many subscribers of `/events` with one among them that never reads.

NETSONDE_SOAK=1 takes the full size, 500 subscribers, which lasts half a minute.
"""

import asyncio
import os

import pytest

from tests.contract.fan_out import measure

SOAK = os.environ.get("NETSONDE_SOAK") == "1"
MOST_LATE_MS = 100.0
MOST_GROWTH_MIB = 64.0


@pytest.mark.skipif(not SOAK, reason="takes long: NETSONDE_SOAK=1")
def test_500_subscribers_are_told_at_once_whoever_does_not_read() -> None:
    found = asyncio.run(measure(500, 700, 25))
    assert found.received_by_each
    assert found.late_p99_ms < MOST_LATE_MS
    assert found.rss_peak_mib - found.rss_before_mib < MOST_GROWTH_MIB
    assert found.why_dropped == "too_slow"


def test_50_subscribers_are_told_at_once_whoever_does_not_read() -> None:
    found = asyncio.run(measure(50, 300, 200, quick=True))
    assert found.received_by_each
    assert found.late_p99_ms < MOST_LATE_MS
    assert found.rss_peak_mib - found.rss_before_mib < MOST_GROWTH_MIB
    assert found.why_dropped == "too_slow"
