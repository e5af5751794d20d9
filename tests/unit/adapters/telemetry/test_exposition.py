"""Which format a scraper gets."""

import pytest

from netsonde.adapters.telemetry.exposition import prefers_openmetrics

OPEN = "application/openmetrics-text"


@pytest.mark.parametrize(
    ("accept", "openmetrics"),
    [
        ("", False),
        ("*/*", False),
        ("text/plain", False),
        (OPEN, True),
        (f"{OPEN};version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", True),
        (f"text/plain, {OPEN};q=0.5", False),
        (f"text/plain;q=0.5, {OPEN}; q=0.7", True),
        (f"{OPEN};q=0", False),
        (f"{OPEN};q=nonsense", False),
        (f"{OPEN};version={'9' * 50}.x", True),
        (f"{','.join(['a/b'] * 1000)},{OPEN}", False),
        (";;,,==,q=\x00", False),
    ],
)
def test_openmetrics_is_given_where_it_is_named_and_liked_as_well(
    accept: str, openmetrics: bool
) -> None:
    assert prefers_openmetrics(accept) is openmetrics
