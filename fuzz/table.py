"""Every target: what reads, how much of the time it gets, how long its inputs are, where they begin."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

import msgspec

from . import seeds, words
from .targets import judging, kept, kernel, operator, reports, wire

Seeds = Callable[[], Iterator[bytes]]


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """`run` raises if a promise was broken. `weight`: its share of the time; `max_bytes`: of an input."""

    run: Callable[[bytes], None]
    seeds: Seeds
    words: Iterable[str] = ()
    weight: int = 1
    max_bytes: int = 4096


def _judge(program: str, weight: int) -> Target:
    return Target(
        run=judging.judge_as(program),
        seeds=partial(seeds.requests, program),
        words=tuple(words.of_program(program)),
        weight=weight,
        max_bytes=600,
    )


def _settings(suffix: str, more: Iterable[str], weight: int) -> Target:
    return Target(
        run=operator.settings_file(suffix),
        seeds=partial(seeds.settings, suffix),
        words=(*words.of_settings(), *more),
        weight=weight,
        max_bytes=16384,
    )


def _report(run: Callable[[bytes], None], program: str, more: Iterable[str], weight: int) -> Target:
    return Target(
        run=run,
        seeds=partial(seeds.recordings, program),
        words=(*more, *words.ADDRESSES),
        weight=weight,
        max_bytes=16384,
    )


TARGETS: Mapping[str, Target] = {
    "judge-nmap": _judge("nmap", 8),
    "judge-dig": _judge("dig", 5),
    "judge-traceroute": _judge("traceroute", 4),
    "judge-ping": _judge("ping", 4),
    "judge-mtr": _judge("mtr", 4),
    "report-nmap": _report(reports.read_nmap, "nmap", words.XML, 6),
    "report-dig": _report(reports.read_dig, "dig", words.DIG, 3),
    "report-mtr": _report(reports.read_mtr, "mtr", words.MTR, 2),
    "report-ping": _report(reports.read_ping, "ping", words.PING, 2),
    "report-traceroute": _report(reports.read_traceroute, "traceroute", words.TRACEROUTE, 2),
    "report-progress": Target(
        run=reports.read_nmap_progress, seeds=seeds.progress, words=words.PING
    ),
    "settings-yaml": _settings(".yaml", words.YAML, 4),
    "settings-toml": _settings(".toml", words.TOKENS, 3),
    "settings-json": _settings(".json", words.JSON, 2),
    "settings-variables": Target(
        run=operator.variables,
        seeds=seeds.variables,
        words=tuple(words.of_variables()),
        weight=3,
    ),
    "tokens-file": Target(
        run=operator.tokens_file,
        seeds=seeds.tokens,
        words=(*words.TOKENS, *words.ADDRESSES),
        weight=3,
    ),
    "switches-file": Target(run=operator.switches_file, seeds=seeds.json_files, words=words.JSON),
    "client-json": Target(
        run=operator.json_document, seeds=seeds.json_files, words=words.JSON, weight=1
    ),
    "batch-line": Target(
        run=judging.read_batch_line,
        seeds=seeds.batch_lines,
        words=(*words.JSON, *words.ADDRESSES, "extra_args", "expect", "options", "timeout_sec"),
        weight=3,
    ),
    "target": Target(
        run=judging.parse_target,
        seeds=seeds.targets,
        words=words.ADDRESSES,
        weight=2,
        max_bytes=300,
    ),
    "hosts-file": Target(run=judging.read_hosts, seeds=seeds.hosts, words=words.ADDRESSES),
    "mcp-line": Target(
        run=wire.mcp_line, seeds=seeds.mcp_lines, words=(*words.RPC, *words.JSON), weight=3
    ),
    "http-headers": Target(
        run=wire.http_headers,
        seeds=seeds.headers,
        words=(*words.HTTP, *words.ADDRESSES),
        weight=3,
    ),
    "http-body": Target(
        run=wire.http_body, seeds=seeds.bodies, words=(*words.JSON, *words.HTTP), weight=2
    ),
    "trace-context": Target(
        run=wire.trace_context,
        seeds=seeds.carriers,
        words=("00-", "=", ",", ";", "%20", "%", "@", "0af7651916cd43dd8448eb211c80319c"),
    ),
    "record-row": Target(
        run=kept.record_row, seeds=seeds.rows, words=(*words.EVENTS, *words.JSON), weight=2
    ),
    "held-packets": Target(
        run=kernel.read_held_packets, seeds=seeds.held_packets, words=("E", "`"), max_bytes=1024
    ),
    "socket-address": Target(
        run=kernel.read_socket_address,
        seeds=seeds.socket_addresses,
        words=("\\x02\\x00", "\\x0a\\x00"),  # AF_INET, AF_INET6
        max_bytes=160,
    ),
    "socket-messages": Target(
        run=kernel.read_messages,
        seeds=seeds.socket_messages,
        words=("\\x14\\x00", "\\x1a\\x00"),  # a length, RTM_GETROUTE
        max_bytes=1024,
    ),
}
