"""Instructions of a classic BPF program over a system call (linux/filter.h, struct seccomp_data)."""

import errno
import struct
from collections.abc import Iterable
from typing import Final

KILL, ERRNO, NOTIFY, ALLOW = 0x80000000, 0x00050000, 0x7FC00000, 0x7FFF0000  # SECCOMP_RET_*
IF_EQUAL, IF_AT_LEAST, IF_ANY_BIT = 0x15, 0x35, 0x45  # BPF_JMP|K with JEQ, JGE, JSET
NUMBER_AT, ARCH_AT = 0, 4  # struct seccomp_data
_X32_BIT: Final = 0x40000000
_X86_64: Final = 0xC000003E  # AUDIT_ARCH_X86_64

_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06  # BPF_LD|W|ABS, BPF_ALU|AND|K, BPF_RET|K

Code = tuple[int, int, int, int]


def packed(lines: Iterable[Code]) -> bytes:
    """The program as the kernel reads it."""
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def own_calls_only(audit_arch: int) -> list[Code]:
    """What every filter begins with; after it the call's number is loaded.

    32-bit calls have other numbers, and none of ours makes them; x32's have a bit more.
    """
    lines = [load(ARCH_AT), jump(IF_EQUAL, audit_arch, 1, 0), returned(KILL), load(NUMBER_AT)]
    if audit_arch == _X86_64:
        lines += when(IF_AT_LEAST, _X32_BIT, denied(errno.ENOSYS))
    return lines


def when(test: int, value: int, then: list[Code]) -> list[Code]:
    """`then` must return, since what it loads is not what the next block expects."""
    return [jump(test, value, 0, len(then)), *then]


def one_of(values: Iterable[int], then: Code, otherwise: Code) -> list[Code]:
    """One of two returns, by what is loaded; an instruction for each value, which may be many."""
    tests = [(IF_EQUAL, value) for value in values]
    count = len(tests)
    lines = [jump(test, value, count - at, 0) for at, (test, value) in enumerate(tests)]
    return [*lines, otherwise, then]


def argument(index: int, *, upper: bool = False) -> int:
    """Where its lower (or upper) half stands on a little-endian processor."""
    return 16 + 8 * index + (4 if upper else 0)


def load(offset: int) -> Code:
    return (_LOAD, 0, 0, offset)


def masked(bits: int) -> Code:
    return (_AND, 0, 0, bits)


def jump(test: int, value: int, if_true: int, if_false: int) -> Code:
    return (test, if_true, if_false, value)


def returned(action: int) -> Code:
    return (_RETURN, 0, 0, action)


def denied(number: int) -> list[Code]:
    return [returned(ERRNO | number)]
