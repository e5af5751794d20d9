"""Variables of the environment: which setting each one is, and which look like a mistake."""

from collections.abc import Iterator, Mapping

from .settings_problems import Problem, nearest
from .settings_table import ANY_TOOL, Row, by_key, by_variable, general_rows, tool_rows

CONFIG_FILE = "MCP_CONFIG_FILE"
_TOOLS = "MCP_TOOLS_"

# Variables of MCP clients, which hand their environment on to the servers that they start. Some
# look like ours: Claude Code's MCP_TOOL_TIMEOUT, MCP Inspector's MCP_SERVER_REQUEST_TIMEOUT.
_OF_CLIENTS = frozenset(
    {
        "MCP_TIMEOUT",
        "MCP_TOOL_TIMEOUT",
        "MCP_SERVER_CONNECTION_BATCH_SIZE",
        "MCP_REMOTE_SERVER_CONNECTION_BATCH_SIZE",
        "MCP_SERVER_MAX_RETRY_ATTEMPTS",
        "MCP_SERVER_REQUEST_TIMEOUT",
        "MCP_REQUEST_TIMEOUT_RESET_ON_PROGRESS",
        "MCP_REQUEST_MAX_TOTAL_TIMEOUT",
        "MCP_PROXY_AUTH_TOKEN",
        "MCP_PROXY_FULL_ADDRESS",
    }
)


def variables(environ: Mapping[str, str]) -> Iterator[tuple[str, Row, str] | Problem]:
    """Each variable that is a setting, with its row and text; mistakes as problems.

    A variable that is empty counts as not set: `${DENIED}` of a compose file may have no value,
    and must not open what a settings file has denied.
    """
    for name, text in sorted(environ.items()):
        row = by_variable().get(name) or _of_one_tool(name)
        if row is not None:
            if text.strip():
                yield name, row, text
        elif name != CONFIG_FILE and (problem := _mistake(name)):
            yield problem


def _of_one_tool(variable: str) -> Row | None:
    """MCP_TOOLS_NMAPTOOL_MAX_MEMORY_MB is `max_memory_mb` of the tool NMAPTOOL, in whatever case."""
    if not variable.startswith(_TOOLS):
        return None
    rest = variable.removeprefix(_TOOLS)
    for row in sorted(tool_rows(), key=lambda row: -len(row.path[-1])):  # RECOVERY_TIMEOUT first
        tool, ending = rest, f"_{row.path[-1].upper()}"
        if tool.endswith(ending) and (tool := tool.removesuffix(ending)).isidentifier():
            return row.of_tool(tool)
    return None


def _mistake(variable: str) -> Problem | None:
    """A policy that is misspelled must not be passed over in silence."""
    if variable in _OF_CLIENTS:
        return None
    prefixes = {f"MCP_{row.path[0].upper()}_" for row in general_rows() if len(row.path) > 1}
    ours = variable.startswith((*prefixes, _TOOLS))
    if not ours and not variable.startswith(("MCP_", "TOOL")):
        return None
    for row in general_rows():
        if variable == "_".join(("MCP", *(part.upper() for part in row.path))):
            return Problem(variable, "", f"is unknown; the variable of {row.key} is {row.variable}")
    if variable.startswith(_TOOLS):
        keys = ", ".join(row.path[-1].upper() for row in tool_rows())
        return Problem(variable, "", f"is unknown; {_TOOLS}{ANY_TOOL}_ goes with {keys}")
    for row in general_rows():
        if row.path[0] == "security" and variable == f"MCP_{row.path[-1].upper()}":
            return Problem(variable, "", f"is unknown; the variable of {row.key} is {row.variable}")
    near = nearest(variable, [*by_variable(), CONFIG_FILE], 0.6 if ours else 0.8)
    if not ours and near is None:
        return None
    about = by_key().get(by_variable()[near].key) if near in by_variable() else None
    hint = f"; did you mean {near}{f' ({about.key})' if about else ''}?" if near else ""
    return Problem(variable, "", f"is unknown{hint}")
