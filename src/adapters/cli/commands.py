"""The commands, their options, and the exit status of each."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, NoReturn, TypeVar

import click
import msgspec

from ...application.listing import list_tool
from ...domain.health import HealthStatus, roll_up
from ...domain.words import quote
from .. import wire
from . import answers, overviews
from .audit import audit
from .batch import judge_batch
from .execution import execute
from .hosts import read_hosts
from .install import install_client
from .screen import show, show_json
from .start import Starter
from .tokens import token

Command = TypeVar("Command", bound=Callable[..., Any])

_CONFIG = click.option("--config", metavar="F", help="Settings file, instead of MCP_CONFIG_FILE.")
_JSON = click.option("--json", "as_json", is_flag=True, help="JSON alone on standard output.")


def _request(command: Command) -> Command:
    """The arguments and options of `run` and `plan` that make up a request."""
    for decorate in (
        click.argument("extra_args", nargs=-1, type=click.UNPROCESSED),
        click.option("--timeout-sec", type=float, metavar="N", help="At most this many seconds."),
        click.option("--options", metavar="JSON", help="Options of the program, typed."),
        click.option("--profile", metavar="NAME", help="A named set of options of the tool."),
        _JSON,
        _CONFIG,
    ):
        command = decorate(command)
    return command


def _print_version(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"netsonde {context.obj.version}")
        _end(wire.OK)


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
@click.pass_context
def netsonde(context: click.Context, /) -> None:
    """Network diagnostics that obey their operator's policy.

    Without a command it serves MCP on standard input and output.
    """
    if context.invoked_subcommand is None:
        _end(context.obj.serve(None, {}))


@netsonde.command()
@click.option(
    "--transport", type=click.Choice(["stdio", "http"]), help="stdio unless told otherwise."
)
@click.option("--host", metavar="H", help="Address to listen on (http).")
@click.option(
    "--port", type=click.IntRange(0, 65535), metavar="P", help="Port to listen on (http)."
)
@_CONFIG
@click.pass_obj
def serve(starter: Starter, /, config: str | None, **given: Any) -> None:
    """Serve MCP clients."""
    command_line = {f"server.{name}": value for name, value in given.items() if value is not None}
    _end(starter.serve(config, command_line))


@netsonde.command()
@click.argument("tool")
@click.argument("target")
@_request
@click.pass_obj
def run(
    starter: Starter, /, tool: str, target: str, config: str | None, as_json: bool, **more: Any
) -> None:
    """Run TOOL (NmapTool or nmap, ...) on TARGET; the program's own options go after --."""
    members = _members(target, **more)
    output = execute(starter.assemble(config).run_tool, tool, members)
    show_json(output) if as_json else show(*answers.output_parts(output))
    _end(wire.exit_status(output))


@netsonde.command()
@click.argument("tool", required=False)
@click.argument("target", required=False)
@click.option(
    "--batch", type=click.File("rb"), metavar="FILE", help="Judge JSON lines; - is standard input."
)
@click.option(
    "--hosts", type=click.File("rb"), metavar="FILE", help="hosts(5) for --batch, instead of DNS."
)
@_request
@click.pass_obj
def plan(
    starter: Starter,
    /,
    tool: str | None,
    target: str | None,
    batch: BinaryIO | None,
    hosts: BinaryIO | None,
    config: str | None,
    as_json: bool,
    **more: Any,
) -> None:
    """Say whether TOOL may be run on TARGET, and as what; run nothing.

    With --batch: a policy test. Each line {tool, target, extra_args?, options?, profile?,
    timeout_sec?, expect?: allow|refuse, rule?, dns?: {name: [address]}} gives a line with the
    verdict, judged as for a server with every privilege. Exit 1 if one was not as expected, 2 if
    a line could not be read.
    """
    if batch is not None:
        if tool is not None or any(more.values()):
            raise click.UsageError("--batch takes its requests from FILE alone.")
        assembly = starter.assemble(config)
        look_up = assembly.hosts(read_hosts(hosts)) if hosts is not None else assembly
        _end(judge_batch(batch, sys.stdout.buffer, assembly.run_tool, look_up))
    if tool is None or target is None:
        raise click.UsageError("TOOL and TARGET are missing (or --batch FILE).")
    if hosts is not None:
        raise click.UsageError("--hosts goes with --batch.")
    run_tool = starter.assemble(config).run_tool
    answer = asyncio.run(run_tool.plan(tool, _members(target, **more)))
    show_json(answer) if as_json else show(*answers.plan_parts(tool, answer))
    _end(wire.exit_status_of(answer.error) if answer.error is not None else wire.OK)


@netsonde.command()
@_JSON
@_CONFIG
@click.pass_obj
def tools(starter: Starter, /, config: str | None, as_json: bool) -> None:
    """List the tools."""
    assembly = starter.assemble(config)
    run_tool = assembly.run_tool
    layers = tuple(assembly.layers()) if as_json else ()
    listings = [
        list_tool(entry, run_tool.breaker_state(entry), layers)
        for entry in run_tool.catalog.entries()
    ]
    show_json(listings) if as_json else show(overviews.tools(listings, run_tool.catalog.broken))


@netsonde.command()
@_JSON
@_CONFIG
@click.pass_obj
def config(starter: Starter, /, config: str | None, as_json: bool) -> None:
    """Show the settings in force, and where each one came from."""
    settings = starter.assemble(config).described()
    if as_json:
        show_json(
            {
                s.key: {"value": s.value, "source": s.source, "variable": s.variable}
                for s in settings
            }
        )
    else:
        show(overviews.settings(settings))


@netsonde.command()
@_JSON
@_CONFIG
@click.pass_obj
def doctor(starter: Starter, /, config: str | None, as_json: bool) -> None:
    """Find out what works here, and how to mend what does not."""
    results = asyncio.run(starter.assemble(config, lenient=True).examine())
    status = roll_up(results)
    if as_json:
        show_json({"status": status, "checks": results})
    else:
        show(overviews.health(results), f"All in all: {status}")
    _end(wire.FAILED if status is HealthStatus.UNHEALTHY else wire.OK)


netsonde.add_command(install_client)
netsonde.add_command(audit)
netsonde.add_command(token)


def command_line(words: Sequence[str], starter: Starter) -> int:
    """Run a command line; gives the exit status."""
    try:
        status = netsonde.main(list(words), "netsonde", standalone_mode=False, obj=starter)
    except click.NoSuchOption as error:
        error.show()
        click.echo("The options of a tool's program go after --.", err=True)
        return wire.USAGE
    except click.ClickException as error:
        error.show()
        return wire.USAGE
    except click.Abort:
        return wire.INTERRUPTED
    return status if isinstance(status, int) else wire.OK


def _members(
    target: str,
    *,
    extra_args: tuple[str, ...],
    options: str | None,
    profile: str | None,
    timeout_sec: float | None,
) -> dict[str, Any]:
    members: dict[str, Any] = {"target": target}
    if extra_args:
        members["extra_args"] = quote(extra_args)
    if options is not None:
        try:
            members["options"] = msgspec.json.decode(options)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
            raise click.UsageError(f"--options is no JSON: {error}") from error
    if profile is not None:
        members["profile"] = profile
    if timeout_sec is not None:
        members["timeout_sec"] = timeout_sec
    return members


def _end(status: int) -> NoReturn:
    raise click.exceptions.Exit(status)
