"""DigTool: what the DNS says about a name or an address. The target is the question, not a host."""

from collections.abc import Sequence
from typing import Any

from ..grammar import Grammar, Syntax
from ..kinds import Risk
from ..options import Given, Item, Option, Problem
from ..reports import dig as report
from ..target import Address, Hostname, Network
from ..tool import Arranged, Draft, Tool
from .dig_options import CLASSES, HTTP_OPTIONS, TABLE, TYPES


class DigGrammar(Grammar):
    """Dashes are read as everywhere; the words of dig's own are +options, @server, types, classes."""

    def read_positional(self, text: str) -> Item:
        if text.startswith("+"):
            return self._read_plus(text)
        if text.startswith("@"):
            return self._judge(self._by_name["@"], text[1:], text)
        word = text.upper() if text.isascii() else text
        if word in TYPES or word == "AXFR":
            return self.given(self._by_name["-t"], word, text)
        if word in CLASSES:
            return self.given(self._by_name["-c"], word, text)
        return super().read_positional(text)

    def _read_plus(self, text: str) -> Item:
        name, equals, value = text.partition("=")
        name = name.lower()
        option = self._by_name.get(name)
        if option is None:
            return self._abbreviated(text, name, value)
        if option.risk is Risk.FORBIDDEN:
            return self._judge(option, value, text)
        if option.kind is None and equals:
            return Problem(
                rule="option.value", offending=text, reason=f"{name} takes no value", fix=name
            )
        if option.takes_value and not value:
            wanted = option.kind.describe() if option.kind else ""
            return Problem(
                rule="option.value", offending=text, reason=f"{name} needs a value: {wanted}"
            )
        return self._judge(option, value, text)

    def _abbreviated(self, text: str, name: str, value: str) -> Item:
        near = [full for full in self._by_name if full.startswith(name)] if len(name) > 1 else []
        options = {id(self._by_name[full]): self._by_name[full] for full in near}
        if options and all(option.risk is Risk.FORBIDDEN for option in options.values()):
            return self._judge(next(iter(options.values())), value, text)
        if len(options) != 1:
            close = f"; it could be {', '.join(near[:4])}" if near else ""
            return Problem(
                rule="option.unknown",
                offending=text,
                reason=f"{name} is not in the option table{close}",
            )
        (option,) = options.values()
        return Problem(
            rule="option.unknown",
            offending=text,
            reason=f"{name} is short for {near[0]}; abbreviations are not taken",
            fix=self._repair(option, value),
        )


class DigTool(Tool):
    """dig, with an argv made by us: `-r ... -q NAME -t TYPE`, or `-x ADDRESS`."""

    command_name = "dig"
    title = "Ask the DNS"
    description = (
        "Ask the DNS about a name, or for the name of an address. Target: the name or address asked "
        'about (it need not exist). Example: options {"type": "MX"}, or {"server": "10.0.0.53"} to '
        "ask that name server instead of the system's resolver."
    )
    table = TABLE
    syntax = Syntax(equals_only=True, ends_options=False)
    asks_about_names = True
    default_timeout_sec = 30.0
    install_hint = "apt-get install dnsutils"
    version_args = ("-v",)

    def make_grammar(self, rows: Sequence[Option]) -> Grammar:
        return DigGrammar(rows, self.syntax)

    def clash(
        self, given: Sequence[Given], subject: Address | Network | Hostname | None
    ) -> Problem | None:
        rows = {item.option.names[0]: item for item in given}
        reverse = rows.get("-x")
        if reverse is not None and reverse.value != str(subject):
            return Problem(
                rule="option.positional",
                offending="-x",
                reason="one question a call: for a reverse look-up give the address as target",
            )
        server = rows.get("@")
        if server is None:
            # The system's resolver was not judged: it is asked DNS questions and nothing else.
            for name in (*HTTP_OPTIONS, "-p"):
                if name in rows and rows[name].value != "53":
                    return Problem(
                        rule="option.value",
                        offending=name,
                        reason=f"{name} needs @server, an allowed address",
                    )
        if "-6" in rows and (server is None or ":" not in server.value):
            return Problem(
                rule="option.value", offending="-6", reason="-6 needs an IPv6 name server"
            )
        if "-4" in rows and server is not None and ":" in server.value:
            return Problem(rule="option.value", offending="-4", reason="the name server is IPv6")
        return None

    def arrange(self, draft: Draft) -> Arranged:
        words = ["-r"]
        notes: tuple[str, ...] = ()
        for item in draft.given:
            if item.option.names[0] not in ("-r", "-x", "-t", "@"):
                words.extend(item.words)
        if not draft.has("timeout"):
            words.append("+time=3")
        if not draft.has("tries", "retries"):
            words.append("+tries=2")
        server = draft.value("server")
        if server is not None:
            words.append(f"@{server}")
        if isinstance(draft.subject, Hostname):
            words += ["-q", str(draft.subject), "-t", draft.value("type") or "A"]
        else:
            words += ["-x", str(draft.subject)]
            if draft.value("type") not in (None, "PTR"):
                notes = (
                    f"type {draft.value('type')} was left out: a reverse look-up asks for PTR",
                )
        return Arranged(words=tuple(words), notes=notes, asks_resolver=server is None)

    def parse(self, stdout: bytes, report_bytes: bytes, complete: bool) -> dict[str, Any] | None:
        return report.parse(stdout, report_bytes, complete)
