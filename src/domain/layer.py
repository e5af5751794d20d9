"""A layer of containment, as `doctor` and health show it."""

import msgspec


class Layer(msgspec.Struct, frozen=True):
    """One kind of protection: whether it holds on this host, and by what means or why not."""

    name: str
    active: bool
    reason: str
