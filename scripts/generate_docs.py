"""Writes the pages of docs/ that are made from the code; with --check, tells whether they are up to date."""

import sys
from collections.abc import Iterator
from pathlib import Path

from netsonde.bootstrap.settings_reference import reference
from netsonde.domain.kinds import Risk
from netsonde.domain.options import Option
from netsonde.domain.tools import TOOLS
from netsonde.domain.tools.nse_scripts import FORBIDDEN, INTRUSIVE, SAFE

_DOCS = Path(__file__).parent.parent / "docs"
_NOTE = "<!-- Made by `make docs` from the code. Do not edit. -->\n"


def policy_page() -> str:
    """Every option of every program, with its value and what policy makes of it."""
    return "\n".join(_policy_lines()) + "\n"


def _policy_lines() -> Iterator[str]:
    yield _NOTE
    yield "# Policy reference: every option of every program\n"
    yield (
        "An option that is not here is refused. **allowed** options pass when their value is in range; "
        "**intrusive** ones only where `security.allow_intrusive` (or `tools.<Name>.allow_intrusive`) is "
        "set; **forbidden** ones never. *Raw* options need raw sockets (root or CAP_NET_RAW). The key is "
        "the option's name in the typed `options` object."
    )
    for kind in TOOLS:
        tool = kind()
        yield f"\n## {tool.name} (`{tool.command_name}`)\n"
        if tool.profiles:
            yield (
                "Profiles: " + ", ".join(f"`{n}` = `{a}`" for n, a in tool.profiles.items()) + ".\n"
            )
        yield "| option | key | value | class | what it does, or why not |"
        yield "| --- | --- | --- | --- | --- |"
        yield from (_row(option) for option in sorted(tool.grammar.options, key=_order))
    yield "\n## nmap's scripts\n"
    yield (
        f"Of the 604 scripts of nmap 7.93, {len(SAFE)} are safe, {len(INTRUSIVE)} intrusive and "
        f"{len(FORBIDDEN)} forbidden. A category is replaced by the explicit names in it that are safe "
        "(with `allow_intrusive` and an intrusive category: safe or intrusive), because nmap's own "
        "`safe` and `default` hold scripts that talk to third parties. `-sC` is `--script default`.\n"
    )
    yield "Forbidden: " + ", ".join(f"`{name}`" for name in FORBIDDEN) + "."


def _order(option: Option) -> tuple[int, str]:
    return (list(Risk).index(option.risk), option.names[0].lstrip("-+").lower())


def _row(option: Option) -> str:
    value = option.kind.describe() if option.kind else ""
    if option.value_optional:
        value = f"optional: {value}"
    names = " ".join(f"`{name}`" for name in option.names)
    risk = option.risk + (", raw" if option.raw else "")
    key = f"`{option.key}`" if option.key else ""
    return f"| {names} | {key} | {_cell(value)} | {risk} | {_cell(option.help)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(arguments: list[str]) -> int:
    """0, or with --check 1 if a page differs from what the code says."""
    pages = {"policy.md": policy_page(), "settings.md": _NOTE + "\n" + reference()}
    stale = [name for name, text in pages.items() if _differs(_DOCS / name, text)]
    if arguments == ["--check"]:
        if stale:
            print(f"out of date: docs/{', docs/'.join(stale)}; run `make docs`", file=sys.stderr)
        return 1 if stale else 0
    for name in stale:
        (_DOCS / name).write_text(pages[name], encoding="utf-8")
        print(f"wrote docs/{name}")
    return 0


def _differs(path: Path, text: str) -> bool:
    return not path.exists() or path.read_text(encoding="utf-8") != text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
