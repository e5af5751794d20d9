"""Settings, the object graph and the command."""
