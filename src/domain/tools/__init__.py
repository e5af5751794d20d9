"""The tools that netsonde brings; a literal list, since importing must not register anything."""

from .dig import DigTool
from .mtr import MtrTool
from .nmap import NmapTool
from .ping import PingTool
from .traceroute import TracertTool

TOOLS = (NmapTool, TracertTool, PingTool, MtrTool, DigTool)

__all__ = ["TOOLS", "DigTool", "MtrTool", "NmapTool", "PingTool", "TracertTool"]
