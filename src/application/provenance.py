"""Where the code of a plug-in comes from, as `doctor` and the list of tools show it."""

import msgspec


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """The distribution (or, without one, the package) that a plug-in's code is in.

    `sha256` is over its files (see `plugins.distribution_files`), None where `note` says why there
    is none or what it doesn't cover. `groups` are the entry point groups that it serves under its
    name. `pinned`: the operator named this digest, and it was compared before anything was loaded.
    """

    name: str
    distribution: str = ""
    version: str = ""
    sha256: str | None = None
    files: int = 0
    groups: tuple[str, ...] = ()
    pinned: bool = False
    note: str = ""
