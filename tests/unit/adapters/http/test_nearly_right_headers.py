"""Headers that are nearly right."""

import asyncio

import pytest

from netsonde.adapters.http.accept import preferred
from netsonde.adapters.http.asgi import Message
from netsonde.adapters.http.bodies import read_body
from netsonde.adapters.http.reply import quality


@pytest.mark.parametrize(
    ("parameters", "weight"),
    [("q=nan", 0.0), ("q=inf", 1.0), ("q=-1", 0.0), ("q=x", 0.0), ("q=0.5", 0.5), ("a=b", 1.0)],
)
def test_a_weight_is_between_0_and_1(parameters: str, weight: float) -> None:
    assert quality(parameters) == weight


def test_a_weight_that_is_no_number_wants_nothing() -> None:
    assert preferred("text/plain;q=nan, application/json;q=0.1", ("text/plain",)) is None


def test_a_length_in_odd_digits_is_no_length() -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    scope = {"headers": [(b"content-length", b"2\xb2")]}  # a superscript 2 in Latin-1
    assert asyncio.run(read_body(scope, receive, 10)) == b"{}"
