"""Which layers are found, on hosts where things are missing or unwanted."""

import gc
from collections import Counter
from pathlib import Path

import pytest

from netsonde.adapters.process.find_chain import Wanted, find_chain
from netsonde.adapters.programs import InstalledPrograms
from netsonde.domain.layer import Layer, LayerMode

from .layer_sets import Without
from .leak_check import holdings

AUTO, REQUIRE, OFF = LayerMode.AUTO, LayerMode.REQUIRE, LayerMode.OFF


def found(wanted: Wanted, *missing: str) -> dict[str, Layer]:
    return {layer.name: layer for layer in find_chain(Without(*missing), wanted).layers()}


def test_without_bubblewrap_it_says_so_and_takes_landlock() -> None:
    layers = found(Wanted(), "bwrap")
    assert not layers["pid_namespace"].active
    assert "bwrap" in layers["pid_namespace"].reason
    assert "bubblewrap" in layers["pid_namespace"].fix
    if layers["filesystem"].active:
        assert "Landlock" in layers["filesystem"].reason


def test_without_setpriv_the_others_stand() -> None:
    layers = found(Wanted(), "setpriv")
    assert layers["resource_limits"].active
    if layers["seccomp"].active:
        assert layers["no_new_privileges"].active


@pytest.mark.parametrize(
    "name",
    ["no_new_privileges", "capabilities", "pid_namespace", "filesystem", "seccomp", "cgroup"],
)
def test_each_layer_can_be_switched_off(name: str) -> None:
    layer = found(Wanted(**{name: OFF}))[name]  # type: ignore[arg-type]  # no str among the names
    assert (layer.active, layer.mode, layer.fix) == (False, OFF, "")


def test_what_rests_on_no_new_privileges_goes_with_it_and_says_so() -> None:
    layers = found(Wanted(no_new_privileges=OFF, filesystem=REQUIRE))
    for name in ("filesystem", "pid_namespace", "seccomp"):
        assert not layers[name].active
    assert layers["filesystem"].missed
    assert "no_new_privileges" in layers["filesystem"].reason


def test_required_and_there_is_not_missed() -> None:
    layers = found(Wanted(seccomp=REQUIRE, filesystem=REQUIRE))
    assert not any(layer.missed for layer in layers.values() if layer.active)


def test_a_chain_that_is_dropped_leaves_nothing_open(tmp_path: Path) -> None:
    before = Counter(holdings(tmp_path).descriptors)
    chain = find_chain(InstalledPrograms(), Wanted())
    assert chain.layers()
    del chain
    gc.collect()
    # Fewer may be open: what an earlier test held by its last exception.
    assert not Counter(holdings(tmp_path).descriptors) - before
