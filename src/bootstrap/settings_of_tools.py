"""Settings of tools: the bounds of all of them, and what can be set for one."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta


def renamed(variable: str) -> dict[str, Any]:
    """For a setting that keeps its historical variable instead of MCP_SECTION_KEY."""
    return {"variable": variable}


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A group of settings. Each field's `Meta` has its help, its range, its variable if renamed."""


class ToolDefaults(Section, frozen=True, kw_only=True):
    """Which tools there are, and the bounds of each; most can be set for one tool under `tools`."""

    package: Annotated[
        str,
        Meta(
            description="Python package in which the tools are found",
            extra=renamed("TOOLS_PACKAGE"),
        ),
    ] = "netsonde.domain.tools"
    include: Annotated[
        tuple[str, ...],
        Meta(
            description="names of the tools to offer, none other; empty for all",
            extra=renamed("TOOL_INCLUDE"),
        ),
    ] = ()
    exclude: Annotated[
        tuple[str, ...],
        Meta(description="names of tools to leave out", extra=renamed("TOOL_EXCLUDE")),
    ] = ()
    max_args_len: Annotated[
        int,
        Meta(
            ge=1,
            le=16_384,
            description="characters of extra_args that are read",
            extra=renamed("MCP_MAX_ARGS_LEN"),
        ),
    ] = 2048
    max_stdout_bytes: Annotated[
        int,
        Meta(
            ge=1024,
            le=67_108_864,
            description="bytes of standard output that are kept",
            extra=renamed("MCP_MAX_STDOUT_BYTES"),
        ),
    ] = 1_048_576
    max_stderr_bytes: Annotated[
        int,
        Meta(
            ge=1024,
            le=67_108_864,
            description="bytes of standard error that are kept",
            extra=renamed("MCP_MAX_STDERR_BYTES"),
        ),
    ] = 262_144
    default_timeout: Annotated[
        float,
        Meta(
            ge=1,
            le=3600,
            description="seconds an execution may take, and the most a caller may ask for",
            extra=renamed("MCP_DEFAULT_TIMEOUT_SEC"),
        ),
    ] = 300.0
    default_concurrency: Annotated[
        int,
        Meta(
            ge=1,
            le=64,
            description="executions of one tool at a time",
            extra=renamed("MCP_DEFAULT_CONCURRENCY"),
        ),
    ] = 2
    queue: Annotated[
        int, Meta(ge=0, le=10_000, description="callers that may wait for a place, per tool")
    ] = 16
    max_memory_mb: Annotated[
        int,
        Meta(
            ge=64,
            le=65_536,
            description="MiB of address space a program may have",
            extra=renamed("MCP_MAX_MEMORY_MB"),
        ),
    ] = 512
    max_file_descriptors: Annotated[
        int,
        Meta(
            ge=64,
            le=65_536,
            description="files and sockets a program may have open",
            extra=renamed("MCP_MAX_FILE_DESCRIPTORS"),
        ),
    ] = 256


class OneTool(Section, frozen=True, kw_only=True):
    """Settings of one tool, `tools.<Name>`. None (left out): the general setting stands."""

    enabled: Annotated[bool, Meta(description="offer this tool")] = True
    path: Annotated[
        str | None,
        Meta(description="absolute path of the program to run, instead of searching for it"),
    ] = None
    sha256: Annotated[
        str | None,
        Meta(description="SHA-256 that the program must have (64 hexadecimal digits)"),
    ] = None
    timeout: Annotated[
        float | None, Meta(ge=1, le=3600, description="instead of tool.default_timeout")
    ] = None
    concurrency: Annotated[
        int | None, Meta(ge=1, le=64, description="instead of tool.default_concurrency")
    ] = None
    max_memory_mb: Annotated[
        int | None, Meta(ge=64, le=65_536, description="instead of tool.max_memory_mb")
    ] = None
    failure_threshold: Annotated[
        int | None, Meta(ge=1, le=1000, description="instead of circuit_breaker.failure_threshold")
    ] = None
    recovery_timeout: Annotated[
        float | None,
        Meta(ge=1, le=86_400, description="instead of circuit_breaker.recovery_timeout"),
    ] = None
    allow_intrusive: Annotated[
        bool | None, Meta(description="instead of security.allow_intrusive")
    ] = None
    profiles: Annotated[
        dict[str, str],
        Meta(
            description="named sets of options: name and extra_args (in a variable: a JSON object)"
        ),
    ] = {}
