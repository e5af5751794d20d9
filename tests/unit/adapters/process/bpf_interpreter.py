"""An interpreter for the few instructions that our filters have."""

import struct

ALLOW, NOTIFY, KILL = 0x7FFF0000, 0x7FC00000, 0x80000000


def outcome(code: bytes, arch: int, number: int, *arguments: int) -> int | str:
    """0 if the call passes, an errno, `notified` or `killed`."""
    values = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<iIQ6Q", number & 0x7FFFFFFF, arch, 0, *values)
    accumulator, at = 0, 0
    while True:
        operation, if_true, if_false, constant = struct.unpack_from("=HBBI", code, at * 8)
        at += 1
        if operation == 0x20:
            accumulator = struct.unpack_from("<I", data, constant)[0]
        elif operation == 0x54:
            accumulator &= constant
        elif operation == 0x06:
            if constant == KILL:
                return "killed"
            if constant == NOTIFY:
                return "notified"
            return 0 if constant == ALLOW else constant & 0xFFFF
        else:
            true = {
                0x15: accumulator == constant,
                0x35: accumulator >= constant,
                0x45: bool(accumulator & constant),
            }[operation]
            at += if_true if true else if_false
