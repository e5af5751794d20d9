"""What happens to the service as a whole, and is kept in the record beside the executions."""

import msgspec


class Denied(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A caller was turned away before it could ask a tool for anything.

    `caller` is a token's name, or "" if none was recognised; `address` where it came from;
    `action` what it wanted ("POST /tools/NmapTool/enable"); `rule` a stable dotted id; `tool` the
    one that an execution was wanted of. `count`: for how many denials this stands that followed a
    recorded one within a minute and were like it; the last of them is the one described.
    """

    caller: str
    address: str
    action: str
    rule: str
    tool: str = ""
    count: int = 1


class Switched(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A tool was enabled or disabled."""

    tool: str
    enabled: bool
    caller: str


class Reloaded(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The settings were read anew: keys changed, and those whose change waits for a restart.

    `problems` says why nothing was changed, if it was not.
    """

    changed: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


class ServiceStarted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A server began to serve."""

    version: str
    transport: str


class ServiceStopped(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A server ended in the orderly way; a start without a stop before it was a crash."""

    reason: str
