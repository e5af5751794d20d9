"""What is decided: values and pure functions, no I/O, no clock."""
