"""What nmap writes with `-oX`: nmap(1), nmap.dtd. Of its text only the progress is read."""

import re
from typing import Any
from xml.parsers import expat

from .fields import MAX_LINE, MAX_TEXT, clip, number, phrase, whole

MAX_HOSTS = 4096
"""Hosts kept."""

MAX_PORTS = 65_536
"""Ports kept, of all hosts together."""

MAX_SCRIPTS = 4096
"""Script outputs kept, of all hosts together."""

MAX_ROWS = 255
"""Rows kept of each smaller list of a host: OS guesses, hops, ignored states and their reasons."""

_MAX_DEPTH = 64
_PROGRESS = re.compile(r"\bTiming: About (\d{1,3}(?:\.\d{1,4})?)% done\b")


def parse(stdout: bytes, report: bytes = b"", complete: bool = True) -> dict[str, Any] | None:
    """Read `{hosts, stats}` from the XML in `report`.

    A host is `{address, hostname, state, reason, mac, latency_ms, ports, extra_ports, scripts, os,
    trace, timed_out}`. `ports`: `[{port, protocol, state, reason, service, product, version,
    scripts}]`, the service with its tunnel as in nmap's text (`ssl/http`); `extra_ports`: `[{state,
    count, reasons: [{reason, count}]}]`, those that nmap only counts; `scripts`: `[{id, output}]`;
    `os`: `[{name, accuracy}]`, percent, or null if not asked for; `trace`: `[{ttl, address,
    hostname, rtt_ms}]` or null; `timed_out`: nmap gave the host up (`--host-timeout`), so its ports
    are not known. `stats`: `{up, down, total, elapsed_sec, summary, exit}`, null as long as nmap
    hasn't finished; `summary` is the reason if `exit` is `error`.

    Of a cut report the finished hosts, the finished ports of an unfinished host, and the hosts
    that were found but not reported on yet (without ports) are given. A document with a DTD of its
    own is not read: nmap writes none, and entities have no business here.
    """
    reader = _Reader()
    parser = expat.ParserCreate("utf-8")
    parser.StartDoctypeDeclHandler = reader.doctype
    parser.EntityDeclHandler = reader.entity
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    try:
        parser.Parse(report, True)
    except (expat.ExpatError, _UnreadableError):
        reader.cut = True
    if not reader.begun:
        return None
    result: dict[str, Any] = {"hosts": reader.hosts, "stats": reader.stats}
    if reader.cut or reader.stats["exit"] is None or not complete:
        reader.give_unfinished()
        result["partial"] = True
    elif reader.bounded:
        result["partial"] = True
    return result


def progress(line: str) -> float | None:
    """How far the present phase of a scan is after this line of `--stats-every`, in percent.

    nmap counts each phase (`Ping Scan`, `SYN Stealth Scan`, `Service scan`, `NSE`) from 0 again.
    """
    found = _PROGRESS.search(line[:MAX_LINE])
    return min(100.0, float(found[1])) if found else None


class _UnreadableError(Exception):
    """This is not nmap's, or not to be read."""


