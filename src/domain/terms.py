"""What planning is told: the operator's terms for one tool, and what the resolver said."""

import math
from collections.abc import Mapping

import msgspec

from .plan import Limits
from .policy import Policy
from .target import Address


class Resolved(msgspec.Struct, frozen=True):
    """Every address a name has, in the order the resolver gave, at least one."""

    addresses: tuple[Address, ...]


class Unresolved(msgspec.Struct, frozen=True):
    """Why a name has no address: a plain sentence, and whether trying again may help."""

    reason: str
    temporary: bool = False


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator set for one tool, and where its program is on this host."""

    policy: Policy = Policy()
    program: str
    program_sha256: str = ""
    default_timeout_s: float = 300.0
    max_timeout_s: float = 300.0
    max_stdout_bytes: int = 1_048_576
    max_stderr_bytes: int = 262_144
    max_memory_bytes: int = 512 * 1024 * 1024
    max_file_descriptors: int = 256
    profiles: Mapping[str, str] = {}

    def limits(self, timeout_s: float) -> Limits:
        """The bounds of an execution that may take `timeout_s`."""
        return Limits(
            timeout_s=timeout_s,
            max_stdout_bytes=self.max_stdout_bytes,
            max_stderr_bytes=self.max_stderr_bytes,
            max_memory_bytes=self.max_memory_bytes,
            max_file_descriptors=self.max_file_descriptors,
            max_cpu_s=math.ceil(timeout_s) + 1,
        )
