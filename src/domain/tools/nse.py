"""The value of nmap's --script: exact names and categories of known scripts, never files, wildcards or expressions."""

import re

from ..kinds import Bad, Kind, Risk, Risky
from .nse_scripts import FORBIDDEN, INTRUSIVE, SAFE

# A category is expanded by us, to scripts of our own classes. Nmap's "safe" and "default" hold
# scripts that ask third parties and broadcast.
_CATEGORIES: dict[str, Risk] = {
    "auth": Risk.ALLOWED,
    "broadcast": Risk.FORBIDDEN,
    "brute": Risk.INTRUSIVE,
    "default": Risk.ALLOWED,
    "discovery": Risk.ALLOWED,
    "dos": Risk.INTRUSIVE,
    "exploit": Risk.INTRUSIVE,
    "external": Risk.FORBIDDEN,
    "fuzzer": Risk.INTRUSIVE,
    "intrusive": Risk.INTRUSIVE,
    "malware": Risk.ALLOWED,
    "safe": Risk.ALLOWED,
    "version": Risk.ALLOWED,
    "vuln": Risk.INTRUSIVE,
}


class Scripts(Kind, frozen=True, kw_only=True):
    """A comma list of script names and categories."""

    most: int = 64

    def read(self, text: str) -> str | Bad:
        items = text.split(",")
        if len(items) > self.most:
            return Bad(f"at most {self.most} scripts and categories")
        known = [item for item in items if _is_known(item)]
        if len(known) == len(items):
            return text
        odd = next(item for item in items if not _is_known(item))
        kind = "script" if re.fullmatch(r"[a-z0-9-]+", odd) else "plain script name"
        return Bad(
            f"{odd!r} is no {kind} of nmap 7.93; files, wildcards and expressions are not taken",
            ",".join(known) or None,
        )

    def risky(self, canonical: str) -> tuple[Risky, ...]:
        items = canonical.split(",")
        without = ",".join(item for item in items if _risk(item)[0] is Risk.ALLOWED)
        found = []
        for item in items:
            risk, why = _risk(item)
            if risk is not Risk.ALLOWED:
                found.append(Risky(word=item, risk=risk, why=why, without=without))
        return tuple(sorted(found, key=lambda risky: risky.risk is not Risk.FORBIDDEN))

    def describe(self) -> str:
        return "script names or categories such as ssl-cert,http-title or default"


def expand(canonical: str) -> str:
    """Every category as the explicit names that are as risky as the category itself, or less."""
    names: dict[str, None] = {}
    for item in canonical.split(","):
        risk = _CATEGORIES.get(item)
        if risk is None:
            names[item] = None
            continue
        pool = SAFE if risk is Risk.ALLOWED else {**SAFE, **INTRUSIVE}
        names.update((name, None) for name, groups in pool.items() if item in groups.split())
    return ",".join(names)


def _is_known(item: str) -> bool:
    return item in SAFE or item in INTRUSIVE or item in FORBIDDEN or item in _CATEGORIES


def _risk(item: str) -> tuple[Risk, str]:
    if item in _CATEGORIES:
        return _CATEGORIES[item], "a category of such scripts"
    if item in SAFE:
        return Risk.ALLOWED, ""
    if item in INTRUSIVE:
        return Risk.INTRUSIVE, f"categories {INTRUSIVE[item]}"
    return Risk.FORBIDDEN, FORBIDDEN[item]
