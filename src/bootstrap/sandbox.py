"""The operator's word on the layers, and what becomes of it on this host."""

import os
from collections.abc import Iterable

from ..adapters.process.find_chain import Wanted
from ..domain.layer import Layer, LayerMode
from .settings import Sandbox
from .settings_problems import Problem

LAYERS = (
    "no_new_privileges",
    "capabilities",
    "pid_namespace",
    "filesystem",
    "seccomp",
    "cgroup",
    "egress",
)


def wanted(sandbox: Sandbox) -> Wanted:
    """The settings in the words of the adapter."""
    return Wanted(
        readable=sandbox.readable,
        max_processes=sandbox.max_processes,
        **{name: LayerMode(getattr(sandbox, name)) for name in LAYERS},
    )


def relative_paths(sandbox: Sandbox) -> tuple[Problem, ...]:
    """One for each path that would mean another place wherever the server is started."""
    return tuple(
        Problem("settings", "sandbox.readable", f"{path!r} is not an absolute path")
        for path in sandbox.readable
        if not os.path.isabs(path)
    )


def requires_any(sandbox: Sandbox) -> bool:
    """Whether the host must be looked at before the start is known to be right."""
    return any(getattr(sandbox, name) == LayerMode.REQUIRE for name in LAYERS)


def missed(layers: Iterable[Layer]) -> tuple[Problem, ...]:
    """One for each layer that is required and isn't there."""
    return tuple(
        Problem(
            "this host",
            f"sandbox.{layer.name}",
            f"is required and can't be had: {layer.reason}. {layer.fix}".rstrip(),
        )
        for layer in layers
        if layer.missed
    )
