"""Readers of what the programs print, one module each: bytes in, plain JSON-able values out.

Each has `parse(stdout, report=b"", complete=True) -> dict | None`: the member `result` of the
product contract, or None if nothing can be read. No bytes make it raise, and time and memory grow
linearly with them at worst. `partial: True` says that something is missing: the process was ended
before its time (`complete` False), the output is visibly cut, or a bound of the module was met.
Output is expected in the C locale; text from the network is cleaned and clipped (`fields`).
"""
