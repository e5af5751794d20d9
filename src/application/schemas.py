"""JSON Schemas of the tools' input and output, made from the option tables.

A model pays for every byte of `tools/list`: a schema tells what helps to write a good call, and the
server itself refuses, with a reason and a nearest value, what the schema leaves out.
"""

from typing import Any

from ..domain.execution import Status
from ..domain.options import Option
from ..domain.tool import Risk
from .catalog import Entry

# The rest of ToolOutput is plain text and numbers, present as well.
OUTPUT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "status": {"enum": [status.value for status in Status if status.final]},
        "command": {"type": "array"},
        "addresses": {"type": "array"},
        "returncode": {"type": ["integer", "null"]},
        "stdout": {"type": "string"},
        "stderr": {"type": "string"},
        "duration_sec": {"type": "number"},
        "result": {"type": ["object", "null"]},
        "error": {"type": ["object", "null"]},
    },
    "required": [
        *("execution_id", "tool", "target", "status", "command", "returncode"),
        *("stdout", "stderr", "result", "error"),
    ],
}
# Taken when asked for, like everything in the table, but never what a model wants to know.
_UNLISTED = frozenset({"help", "version"})


def input_schema(entry: Entry) -> dict[str, Any]:
    """The schema of a call's arguments."""
    rows = {row.key: option_schema(row) for row in listed_options(entry)}
    properties: dict[str, Any] = {
        "target": {"type": "string"},
        "options": {"type": "object", "properties": rows, "additionalProperties": False},
        "extra_args": {
            "type": "string",
            "maxLength": entry.terms.policy.max_args_len,
            "description": f"options as for {entry.tool.command_name}",
        },
        "timeout_sec": {"type": "number", "description": f"up to {entry.terms.max_timeout_s:g}"},
    }
    if entry.terms.profiles:
        properties["profile"] = {"enum": list(entry.terms.profiles)}
    return {
        "type": "object",
        "properties": properties,
        "required": ["target"],
        "additionalProperties": False,
    }


def listed_options(entry: Entry) -> list[Option]:
    """The rows of the table that a call may use: never forbidden ones, intrusive ones if allowed."""
    usable = {Risk.ALLOWED}
    if entry.terms.policy.allow_intrusive:
        usable.add(Risk.INTRUSIVE)
    rows = entry.tool.grammar.options
    return [row for row in rows if row.key and row.key not in _UNLISTED and row.risk in usable]


def option_schema(row: Option) -> dict[str, Any]:
    """The schema of one row's value, with the row's help.

    One `type` each: some clients' dialects know no unions of types, and refuse the whole tool. A
    number where text is wanted is taken all the same.
    """
    help_text = {"description": row.help} if row.help else {}
    if row.kind is None:
        return {"type": "boolean", **help_text}
    schema = row.kind.schema()
    schema.pop("pattern", None)  # long, and of little help to who writes the value
    if schema.get("minimum") in (0, 1):
        del schema["minimum"]  # goes without saying
    if isinstance(schema["type"], list):
        schema["type"] = schema["type"][0]
    if row.value_optional:
        schema = {"anyOf": [{"type": "boolean"}, schema]}
    return {**schema, **help_text}
