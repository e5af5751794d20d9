"""Parsed reports as tables, told apart by what is in them, so that plug-ins of a kind get one too."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from .screen import plain, table

Report = Mapping[str, Any]
Part = Table | Text | str

_STATES = {"open": "green", "up": "green", "closed": "dim", "down": "red", "filtered": "yellow"}


def tables(result: Report) -> list[Part]:
    """The report for a person; empty if it is of no kind that is known here."""
    for members, draw in _KINDS:
        if all(member in result for member in members):
            return list(draw(result))
    return []


def _hosts(result: Report) -> Iterator[Part]:
    hosts = _rows(result, "hosts")
    if len(hosts) > 1:
        yield table(
            ("address", "name", "state", "reason", "#ms", "mac", "open ports"),
            [
                (
                    host.get("address"),
                    host.get("hostname"),
                    _state(host.get("state")),
                    host.get("reason"),
                    host.get("latency_ms"),
                    host.get("mac"),
                    ", ".join(
                        f"{port.get('port')}/{port.get('protocol')}"
                        for port in _rows(host, "ports")
                        if port.get("state") == "open"
                    ),
                )
                for host in hosts
            ],
        )
    for host in hosts:
        ports = _rows(host, "ports")
        if ports or len(hosts) == 1:
            yield plain(_headline(host), "bold")
        if ports:
            yield table(
                ("port", "state", "reason", "service", "product"),
                [
                    (
                        f"{port.get('port')}/{port.get('protocol')}",
                        _state(port.get("state")),
                        port.get("reason"),
                        port.get("service"),
                        " ".join(str(p) for p in (port.get("product"), port.get("version")) if p),
                    )
                    for port in ports
                ],
            )
        for extra in _rows(host, "extra_ports"):
            yield f"and {extra.get('count')} ports {extra.get('state')}"
        if host.get("timed_out"):
            yield plain("nmap gave this host up at its time limit", "yellow")
        for port in ports:
            yield from _scripts(port.get("scripts"), f"{port.get('port')}/{port.get('protocol')} ")
        yield from _scripts(host.get("scripts"), "")
        if host.get("os"):
            yield f"os: {_words(host['os'])}"
        if host.get("trace"):
            yield f"trace: {_words(host['trace'])}"
    if not hosts:
        yield "no host answered"


def _headline(host: Report) -> str:
    name = f" ({host['hostname']})" if host.get("hostname") else ""
    latency = f", {host['latency_ms']:g} ms" if host.get("latency_ms") is not None else ""
    return f"{host.get('address')}{name}: {host.get('state')}{latency}"


def _scripts(scripts: Any, where: str) -> Iterator[Part]:
    """Scripts of nmap: a table by name, or a list of `{id, output}`."""
    if isinstance(scripts, Mapping):
        pairs: Sequence[tuple[Any, Any]] = list(scripts.items())
    else:
        pairs = [
            (script.get("id"), script.get("output"))
            for script in scripts or ()
            if isinstance(script, Mapping)
        ]
    for name, output in pairs:
        yield f"{where}{name}: {_words(output).strip()}"


def _pings(result: Report) -> Iterator[Part]:
    sent = "?" if result.get("sent") is None else result["sent"]
    received = 0 if result.get("received") is None else result["received"]
    loss = "" if result.get("loss_percent") is None else f", {result['loss_percent']:g} % lost"
    duplicates = f", {result['duplicates']} duplicates" if result.get("duplicates") else ""
    yield plain(f"{sent} sent, {received} received{loss}{duplicates}", "bold")
    if result.get("rtt_avg_ms") is not None:
        yield table(
            ("#min ms", "#avg ms", "#max ms", "#mdev ms"),
            [[result.get(f"rtt_{name}_ms") for name in ("min", "avg", "max", "mdev")]],
        )
    for error in _rows(result, "errors")[:5]:
        yield f"{error.get('from')}: {error.get('message')}"


def _routes(result: Report) -> Iterator[Part]:
    rows = []
    for hop in _rows(result, "hops"):
        probes = _rows(hop, "probes")
        hosts = dict.fromkeys(
            f"{probe['address']}{f' ({name})' if (name := probe.get('hostname')) else ''}"
            for probe in probes
            if probe.get("address")
        )
        times = " ".join(
            "*" if probe.get("rtt_ms") is None else f"{probe['rtt_ms']:g}" for probe in probes
        )
        marks = dict.fromkeys(str(p["annotation"]) for p in probes if p.get("annotation"))
        rows.append((hop.get("ttl"), ", ".join(hosts) or "*", times, " ".join(marks)))
    yield table(("#hop", "host", "times in ms", "marks"), rows)
    yield plain("reached" if result.get("reached") else "not reached", "bold")


def _paths(result: Report) -> Iterator[Part]:
    names = ("loss_percent", "sent", "last_ms", "avg_ms", "best_ms", "worst_ms", "stdev_ms")
    yield table(
        ("#hop", "host", "#loss %", "#sent", "#last ms", "#avg", "#best", "#worst", "#stdev"),
        [
            (
                hop.get("ttl"),
                hop.get("hostname") or hop.get("address") or "*",
                *(hop.get(name) for name in names),
            )
            for hop in _rows(result, "hops")
        ],
    )


def _answers(result: Report) -> Iterator[Part]:
    status, flags = result.get("status"), " ".join(result.get("flags") or ())
    if status:
        yield plain(f"{status}{f' ({flags})' if flags else ''}", "bold")
    for section in ("answers", "authority", "additional"):
        if records := _rows(result, section):
            yield table(
                ("name", "#ttl", "type", "data"),
                [
                    [record.get(name) for name in ("name", "ttl", "type", "data")]
                    for record in records
                ],
                title=section,
            )
    if not _rows(result, "answers"):
        yield "no answer records"
    if result.get("server"):
        time = result.get("query_time_ms")
        yield f"from {result['server']}{f' in {time:g} ms' if time is not None else ''}"
    for error in result.get("errors") or ():
        yield str(error)


_KINDS: tuple[tuple[tuple[str, ...], Callable[[Report], Iterator[Part]]], ...] = (
    (("hosts",), _hosts),
    (("sent", "received"), _pings),
    (("hops", "reached"), _routes),
    (("hops",), _paths),
    (("answers",), _answers),
)


def _rows(report: Report, name: str) -> list[Report]:
    """The members of a list that are objects; a report of a plug-in may hold anything."""
    rows = report.get(name)
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _state(state: Any) -> Text:
    return plain(state, _STATES.get(str(state), ""))


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_words(inner)}" for key, inner in value.items() if inner)
    if isinstance(value, list):
        return "; ".join(_words(inner) for inner in value)
    return str(value)
