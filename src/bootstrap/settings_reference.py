"""The reference page of the settings, made from the Struct: `python -m netsonde.bootstrap.settings_reference`."""

import sys
from collections.abc import Iterable

from .settings import Settings
from .settings_table import Form, Row, general_rows, tool_rows

_HEAD = """# Settings

<!-- Made from src/bootstrap/settings.py by `make docs`; changes here are lost. -->

Environment over file over defaults. The file is named by `MCP_CONFIG_FILE` or `--config`: YAML
(`.yaml`, `.yml`), TOML (`.toml`) or JSON (`.json`), at most 1 MiB. `netsonde config` shows every
setting in force and where it came from, `netsonde doctor` what is wrong.

- Lists are comma-separated in a variable; booleans are true, yes, on, 1 and false, no, off, 0.
- A number out of its range is clamped, and `config_clamped` is logged.
- An unknown key, a wrong type, a malformed network or suffix stops the start: every problem is
  named, with its file or variable and the nearest known key.
- So does an unknown variable that begins like one of ours (`MCP_SECURITY_`, ...) or is nearly one;
  variables of well-known MCP clients (`MCP_TIMEOUT`, `MCP_TOOL_TIMEOUT`, ...) are let be.
- An empty variable counts as not set, but empties a list.
"""


def reference() -> str:
    """The page, as Markdown."""
    parts = [_HEAD]
    sections = dict.fromkeys(row.path[0] for row in general_rows() if len(row.path) > 1)
    for section in sections:
        rows = [row for row in general_rows() if row.path[0] == section]
        parts.append(_section(section, getattr(Settings(), section).__doc__, rows))
    others = [row for row in general_rows() if len(row.path) == 1]
    parts.append(_section("Others", "Settings without a section.", others))
    parts.append(
        _section(
            "tools.<Name>",
            "Settings of one tool, `<Name>` its class name (in variables, in any case). "
            "What is left out follows the general setting.",
            tool_rows(),
        )
    )
    return "\n".join(parts)


def _section(title: str, about: str | None, rows: Iterable[Row]) -> str:
    lines = [f"## {title}", "", (about or "").strip(), ""]
    lines += ["| setting | variable | default | meaning |", "| --- | --- | --- | --- |"]
    for row in rows:
        cells = (f"`{row.key}`", f"`{row.variable}`", _default(row), _meaning(row))
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join([*lines, ""])


def _default(row: Row) -> str:
    match row.default:
        case None | "" | () | {}:
            return ""
        case bool():
            return str(row.default).lower()
        case float():
            return f"{row.default:g}"
        case tuple():
            return ", ".join(row.default)
        case _:
            return str(row.default)


def _meaning(row: Row) -> str:
    told = row.help
    if row.form is Form.CHOICE:
        told += f" ({', '.join(row.choices)})"
    if row.least is not None and row.most is not None:
        told += f" ({row.least:,.10g} to {row.most:,.10g})"
    return told


if __name__ == "__main__":
    sys.stdout.write(reference())
