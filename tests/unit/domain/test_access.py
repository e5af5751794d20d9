"""Callers: scopes, and networks and tools that can only ever narrow what the operator allows."""

from ipaddress import ip_network

import msgspec
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from netsonde.domain.access import EVERY_SCOPE, LOCAL, Caller, Scope, object_to_scope
from netsonde.domain.planning import Allowed, judge
from netsonde.domain.policy import Policy
from netsonde.domain.target import Network
from tests.unit.domain.asking import TOOLS
from tests.unit.domain.generators import Ask, addresses, asks, parse_network, sane_args

_SOME = settings(max_examples=max(500, settings().max_examples // 8))
_networks: st.SearchStrategy[Network] = st.one_of(
    st.sampled_from(
        [ip_network(text) for text in "10.0.0.0/8 10.0.0.0/24 10.0.0.1/32 0.0.0.0/0 fd00::/8 ::/0 172.16.0.0/12".split()]
    ),
    st.builds(
        lambda address, prefix: ip_network(f"{address}/{min(prefix, address.max_prefixlen)}", False),
        addresses,
        st.integers(0, 128),
    ),
)  # fmt: skip
callers = st.builds(
    Caller,
    name=st.just("narrow"),
    networks=st.one_of(st.none(), st.lists(_networks, max_size=3).map(tuple)),
)


@pytest.mark.fuzz
@_SOME
@given(st.one_of(asks(), asks(args=sane_args)), callers)
def test_what_a_narrowed_caller_may_the_operator_allows_inside_its_networks(
    ask: Ask, caller: Caller
) -> None:
    tool, request = TOOLS[ask.program], ask.request
    narrowed = msgspec.structs.replace(ask.terms, policy=caller.narrow(ask.terms.policy))
    verdict = judge(tool, request, narrowed, ask.privileges, ask.looked_up)
    by_operator = judge(tool, request, ask.terms, ask.privileges, ask.looked_up)
    event("allowed" if isinstance(verdict, Allowed) else verdict.rule)
    if not isinstance(verdict, Allowed):
        # A suggestion must be good for this caller too.
        if verdict.suggestion is not None:
            nearest = msgspec.structs.replace(
                request, target=verdict.suggestion.target, extra_args=verdict.suggestion.extra_args,
                options={}, profile=None,
            )  # fmt: skip
            again = judge(tool, nearest, narrowed, ask.privileges, ask.looked_up)
            assert isinstance(again, Allowed), (again, verdict.suggestion)
        return
    assert isinstance(by_operator, Allowed)
    assert by_operator.plan == verdict.plan
    if caller.networks is not None:
        for text in (*verdict.plan.addresses, *verdict.plan.named_addresses):
            examined = parse_network(text)
            assert examined is not None
            assert any(inside(examined, mine) for mine in caller.networks), text


def inside(inner: Network, outer: Network) -> bool:
    """By the numbers of the edges, as the policy does not do it."""
    return (
        inner.version == outer.version
        and int(inner.network_address) >= int(outer.network_address)
        and int(inner.broadcast_address) <= int(outer.broadcast_address)
    )


def test_no_network_is_no_target_and_no_networks_is_the_operators_policy() -> None:
    policy = Policy()
    assert Caller(name="a").narrow(policy) is policy
    assert Caller(name="a", networks=()).narrow(policy).within == ()


@pytest.mark.parametrize(
    ("narrowing", "narrowed"),
    [({}, False), ({"tools": frozenset()}, True), ({"networks": ()}, True)],
)
def test_a_narrowed_caller_sees_its_own_only(narrowing: dict[str, object], narrowed: bool) -> None:
    caller = Caller(name="a", **narrowing)  # type: ignore[arg-type]  # members by name
    assert caller.narrowed is narrowed
    assert caller.may_see("a")
    assert caller.may_see("b") is not narrowed


def test_a_token_for_some_tools_is_not_good_for_others() -> None:
    caller = Caller(name="a", tools=frozenset({"PingTool"}))
    assert caller.object_to_tool("PingTool") is None
    refused = caller.object_to_tool("NmapTool")
    assert refused is not None
    assert (refused.rule, refused.offending) == ("access.tool", "NmapTool")
    assert LOCAL.object_to_tool("NmapTool") is None


@pytest.mark.parametrize("scope", Scope)
def test_scopes_stand_side_by_side_under_admin(scope: Scope) -> None:
    for held in Scope:
        refused = object_to_scope(Caller(name="a", scopes=frozenset({held})), scope, "GET /x")
        assert (refused is None) is (held in (scope, Scope.ADMIN))
    assert object_to_scope(Caller(name="a", scopes=frozenset()), scope, "GET /x") is not None
    assert object_to_scope(Caller(name="a", scopes=EVERY_SCOPE), scope, "GET /x") is None
