"""Values of settings: from a variable's text or a file's value to the type of the row, or why not."""

import math
import posixpath
import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from types import MappingProxyType
from typing import Any

import msgspec

from ..domain.target import Hostname, Malformed, Network, parse
from .settings_table import Form, Row

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})


class Wrong(msgspec.Struct, frozen=True):
    """Why a value can't be taken: the end of a sentence that begins with the key."""

    reason: str


def from_text(row: Row, text: str) -> Any | Wrong:
    """Read an environment variable's value (lists comma-separated, tables as JSON)."""
    text = text.strip()
    match row.form:
        case Form.BOOLEAN:
            return _boolean(text)
        case Form.WHOLE | Form.NUMBER:
            return _number(row, text)
        case Form.LIST:
            parts = [part.strip() for part in text.split(",") if part.strip()]
            return from_file(row, parts) if parts else Wrong("is a list without any item")
        case Form.MAP:
            try:
                return from_file(row, msgspec.json.decode(text or "{}"))
            except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
                return Wrong("is no JSON object")
        case _:
            return from_file(row, text)


def from_file(row: Row, value: Any) -> Any | Wrong:
    """Read a value that a file's format has given a type; nothing is converted but int to float."""
    match row.form:
        case Form.BOOLEAN if isinstance(value, bool):
            return value
        case Form.WHOLE if isinstance(value, int) and not isinstance(value, bool):
            # str() raises on more than 4300 digits, which hexadecimal ones in a file can come to.
            return value if value.bit_length() <= 64 else Wrong("is too large a number")
        case Form.NUMBER if isinstance(value, int | float) and not isinstance(value, bool):
            return _finite(value)
        case Form.TEXT if isinstance(value, str):
            return _checked(row, value)
        case Form.CHOICE if isinstance(value, str):
            return _choice(row, value)
        case Form.LIST if isinstance(value, list) and all(isinstance(v, str) for v in value):
            return _list(row, value)
        case Form.MAP if isinstance(value, Mapping):
            return _map(value)
    return Wrong(f"is {_named(value)}, but {_wanted(row)} is wanted")


def clamp(row: Row, value: Any) -> Any:
    """The nearest value in the row's range; itself where there is none or it is inside."""
    if row.least is None or row.most is None:
        return value
    return type(value)(min(max(value, row.least), row.most))


def network(text: str) -> Network | Wrong:
    """Read a network of the policy; an address is the network of that one address."""
    target = parse(text)
    if isinstance(target, Malformed):
        near = f"; write {target.nearest}" if target.nearest else ""
        return Wrong(f"{text!a} is no network: {target.reason}{near}")
    if isinstance(target, Hostname):
        return Wrong(f"{text!a} is a name, but a network such as 10.0.0.0/8 is wanted")
    if not isinstance(target, IPv4Network | IPv6Network):
        return ip_network(target)
    address = text.partition("/")[0]
    if parse(address) != target.network_address:
        # 10.1.2.3/8 may mean one host or sixteen million; a policy should not be guessed.
        return Wrong(f"{text!a} has host bits set: write {target}, or {address} for one address")
    return target


def suffix(text: str) -> str | Wrong:
    """Read a suffix of names: lower case, with or without its leading dot."""
    bare = text.removeprefix("*.").removeprefix(".")
    name = parse(bare) if bare else None
    if not isinstance(name, Hostname):
        return Wrong(f"{text!a} is no suffix of names, such as .lab.internal")
    if text.startswith("*"):
        return Wrong(f"{text!a} has a wildcard: write .{name}")
    return f".{name}" if text.startswith(".") else name.name


def _network_text(text: str) -> str | Wrong:
    read = network(text)
    return read if isinstance(read, Wrong) else str(read)


def _package(text: str) -> str | Wrong:
    if all(part.isidentifier() for part in text.split(".")):
        return text
    return Wrong(f"{text!a} is no name of a Python package")


def _host(text: str) -> str | Wrong:
    name = parse(text)
    return name.name if isinstance(name, Hostname) else Wrong(f"{text!a} is no host name")


