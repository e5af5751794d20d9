"""What a model is told: the server's instructions, and each tool's entry in the list."""

from collections.abc import Sequence
from typing import Any

from ...application.catalog import Entry
from ...application.schemas import OUTPUT_SCHEMA, input_schema
from ...domain.policy import Policy

_REFUSALS = (
    "A refusal names its rule and the offending token in error.metadata; where a nearby request would "
    "be allowed, error.metadata.suggestion has its target and extra_args: call again with those. "
    "error.metadata.retry_after_sec says how long to wait. Do not try to get around the policy: "
    "tell the user what the operator would have to allow."
)


def instructions(entries: Sequence[Entry]) -> str:
    """For `initialize` and `server/discover`: what the server does, within what, and how it refuses."""
    programs = ", ".join(entry.tool.command_name for entry in entries) or "no tools at present"
    lines = [f"Network diagnostics ({programs}) on the networks that the operator allows."]
    for targets in dict.fromkeys(entry.terms.policy.describe() for entry in entries):
        lines.append(f"Allowed targets: {targets}. All others are refused.")
    lines.append(_REFUSALS)
    return "\n".join(lines)


def listed(entry: Entry) -> dict[str, Any]:
    """A tool's entry in `tools/list`."""
    tool = entry.tool
    description = tool.description or f"Run {tool.command_name}."
    if not entry.available:
        description += f" Not available now: {tool.command_name} is not installed on the server."
    return {
        "name": entry.name,
        "title": tool.title or entry.name,
        "description": description,
        "inputSchema": input_schema(entry),
        "outputSchema": OUTPUT_SCHEMA,
        "annotations": {
            "readOnlyHint": True,
            "destructiveHint": False,
            "openWorldHint": not _is_closed(entry.terms.policy),
        },
        **({} if entry.available else {"_meta": {"available": False}}),
    }


def _is_closed(policy: Policy) -> bool:
    """Whether everything that may be examined is private: no open world beyond it."""
    return all(network.is_private for network in policy.allowed_networks)
