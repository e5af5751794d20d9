"""A package without a list: it is searched."""
