"""A layer of containment, as `doctor`, health and the list of tools show it."""

from enum import StrEnum

import msgspec


class LayerMode(StrEnum):
    """What the operator wants of a layer (`sandbox.*`)."""

    AUTO = "auto"  # in force where the host has it, and said where it hasn't
    REQUIRE = "require"  # no start without it
    OFF = "off"


class Layer(msgspec.Struct, frozen=True):
    """One kind of protection: whether it holds on this host, and by what means or why not.

    `fix` is what the operator can do about a layer that isn't in force; empty when it is, and when
    it was switched off.
    """

    name: str
    active: bool
    reason: str
    mode: LayerMode = LayerMode.AUTO
    fix: str = ""

    @property
    def missed(self) -> bool:
        """Whether the operator insists on a layer that isn't there."""
        return self.mode is LayerMode.REQUIRE and not self.active


def switched_off(name: str) -> Layer:
    """The layer as it stands when the operator doesn't want it."""
    return Layer(name, False, f"switched off (sandbox.{name})", LayerMode.OFF)
