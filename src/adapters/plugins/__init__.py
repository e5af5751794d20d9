"""Plug-ins of third parties: tools, health checks and metrics, as far as the operator wants them."""

from .checks import FoundChecks, discover_checks
from .entry_points import GROUPS, HEALTH, METRICS, TOOLS, load_entry_points
from .tools import Found, chosen, discover, profile_problem

__all__ = [
    "GROUPS",
    "HEALTH",
    "METRICS",
    "TOOLS",
    "Found",
    "FoundChecks",
    "chosen",
    "discover",
    "discover_checks",
    "load_entry_points",
    "profile_problem",
]
