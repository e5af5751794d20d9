"""Faults of what the service stands on, each caused for real: killed, full, used up, hung, gone back."""