def _origin(text: str) -> str | Wrong:
    """RFC 6454: scheme, host, perhaps a port, and nothing behind. A wildcard is no origin."""
    origin = text.casefold().rstrip("/")
    if re.fullmatch(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", origin):
        return origin
    return Wrong(f"{text!a} is no origin, such as https://ops.example:8443")


def _program_path(text: str) -> str | Wrong:
    """Written in one way only, so that the path that is judged is the path that is run."""
    if text.startswith("/") and posixpath.normpath(text) == text and text != "/":
        return text
    return Wrong(f"{text!a} is no absolute path of a program, without //, . and ..")


def _sha256(text: str) -> str | Wrong:
    if re.fullmatch(r"[0-9a-f]{64}", text.casefold()):
        return text.casefold()
    return Wrong("is no SHA-256: 64 hexadecimal digits are wanted")


def _plugin(text: str) -> str | Wrong:
    """A pin that is misspelled must not be taken for part of a name."""
    name, at, pin = text.partition("@")
    if not at:
        return text
    kind, _, digest = pin.partition(":")
    if not name or kind != "sha256" or isinstance(checked := _sha256(digest), Wrong):
        return Wrong(f"{text[:60]!a} is no pinned plug-in: write name@sha256:64 hexadecimal digits")
    return f"{name}@sha256:{checked}"


_CHECKS: Mapping[str, Callable[[str], str | Wrong]] = MappingProxyType(
    {
        "plugins": _plugin,
        "security.allowed_networks": _network_text,
        "security.denied_networks": _network_text,
        "security.allowed_suffixes": suffix,
        "server.allowed_hosts": _host,
        "server.cors_origins": _origin,
        "server.trusted_proxies": _network_text,
        "tool.package": _package,
        "tools.path": _program_path,
        "tools.sha256": _sha256,
    }
)


def _checked(row: Row, text: str) -> str | Wrong:
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        return Wrong("has a control character")
    key = f"tools.{row.path[-1]}" if row.path[0] == "tools" else row.key
    check = _CHECKS.get(key)
    return check(text) if check else text


def _list(row: Row, texts: list[str]) -> tuple[str, ...] | Wrong:
    read = [_checked(row, text) for text in texts]
    wrong = [item.reason for item in read if isinstance(item, Wrong)]
    if wrong:
        return Wrong("; ".join(wrong[:5]))
    return tuple(dict.fromkeys(item for item in read if isinstance(item, str)))


def _map(value: Mapping[Any, Any]) -> dict[str, str] | Wrong:
    for name, text in value.items():
        if not isinstance(name, str) or not isinstance(text, str):
            return Wrong("has a name or a value that is no text")
        if not name.replace("-", "_").isidentifier() or len(name) > 40:
            return Wrong(
                f"has the name {name[:60]!a}, which is not made of letters, digits, - and _"
            )
    return dict(value)


def _boolean(text: str) -> bool | Wrong:
    folded = text.casefold()
    if folded in _TRUE or folded in _FALSE:
        return folded in _TRUE
    return Wrong("is neither true, yes, on, 1 nor false, no, off, 0")


def _number(row: Row, text: str) -> int | float | Wrong:
    digits = text.removeprefix("-")
    if len(digits) > 30 or not digits.isascii() or not digits.replace(".", "", 1).isdigit():
        return Wrong(f"is no number, but {_wanted(row)} is wanted")
    if row.form is Form.NUMBER:
        return float(text)
    return int(text) if digits.isdigit() else Wrong(f"is a fraction, but {_wanted(row)} is wanted")


def _finite(value: float) -> float | Wrong:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    return number if math.isfinite(number) else Wrong("is not finite")


def _choice(row: Row, text: str) -> str | Wrong:
    folded = {choice.casefold(): choice for choice in row.choices}
    if row.key == "logging.level":
        folded["warn"] = "WARNING"
    found = folded.get(text.casefold())
    return found if found is not None else Wrong(f"is none of {', '.join(row.choices)}")


def _wanted(row: Row) -> str:
    return f"a {row.form}" if row.form is not Form.CHOICE else f"one of {', '.join(row.choices)}"


def _named(value: Any) -> str:
    """The type of a value, never the value: it may be a secret, or huge."""
    names = {str: "a text", bool: "a boolean", int: "a whole number", float: "a fraction"}
    names |= {list: "a list (not all of texts)", dict: "a table", type(None): "empty"}
    return names.get(type(value), f"a {type(value).__name__}")
