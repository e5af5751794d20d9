"""What dig (BIND 9) prints for people: dig(1). `+yaml` is not read."""

import re
from typing import Any

from .fields import MAX_TEXT, clip, lines, number, phrase

MAX_RECORDS = 1000
"""Records kept, of all sections together."""

MAX_ERRORS = 20
"""Complaints kept."""

_YAML = re.compile(r"\s{0,9}-\s{1,9}type: ")
_HEADER = re.compile(r";; ->>HEADER<<- .{0,80}?\bstatus: ([A-Z0-9]{1,20})")
_FLAGS = re.compile(r";; flags:((?: [a-z]{1,8}){0,16});(.{0,200})")
_SECTION = re.compile(r";; ([A-Z0-9 ]{1,30}?)(?: PSEUDO)? ?SECTION:")
_QUERY_TIME = re.compile(r";; Query time: (\d{1,12}) (m|u)sec")
_SERVER = re.compile(r";; SERVER: ([^#\s]{1,300})#\d{1,5}")
_RECEIVED = re.compile(
    r";; Received \d{1,9} bytes from ([^#\s]{1,300})#\d{1,5}\S{0,310} in (\d{1,9}) ms"
)
_IDENTIFY = re.compile(r" from server (\S{1,300}) in (\d{1,12}) (m|u)s\.$")
_TROUBLE = re.compile(
    r";;? ?((?:communications error|connection timed out|no servers could be reached|no response"
    r"|UDP setup with|TCP setup with|Connection to|Got bad packet|Transfer failed|Question section"
    r"|Warning|WARNING).{0,400})"
)
# Quoted strings and escapes stay; brackets and comments of +multiline and +rrcomments go.
_PIECE = re.compile(r'"(?:[^"\\]++|\\.)*+"?|\\.?|[()]|;.*|\s++|[^"\\();\s]++')
_RECORD = re.compile(
    r"(\S{1,2048}) (?:(\d{1,10}|(?:\d{1,6}[wdhms]){1,5}) )?"
    r"(?:(IN|CH|HS|ANY|NONE|CLASS\d{1,5}) )?([A-Z][A-Z0-9-]{0,19})(?: (.*))?"
)
_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_KEPT = {"ANSWER": "answers", "AUTHORITY": "authority", "ADDITIONAL": "additional"}


def parse(stdout: bytes, report: bytes = b"", complete: bool = True) -> dict[str, Any] | None:
    """Read `{status, flags, answers, authority, additional, server, query_time_ms, errors}`.

    A record is `{name, ttl, type, data}`, `ttl` in seconds, `data` as dig writes it (strings
    quoted, the lines of `+multiline` joined). `+short` gives answers that have `data` only, the
    rest null; `+nottlid` leaves `ttl` null; records without section headings (`+noall +answer`)
    are answers. `status` and `flags` are the message header's (null and [] where it isn't shown),
    `server` is an address without its port, `query_time_ms` milliseconds; of several messages the
    last counts. `errors` is what dig complained of (`no servers could be reached`).
    """
    finished, rest = lines(stdout)
    if _YAML.match("\n".join(finished[:3])[:40]):
        return None
    entries, still_open = _entries(finished)
    reader = _Reader()
    for text, tabbed in entries:
        if text.startswith(";"):
            reader.remark(text)
        else:
            reader.record(text, tabbed)
    if not (reader.known or reader.records):
        return None
    if rest or still_open or reader.lacking() or not complete:
        reader.result["partial"] = True
    return reader.result


def _entries(finished: list[str]) -> tuple[list[tuple[str, bool]], bool]:
    """Comment lines as they are and records as one line each; and whether one was still open.

    The flag says that the record had a tab: dig sets its columns apart with them, and in data
    they are escaped.
    """
    entries: list[tuple[str, bool]] = []
    pieces: list[str] = []
    depth, tabbed = 0, False
    for line in finished:
        if line.startswith(";"):
            entries.append((line[:1024], False))
            continue
        if depth == 0 and not (line.strip() and line.replace("\t", " ").isprintable()):
            continue
        tabbed |= "\t" in line
        for piece in _PIECE.findall(line):
            depth = max(0, depth + (piece == "(") - (piece == ")"))
            if piece not in ("(", ")") and not piece.startswith(";"):
                pieces.append(" " if piece.isspace() else piece)
        pieces.append(" ")
        if depth == 0:
            entries.append((_squeezed(pieces), tabbed))
            pieces, tabbed = [], False
    return entries, depth > 0