class _Reader:
    """Collects as the elements go by."""

    def __init__(self) -> None:
        self.begun = self.cut = self.bounded = False
        self.hosts: list[dict[str, Any]] = []
        self.stats: dict[str, Any] = dict.fromkeys(
            ("up", "down", "total", "elapsed_sec", "summary", "exit")
        )
        self._path: list[str] = []
        self._hints: list[dict[str, Any]] = []
        self._host: dict[str, Any] | None = None
        self._port: dict[str, Any] | None = None
        self._ports = self._scripts = 0

    def doctype(self, name: str, system: str | None, public: str | None, internal: bool) -> None:
        if internal:
            raise _UnreadableError

    def entity(self, *declared: object) -> None:
        raise _UnreadableError

    def start(self, name: str, at: dict[str, str]) -> None:
        if (not self._path and name != "nmaprun") or len(self._path) >= _MAX_DEPTH:
            raise _UnreadableError
        self.begun = True
        parent = self._path[-1] if self._path else ""
        self._path.append(name)
        if name in ("host", "hosthint"):
            if parent == "nmaprun":
                self._host = _new_host(at)
        elif parent == "runstats":
            self._finished(name, at)
        elif self._port is not None:
            self._of_port(name, parent, at, self._port)
        elif self._host is not None:
            self._of_host(name, parent, at, self._host)

    def end(self, name: str) -> None:
        self._path.pop()
        if name == "port" and self._host and self._port:
            if self._ports < MAX_PORTS:
                self._host["ports"].append(self._port)
                self._ports += 1
            else:
                self.bounded = True
            self._port = None
        elif name in ("host", "hosthint") and self._host and len(self._path) == 1:
            self._keep(self._hints if name == "hosthint" else self.hosts, self._host)
            self._host = self._port = None

    def give_unfinished(self) -> None:
        """Add what the report hadn't come to when it ended."""
        if self._host and self._path[1:2] == ["host"]:
            self._keep(self.hosts, self._host)
        known = {host["address"] for host in self.hosts}
        for hint in self._hints:
            if hint["address"] not in known:
                self._keep(self.hosts, hint)

    def _keep(self, where: list[dict[str, Any]], host: dict[str, Any]) -> None:
        if host["address"] is None:
            return
        if len(where) < MAX_HOSTS:
            where.append(host)
        else:
            self.bounded = True

    def _row(self, rows: list[dict[str, Any]], row: dict[str, Any]) -> None:
        if len(rows) < MAX_ROWS:
            rows.append(row)
        else:
            self.bounded = True

    def _script(self, rows: list[dict[str, Any]], at: dict[str, str]) -> None:
        if self._scripts < MAX_SCRIPTS:
            self._scripts += 1
            rows.append(
                {"id": phrase(at.get("id")), "output": clip(at.get("output", ""), MAX_TEXT)}
            )
        else:
            self.bounded = True

    def _finished(self, name: str, at: dict[str, str]) -> None:
        if name == "finished":
            self.stats["elapsed_sec"] = number(at.get("elapsed"))
            self.stats["summary"] = phrase(at.get("errormsg") or at.get("summary"))
            self.stats["exit"] = phrase(at.get("exit"))
        elif name == "hosts":
            for key in ("up", "down", "total"):
                self.stats[key] = whole(at.get(key))

    def _of_port(self, name: str, parent: str, at: dict[str, str], port: dict[str, Any]) -> None:
        if parent != "port":
            return
        if name == "state":
            port["state"], port["reason"] = phrase(at.get("state")), phrase(at.get("reason"))
        elif name == "service":
            service, tunnel = at.get("name"), at.get("tunnel")
            port["service"] = phrase(f"{tunnel}/{service}" if tunnel and service else service)
            port["product"], port["version"] = phrase(at.get("product")), phrase(at.get("version"))
        elif name == "script":
            self._script(port["scripts"], at)

    def _of_host(self, name: str, parent: str, at: dict[str, str], host: dict[str, Any]) -> None:
        match parent, name:
            case _, "status":
                host["state"], host["reason"] = phrase(at.get("state")), phrase(at.get("reason"))
            case _, "address":
                key = "mac" if at.get("addrtype") == "mac" else "address"
                host[key] = host[key] or phrase(at.get("addr"))
            case "hostnames", "hostname":
                host["hostname"] = host["hostname"] or phrase(at.get("name"))
            case _, "times":
                host["latency_ms"] = _milliseconds(at.get("srtt"))
            case "ports", "port":
                self._port = _new_port(at)
            case "ports", "extraports":
                row = {"state": phrase(at.get("state")), "count": whole(at.get("count"))}
                self._row(host["extra_ports"], row | {"reasons": []})
            case "extraports", "extrareasons" if host["extra_ports"]:
                row = {"reason": phrase(at.get("reason")), "count": whole(at.get("count"))}
                self._row(host["extra_ports"][-1]["reasons"], row)
            case "hostscript", "script":
                self._script(host["scripts"], at)
            case _, "os" | "trace":
                host[name] = host[name] or []
            case "os", "osmatch" if host["os"] is not None:
                row = {"name": phrase(at.get("name")), "accuracy": whole(at.get("accuracy"))}
                self._row(host["os"], row)
            case "trace", "hop" if host["trace"] is not None:
                self._row(host["trace"], _new_hop(at))


def _new_host(at: dict[str, str]) -> dict[str, Any]:
    return {
        "address": None,
        "hostname": None,
        "state": None,
        "reason": None,
        "mac": None,
        "latency_ms": None,
        "ports": [],
        "extra_ports": [],
        "scripts": [],
        "os": None,
        "trace": None,
        "timed_out": at.get("timedout") == "true",
    }


def _new_port(at: dict[str, str]) -> dict[str, Any]:
    return {
        "port": whole(at.get("portid")),
        "protocol": phrase(at.get("protocol")),
        "state": None,
        "reason": None,
        "service": None,
        "product": None,
        "version": None,
        "scripts": [],
    }


def _new_hop(at: dict[str, str]) -> dict[str, Any]:
    return {
        "ttl": whole(at.get("ttl")),
        "address": phrase(at.get("ipaddr")),
        "hostname": phrase(at.get("host")),
        "rtt_ms": number(at.get("rtt")),
    }


def _milliseconds(microseconds: str | None) -> float | None:
    value = number(microseconds)
    return None if value is None else round(value / 1000, 3)
