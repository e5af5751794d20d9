"""What is fuzzed: functions that take any bytes, and raise only if a promise was broken."""
