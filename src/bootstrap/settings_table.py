"""The settings as a table, read off the Struct: what readers, `config` and the reference page go by."""

from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from .settings import Settings
from .settings_of_tools import OneTool, Section

ANY_TOOL = "<Name>"
"""Stands for a tool's name in the path of a row of `tools`."""


class Form(StrEnum):
    """What a setting's value is made of."""

    BOOLEAN = "boolean"
    WHOLE = "whole number"
    NUMBER = "number"
    TEXT = "text"
    CHOICE = "choice"
    LIST = "list of texts"
    MAP = "table of texts"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One setting."""

    path: tuple[str, ...]
    form: Form
    default: Any
    help: str
    variable: str
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    secret: bool = False

    @property
    def key(self) -> str:
        """The name people use: `security.max_hosts`."""
        return ".".join(self.path)

    def of_tool(self, name: str) -> "Row":
        """A row of `tools`, for the tool of that name."""
        path = tuple(name if part == ANY_TOOL else part for part in self.path)
        return msgspec.structs.replace(self, path=path)


@cache
def general_rows() -> tuple[Row, ...]:
    """Every setting outside `tools`, in the Struct's order."""
    rows: list[Row] = []
    for name, hint in get_type_hints(Settings, include_extras=True).items():
        if isinstance(hint, type) and issubclass(hint, Section):
            rows.extend(_rows(hint, (name,)))
        elif get_origin(hint) is Annotated:
            rows.append(_row((name,), hint, getattr(Settings(), name)))
    return tuple(rows)


@cache
def tool_rows() -> tuple[Row, ...]:
    """The settings of one tool, their paths with `<Name>` in the middle."""
    return tuple(_rows(OneTool, ("tools", ANY_TOOL)))


@cache
def by_key() -> dict[str, Row]:
    """The rows of `general_rows` by key."""
    return {row.key: row for row in general_rows()}


@cache
def by_variable() -> dict[str, Row]:
    """The rows of `general_rows` by variable."""
    return {row.variable: row for row in general_rows()}


def _rows(section: type[Section], path: tuple[str, ...]) -> list[Row]:
    defaults = section()
    hints = get_type_hints(section, include_extras=True)
    return [_row((*path, name), hint, getattr(defaults, name)) for name, hint in hints.items()]


def _row(path: tuple[str, ...], hint: Any, default: Any) -> Row:
    kind, meta = get_args(hint)
    extra = meta.extra or {}
    form, choices = _form(kind)
    return Row(
        path=path,
        form=form,
        default=default,
        help=meta.description,
        variable=extra.get("variable") or "_".join(("MCP", *(part.upper() for part in path))),
        least=meta.ge,
        most=meta.le,
        choices=choices,
        secret=extra.get("secret", False),
    )


_FORMS = {bool: Form.BOOLEAN, int: Form.WHOLE, float: Form.NUMBER, str: Form.TEXT}


def _form(kind: Any) -> tuple[Form, tuple[str, ...]]:
    origin = get_origin(kind)
    if origin is UnionType:
        (kind,) = (part for part in get_args(kind) if part is not NoneType)
    elif origin is Literal:
        return Form.CHOICE, get_args(kind)
    elif origin is tuple:
        return Form.LIST, ()
    elif origin is dict:
        return Form.MAP, ()
    return _FORMS[kind], ()
