"""Guards that hold an execution to the addresses of its plan: one in the kernel's packet filters, one at its calls."""
