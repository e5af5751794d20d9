"""Packages of tools, good and bad, for the discovery."""
