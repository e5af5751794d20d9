"""The host, or the container's share of it: how much is used."""

from .host import HostMachine

__all__ = ["HostMachine"]
