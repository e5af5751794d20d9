"""Plug-ins of third parties: tools, health checks and metrics, as far as the operator wants them."""

from .checks import FoundChecks, discover_checks
from .entry_points import GROUPS, HEALTH, METRICS, TOOLS, load_entry_points
from .tools import Found, chosen, discover, find_tools, profile_problem
from .vetting import Vetted, vet

__all__ = [
    "GROUPS",
    "HEALTH",
    "METRICS",
    "TOOLS",
    "Found",
    "FoundChecks",
    "Vetted",
    "chosen",
    "discover",
    "discover_checks",
    "find_tools",
    "load_entry_points",
    "profile_problem",
    "vet",
]
