"""What may be run: the only value a process is ever started from."""

import msgspec

REPORT_FD = 63
"""Descriptor on which a program finds its report pipe. Fixed, so that a plan's argv is complete."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds on one execution, all enforced from outside the program."""

    timeout_s: float
    max_stdout_bytes: int
    max_stderr_bytes: int
    max_report_bytes: int = 16 * 1024 * 1024
    max_memory_bytes: int
    max_file_descriptors: int
    max_cpu_s: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A judged execution: every word of `argv` came from an option table, every address was judged.

    `argv[0]` is the program (its absolute path once found on this host). `addresses` are
    canonical address or network literals; empty when only the system's resolver is asked (dig).
    `named_addresses` are the other judged addresses in argv: name servers, exclusions.
    `reads_report` says that the program writes a machine-readable report to `REPORT_FD`.
    `program_sha256` is the digest that the program must have; "" where none is pinned.
    `notes` are plain sentences on what was changed or added to the request.
    """

    tool: str
    target: str
    argv: tuple[str, ...]
    addresses: tuple[str, ...]
    named_addresses: tuple[str, ...] = ()
    host_count: int
    limits: Limits
    reads_report: bool = False
    asks_resolver: bool = False
    needs_raw_sockets: bool = False
    program_sha256: str = ""
    notes: tuple[str, ...] = ()