def _squeezed(pieces: list[str]) -> str:
    """The pieces as one line, with single spaces between words."""
    kept: list[str] = []
    for piece in pieces:
        if piece != " " or (kept and kept[-1] != " "):
            kept.append(piece)
    return "".join(kept).strip(" ")


class _Reader:
    """Puts each entry where it belongs."""

    def __init__(self) -> None:
        self.known = False
        self.records = 0
        self.result: dict[str, Any] = {
            "status": None,
            "flags": [],
            "answers": [],
            "authority": [],
            "additional": [],
            "server": None,
            "query_time_ms": None,
            "errors": [],
        }
        self._headed = self._in_statistics = False
        self._section = ""
        self._announced: dict[str, int] = {}
        self._seen: dict[str, int] = {}

    def remark(self, line: str) -> None:
        """A comment line: headings, the header, statistics, complaints."""
        self.known |= _remark(line, self.result)
        if _HEADER.match(line):
            self._headed, self._section, self._announced, self._seen = True, "", {}, {}
        elif found := _FLAGS.match(line):
            counts = re.findall(r"([A-Z]{1,20}): (\d{1,6})", found[2])
            self._announced = {name: int(count) for name, count in counts}
        elif found := _SECTION.match(line):
            self._section = found[1]
            self._seen.setdefault(self._section, 0)
        elif line.startswith(";; Query time:"):
            self._in_statistics = True
        elif line.startswith(";; MSG SIZE"):
            self._in_statistics = False

    def record(self, text: str, tabbed: bool) -> None:
        """A record, or the data of one."""
        record = _record(text, certain=tabbed or self._headed, result=self.result)
        if record is None:
            return
        self.records += 1
        if self._section:
            self._seen[self._section] += 1
        if self.records <= MAX_RECORDS:
            self.result[_KEPT.get(self._section or "ANSWER", "additional")].append(record)

    def lacking(self) -> bool:
        """Whether less is here than was announced, or more than is kept."""
        # The header counts OPT and TSIG as additional records; they have sections of their own.
        short = any(
            self._announced.get(name, 0) > self._seen.get(name, self._announced.get(name, 0))
            for name in ("ANSWER", "AUTHORITY")
        )
        return short or self._in_statistics or self.records > MAX_RECORDS


def _remark(line: str, result: dict[str, Any]) -> bool:
    """Note what a comment line says of the message; False if it says nothing that we keep."""
    if found := _HEADER.match(line):
        result["status"] = found[1]
    elif found := _FLAGS.match(line):
        result["flags"] = found[1].split()
    elif found := _QUERY_TIME.match(line):
        result["query_time_ms"] = int(found[1]) / (1 if found[2] == "m" else 1000)
    elif found := _SERVER.match(line):
        result["server"] = clip(found[1])
    elif found := _RECEIVED.match(line):
        result["server"], result["query_time_ms"] = clip(found[1]), number(found[2])
    elif found := _TROUBLE.match(line):
        if len(result["errors"]) < MAX_ERRORS:
            result["errors"].append(clip(found[1]))
    else:
        return False
    return True


def _record(text: str, certain: bool, result: dict[str, Any]) -> dict[str, Any] | None:
    """A record, or the data alone of a line of `+short`; None if nothing of it is left.

    Unless `certain`, a line is a record only if it shows a TTL or a class: the `+short` data of
    NSEC, say, reads like a name and a type.
    """
    found = _RECORD.fullmatch(text)
    if found and (certain or found[2] or found[3]):
        name, ttl, _, kind, data = found.groups()
        return {
            "name": clip(name, 1024),
            "ttl": None if ttl is None else _seconds(ttl),
            "type": kind,
            "data": clip(data or "", MAX_TEXT),
        }
    if found := _IDENTIFY.search(text[-400:]):
        result["server"] = clip(found[1])
        result["query_time_ms"] = int(found[2]) / (1 if found[3] == "m" else 1000)
        text = text[: len(text) - len(found[0])]
    data = phrase(text, MAX_TEXT)
    return {"name": None, "ttl": None, "type": None, "data": data} if data else None


def _seconds(ttl: str) -> int:
    """`3600`, or `1h5m` as `+ttlunits` writes it."""
    if ttl.isdigit():
        return int(ttl)
    return sum(int(n) * _UNITS[unit] for n, unit in re.findall(r"(\d+)([wdhms])", ttl))
