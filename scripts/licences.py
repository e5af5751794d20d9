"""The licences of distributions, as SPDX expressions, and which of them we may depend on."""

from email.message import Message
from functools import cache
from typing import Any

from license_expression import get_spdx_licensing  # type: ignore[import-untyped]  # no stubs

# How those say it that don't use License-Expression (PEP 639) yet.
_TEXTS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache-2.0": "Apache-2.0",
    "BSD-3-Clause": "BSD-3-Clause",
    "MIT": "MIT",
    "MIT License": "MIT",
    "MIT OR Apache-2.0": "MIT OR Apache-2.0",
    "MPL-2.0": "MPL-2.0",
    "any-OSI": "any-OSI",
}
_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
}
PERMISSIVE = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "MIT",
        "MIT-0",
        "PSF-2.0",
        "any-OSI",
    }
)
"""Licences that ask for no more than a notice."""
ACCEPTED_COPYLEFT = {"certifi": "MPL-2.0"}
"""Copyleft per file, of packages that are used as they are and not changed."""


@cache
def _spdx() -> Any:
    return get_spdx_licensing()


def licence_of(metadata: Message) -> str | None:
    """The SPDX expression of what a distribution says of itself; None if that can't be told."""
    if expression := metadata.get("License-Expression"):
        return str(_spdx().parse(expression, validate=True))
    told = (metadata.get("License") or "").strip()
    short = told.splitlines()[0].strip() if told else ""
    if short in _TEXTS:
        return _TEXTS[short]
    found = {
        _CLASSIFIERS.get(line.rpartition(" :: ")[2])
        for line in metadata.get_all("Classifier", [])
        if line.startswith("License :: OSI Approved :: ")
    }
    return found.pop() if len(found) == 1 else None


def unwanted(name: str, expression: str) -> set[str]:
    """The licences of an expression that are neither permissive nor accepted for this package.

    Of alternatives (OR) one that is permissive will do.
    """
    if any(part.strip(" ()") in PERMISSIVE for part in expression.split(" OR ")):
        return set()
    keys = set(_spdx().license_keys(expression))
    return keys - PERMISSIVE - {ACCEPTED_COPYLEFT.get(name, "")}
