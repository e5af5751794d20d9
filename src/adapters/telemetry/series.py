"""The names of the series and the closed sets that their labels come from."""

from collections.abc import Mapping
from types import MappingProxyType

from ...domain.errors import VIOLATION, ErrorType
from ...domain.execution import TRANSITIONS, Status
from ...domain.recovery import RECOVERY

EXECUTIONS = "mcp_tool_execution_total"
DURATION = "mcp_tool_execution_duration_seconds"
ACTIVE = "mcp_tool_active_executions"
TIMEOUTS = "mcp_tool_timeouts_total"
BREAKER = "mcp_circuit_breaker_state"
REFUSALS = "mcp_tool_refusals_total"
RATE_LIMITED = "mcp_rate_limited_total"

HELP: Mapping[str, str] = MappingProxyType(
    {
        EXECUTIONS: "Executions that ended, by how they ended.",
        DURATION: "How long programs ran; executions that started none are not in it.",
        ACTIVE: "Programs that run now.",
        TIMEOUTS: "Executions that were ended at their time limit.",
        BREAKER: "1 for the state that the tool's circuit breaker is in, 0 for the others.",
        REFUSALS: "Executions that were refused, or ended for what they sent, by rule; rate limited ones are counted apart.",
        RATE_LIMITED: "Executions that were refused because the caller's rate was used up.",
    }
)

# From a ping of a neighbour to a scan at the highest time limit there is, in seconds.
BUCKETS_S = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0),
)

ENDS = tuple(status for status in Status if not TRANSITIONS[status])
UNKNOWN_TOOL = "unknown"
OTHER_RULE = "other"
RULES = frozenset(RECOVERY) | {
    "access.scope",
    "access.tool",
    VIOLATION,
    "record.unavailable",
    "request.malformed",
    "request.member",
    "request.profile",
    "request.type",
    "service.stopping",
    "tool.unknown",
    *(error_type.value for error_type in ErrorType),
}
