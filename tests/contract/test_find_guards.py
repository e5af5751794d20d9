"""Which egress guard a host has, what is told of it, and when its want stops the start."""

import pytest

from netsonde.adapters.process import landlock, seccomp
from netsonde.adapters.process.egress.find_guards import Guards, find_guards
from netsonde.adapters.process.egress.nft_guard import NftablesEgress
from netsonde.adapters.process.egress.notified_guard import NotifiedEgress
from netsonde.adapters.process.launch_thread import filter_calls, started_from_thread
from netsonde.adapters.process.syscalls import processor
from netsonde.bootstrap.sandbox import missed
from netsonde.domain.layer import Layer, LayerMode
from tests.contract.lab_product import path_of

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]


def found(
    mode: LayerMode = LayerMode.AUTO, *, without_capabilities: bool = False, raw: bool = False
) -> tuple[Guards, Layer]:
    return find_guards(
        mode,
        nft=path_of("nft"),
        without_capabilities=without_capabilities,
        raw_sockets=raw,
    )


def test_packet_filters_are_taken_where_they_can_be_had_and_are_for_every_plan() -> None:
    guards, layer = found(without_capabilities=True, raw=True)
    if not layer.active or not isinstance(guards.for_raw, NftablesEgress):
        pytest.skip(f"not here: {layer.reason}")
    assert guards.for_raw is guards.for_others
    assert (layer.name, layer.active, layer.fix) == ("egress", True, "")
    guards.for_raw.close()


def test_programs_that_keep_capabilities_are_not_held_by_what_they_could_change() -> None:
    guards, layer = found()
    assert guards.for_raw is None
    assert isinstance(guards.for_others, NotifiedEgress)
    assert (layer.active, layer.missed, layer.fix) == (True, False, "")


def test_what_has_no_guard_is_told_and_stops_a_start_that_insists() -> None:
    for mode, insists in ((LayerMode.AUTO, False), (LayerMode.REQUIRE, True)):
        guards, layer = found(mode, raw=True)
        assert guards.for_raw is None
        assert "not for plans that send raw packets" in layer.reason
        assert layer.fix
        assert layer.missed == insists
        assert bool(missed((layer,))) == insists


def test_without_any_both_reasons_are_told_and_it_is_not_in_force() -> None:
    here = processor()
    assert here is not None
    filter_bytes = seccomp.compiled(here, raw_sockets=False)

    def confine() -> None:
        """No descriptors are taken from others, as in a container; nor netlink but for routes."""
        landlock.refuse_new_privileges()
        filter_calls(filter_bytes)

    def look() -> tuple[Guards, Layer]:
        return found(LayerMode.REQUIRE, without_capabilities=True)

    guards, layer = started_from_thread(confine, look)
    assert guards == Guards()
    assert (layer.active, layer.missed) == (False, True)
    assert "nftables: " in layer.reason
    assert "seccomp: pidfd_getfd: Operation not permitted (EPERM)" in layer.reason
    (problem,) = missed((layer,))
    assert "CAP_NET_ADMIN" in str(problem)


def test_switched_off_nothing_is_tried() -> None:
    guards, layer = found(LayerMode.OFF, without_capabilities=True)
    assert guards == Guards()
    assert (layer.active, layer.missed) == (False, False)
