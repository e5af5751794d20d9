"""The command line, for people and their scripts: the only place of click and rich."""
