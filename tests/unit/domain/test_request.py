"""A request is read from JSON: known members, right types."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.domain.refusal import Refused
from netsonde.domain.request import MEMBERS, Request, read


@pytest.mark.parametrize(
    ("members", "request_"),
    [
        ({"target": "x"}, Request(target="x")),
        ({"target": ""}, Request(target="")),
        ({"target": "x", "extra_args": "-n"}, Request(target="x", extra_args="-n")),
        ({"target": "x", "options": {"a": 1}}, Request(target="x", options={"a": 1})),
        ({"target": "x", "profile": "quick"}, Request(target="x", profile="quick")),
        ({"target": "x", "timeout_sec": 30}, Request(target="x", timeout_sec=30)),
        ({"target": "x", "timeout_sec": 0.5}, Request(target="x", timeout_sec=0.5)),
        ({"target": "x", "extra_args": None, "options": None}, Request(target="x")),
    ],
)
def test_known_members_of_the_right_type_are_read(
    members: dict[str, Any], request_: Request
) -> None:
    assert read(members) == request_


@pytest.mark.parametrize(
    ("members", "rule", "offending"),
    [
        ({}, "request.member", "target"),
        ({"target": "x", "args": "-n"}, "request.member", "args"),
        ({"target": "x", "": 1}, "request.member", ""),
        ({"target": 1}, "request.type", "target"),
        ({"target": None}, "request.type", "target"),
        ({"target": ["x"]}, "request.type", "target"),
        ({"target": "x", "extra_args": ["-n"]}, "request.type", "extra_args"),
        ({"target": "x", "options": []}, "request.type", "options"),
        ({"target": "x", "options": "-n"}, "request.type", "options"),
        ({"target": "x", "profile": 1}, "request.type", "profile"),
        ({"target": "x", "timeout_sec": "30"}, "request.type", "timeout_sec"),
        ({"target": "x", "timeout_sec": True}, "request.type", "timeout_sec"),
        ({"target": "x", "timeout_sec": 0}, "request.type", "timeout_sec"),
        ({"target": "x", "timeout_sec": -1}, "request.type", "timeout_sec"),
        ({"target": "x", "timeout_sec": float("nan")}, "request.type", "timeout_sec"),
        ({"target": "x", "timeout_sec": float("inf")}, "request.type", "timeout_sec"),
        ({"target": "x", "timeout_sec": 10**400}, "request.type", "timeout_sec"),
    ],
)
def test_anything_else_is_refused_by_the_members_name(
    members: dict[str, Any], rule: str, offending: str
) -> None:
    refused = read(members)
    assert isinstance(refused, Refused)
    assert (refused.rule, refused.offending) == (rule, offending)
    assert refused.recovery
    assert refused.error().error_type == "validation_error"


@given(
    st.dictionaries(
        st.sampled_from([*MEMBERS, "args"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just({}),
    )
)
def test_reading_never_raises(members: dict[str, Any]) -> None:
    assert isinstance(read(members), Request | Refused)
