"""What holds for every request, whoever wrote it (promises.py). `make fuzz` asks 200,000 times."""

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from netsonde.domain.options import Given
from netsonde.domain.planning import Allowed, Verdict
from netsonde.domain.refusal import Refused
from netsonde.domain.request import Request
from netsonde.domain.words import quote, split
from tests.unit.domain.asking import TOOLS
from tests.unit.domain.generators import Ask, as_json, asks, sane_args, targets, typed_options
from tests.unit.domain.promises import check, decide

pytestmark = pytest.mark.fuzz

# Hypothesis' own default of 100 is too few here: an example takes 2 ms.
_MOST = settings(max_examples=max(3000, settings().max_examples))
_SOME = settings(max_examples=max(500, settings().max_examples // 8))


def told(ask: Ask, verdict: Verdict) -> None:
    """Check it, and count it in Hypothesis' statistics."""
    event(f"{ask.program} {'allowed' if isinstance(verdict, Allowed) else verdict.rule}")
    check(ask, verdict)


@_MOST
@given(asks())
def test_every_verdict_keeps_every_promise(ask: Ask) -> None:
    verdict = decide(ask)
    assert verdict == decide(ask)
    told(ask, verdict)


@_SOME
@given(asks(options=typed_options))
def test_typed_options_get_the_same_promises(ask: Ask) -> None:
    verdict = decide(ask)
    assert verdict == decide(ask)
    told(ask, verdict)


@_SOME
@given(asks(args=sane_args, target=st.one_of(st.just("10.0.0.1"), targets)))
def test_sensible_requests_get_the_same_promises(ask: Ask) -> None:
    told(ask, decide(ask))


# --- one request, said in several ways -------------------------------------------------------------


def rows_of(ask: Ask) -> list[Given]:
    """The rows that extra_args names; no example if it is not all rows."""
    words = split(ask.request.extra_args)
    assert words is not None
    items = TOOLS[ask.program].grammar.read_words(words)
    found = [item for item in items if isinstance(item, Given)]
    assume(len(found) == len(items))
    return found


@_SOME
@given(asks(args=sane_args, target=st.sampled_from(["10.0.0.1", "fd00::1", "foo.lab.internal"])))
def test_the_canonical_form_of_a_request_gets_the_same_plan(ask: Ask) -> None:
    verdict = decide(ask)
    assume(isinstance(verdict, Allowed))
    written = " ".join(quote(item.words) for item in rows_of(ask))
    assume(len(written) <= ask.terms.policy.max_args_len)
    again = Request(
        target=ask.request.target, extra_args=written, timeout_sec=ask.request.timeout_sec
    )
    assert decide(ask, again) == verdict


@_SOME
@given(asks(args=sane_args, target=st.sampled_from(["10.0.0.1", "fd00::1", "foo.lab.internal"])))
def test_typed_options_that_say_the_same_get_the_same_plan(ask: Ask) -> None:
    rows = rows_of(ask)
    assume(all(item.option.key for item in rows))
    typed = {item.option.key: as_json(item.option, item.value) for item in rows}
    assume(len({(item.option.key, item.value) for item in rows}) == len(typed))
    request = Request(target=ask.request.target, options=typed, timeout_sec=ask.request.timeout_sec)
    before, after = decide(ask), decide(ask, request)
    assume(not (isinstance(before, Refused) and before.rule == "argument.length"))
    if isinstance(before, Refused):
        assert isinstance(after, Refused)
        assert (before.rule, before.suggestion) == (after.rule, after.suggestion)
    else:
        assert before == after
