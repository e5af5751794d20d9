"""The record for its auditors: is it whole, and what does it say."""

import re
import shlex
from datetime import UTC, datetime
from typing import Any, NoReturn

import click
import msgspec

from ...domain.audit import Denied, Reloaded, ServiceStarted, ServiceStopped, Switched
from ...domain.execution import (
    Finished,
    Happening,
    Planned,
    Progressed,
    Recorded,
    Requested,
    Started,
    Status,
    ToolOutput,
)
from .. import wire
from .screen import remark
from .start import Starter, Verification

_NOTE = re.compile(r"(\d{1,18}):([0-9a-fA-F]{64})\Z")
_FOLDER = click.option(
    "--state-dir", metavar="D", help="Folder of the record, instead of state.dir."
)
_CONFIG = click.option("--config", metavar="F", help="Settings file, instead of MCP_CONFIG_FILE.")
_JSON = click.option("--json", "as_json", is_flag=True, help="JSON alone on standard output.")


@click.group()
def audit() -> None:
    """Examine the record of executions, denials and switches."""


@audit.command()
@_FOLDER
@click.option("--head", metavar="N:MAC", help="A head noted before (logged as audit.head).")
@_JSON
@_CONFIG
@click.pass_obj
def verify(
    starter: Starter,
    /,
    state_dir: str | None,
    head: str | None,
    config: str | None,
    as_json: bool,
) -> None:
    """Find out whether anything in the record was edited, removed, put in or moved.

    Exit 1 if so, 2 if there is no record. A server may go on writing. Without --head, an older
    copy of the whole folder can't be told from the folder itself.
    """
    noted = _noted(head)
    try:
        verified = starter.assemble(config).audit(state_dir).verify(noted)
    except OSError as error:
        _no_record(error)
    _write(_as_json(verified)) if as_json else _tell(verified)
    raise click.exceptions.Exit(wire.OK if verified.problem is None else wire.FAILED)


@audit.command()
@_FOLDER
@click.option("--since", type=click.IntRange(0), metavar="N", help="Records above this number.")
@click.option(
    "--limit", type=click.IntRange(1, 1_000_000), default=100, metavar="N", help="At most (100)."
)
@_JSON
@_CONFIG
@click.pass_obj
def show(
    starter: Starter,
    /,
    state_dir: str | None,
    since: int | None,
    limit: int,
    config: str | None,
    as_json: bool,
) -> None:
    """Print the record, one event a line, oldest first; the newest ones if not told since when."""
    try:
        for recorded in starter.assemble(config).audit(state_dir).events(since, limit):
            _write(msgspec.json.encode(recorded).decode() if as_json else line(recorded))
    except OSError as error:
        _no_record(error)
    raise click.exceptions.Exit(wire.OK)


def line(recorded: Recorded) -> str:
    """An event for a person; whatever a terminal would obey is escaped."""
    event = recorded.event
    words = [str(recorded.number), _time(event.at_s), event.execution_id or "-", *_said(event.what)]
    return escaped(" ".join(words))


def escaped(text: str) -> str:
    """Every character that is not printed as itself (control, direction, line ends) as its number."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )


def _said(what: Happening) -> list[str]:
    match what:
        case Requested():
            return ["asked", what.caller or "-", what.tool, what.target, *_wished(what)]
        case Planned(plan):
            return ["allowed", shlex.join(plan.argv)]
        case Started():
            return ["started"]
        case Progressed(percent):
            return ["progress", f"{percent:.1f}%"]
        case Finished(output):
            return _ended(output)
        case Denied():
            said = [
                "denied",
                what.caller or "-",
                what.address or "-",
                f"rule={what.rule}",
                what.action,
            ]
            return said if what.count == 1 else [*said, f"and {what.count - 1} more like it"]
        case Switched():
            return ["enabled" if what.enabled else "disabled", what.caller or "-", what.tool]
        case Reloaded():
            waiting = [f"waiting for a restart: {','.join(what.waiting)}"] if what.waiting else []
            because = [f"problem: {one}" for one in what.problems]
            return ["reloaded", ",".join(what.changed) or "nothing", *waiting, *because]
        case ServiceStarted():
            return ["service-started", what.version, what.transport]
        case ServiceStopped():
            return ["service-stopped", what.reason]


def _wished(asked: Requested) -> list[str]:
    named = (("profile", asked.profile), ("options", asked.options))
    words = [f"{name}={text}" for name, text in named if text]
    return [*words, f"-- {asked.extra_args}"] if asked.extra_args else words


def _ended(output: ToolOutput) -> list[str]:
    error = output.error
    if output.status is Status.REFUSED and error is not None:
        rule = error.metadata.get("rule") or error.error_type.value
        return ["refused", f"rule={rule}", error.message]
    words = [output.status.value, f"after {output.duration_sec:g} s"]
    if output.returncode is not None:
        words.append(f"status {output.returncode}")
    return [*words, error.message] if error is not None else words


def _tell(verified: Verification) -> None:
    _write(
        f"{verified.records} records fit"
        + (
            f": {verified.first} of {_time(verified.from_s or 0)} to {verified.last} of "
            f"{_time(verified.to_s or 0)}"
            if verified.records
            else ""
        )
    )
    problem = verified.problem
    if problem is None:
        _write(f"The record is whole. Its head: {verified.head}")
        return
    where = f" at {problem.number}" if problem.number is not None else ""
    _write(escaped(f"NOT WHOLE ({problem.code}{where}): {problem.message}"))
    remark("Keep a copy of the folder as it is, and compare it with a backup.")


def _as_json(verified: Verification) -> str:
    problem = verified.problem
    answer: dict[str, Any] = {
        "intact": problem is None,
        "records": verified.records,
        "first": verified.first,
        "last": verified.last,
        "from": _time(verified.from_s) if verified.from_s is not None else None,
        "to": _time(verified.to_s) if verified.to_s is not None else None,
        "head": verified.head,
        "problem": None
        if problem is None
        else {"code": problem.code, "number": problem.number, "message": problem.message},
    }
    return msgspec.json.encode(answer).decode()


def _no_record(error: OSError) -> NoReturn:
    remark(f"netsonde: {error}")
    raise click.exceptions.Exit(wire.USAGE)


def _noted(head: str | None) -> tuple[int, str] | None:
    if head is None:
        return None
    if (found := _NOTE.match(head)) is None:
        raise click.BadParameter(
            "it is NUMBER:MAC, as the log has it in audit.head", param_hint="--head"
        )
    return int(found[1]), found[2].lower()


def _time(at_s: float) -> str:
    try:
        at = datetime.fromtimestamp(at_s, UTC)
    except (ValueError, OverflowError, OSError):
        return f"@{at_s!r}"
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _write(text: str) -> None:
    click.echo(text)
