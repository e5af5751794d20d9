"""Every rule a caller can meet is documented, has a way forward and a cause."""

import pytest

from netsonde.domain.errors import ErrorType
from netsonde.domain.recovery import RECOVERY
from netsonde.domain.refusal import Refused, Suggestion
from tests.unit.domain.promises import RULES

_DENIED = {
    "access.network",
    "option.forbidden",
    "option.intrusive",
    "option.privilege",
    "target.denied",
    "target.link_local",
    "target.loopback",
    "target.multicast",
    "target.not_allowed",
    "target.public",
    "target.rebinding",
    "target.reserved",
    "target.suffix",
}


def test_every_rule_of_a_judgement_has_a_way_forward() -> None:
    assert set(RECOVERY) == RULES - {"request.profile"}


@pytest.mark.parametrize("rule", sorted(RULES | {"request.member", "request.type"}))
def test_a_slip_is_a_validation_error_and_the_operators_will_a_denial(rule: str) -> None:
    refused = Refused(rule=rule, offending="x", reason="so", recovery="do")
    denied = rule in _DENIED - {"option.privilege"}
    expected = ErrorType.POLICY_DENIED if denied else ErrorType.VALIDATION_ERROR
    assert refused.error_type is expected


def test_the_error_tells_rule_offending_word_and_suggestion() -> None:
    refused = Refused(
        rule="option.intrusive",
        offending="-A",
        reason="so",
        recovery="do",
        suggestion=Suggestion(target="10.0.0.1", extra_args="-sV"),
    )
    error = refused.error()
    assert error.recovery_suggestion == "do"
    assert error.metadata == {
        "rule": "option.intrusive",
        "offending": "-A",
        "suggestion": {"target": "10.0.0.1", "extra_args": "-sV"},
    }
