"""netsonde: network diagnostics that obey their operator's policy (a docstring only, so importing any part costs only that part)."""
