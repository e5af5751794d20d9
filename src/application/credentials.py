"""Access tokens as the operator writes them down: a decoded document becomes credentials, or problems."""

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import islice
from typing import Any, TypeVar

import msgspec

from ..domain.access import Caller, Scope
from ..domain.target import Hostname, Malformed, Network, parse
from .gate import Credential
from .tokens import digest_of, object_to_name

MAX_TOKENS = 1000
MAX_ITEMS = 256
MAX_FLAWS = 100  # about: each takes a search for what was meant

Item = TypeVar("Item")

_KEYS = ("name", "sha256", "scopes", "tools", "networks")
_DIGEST = re.compile(r"[0-9A-Fa-f]{64}")
_HASH_IT = "`netsonde token hash` makes it"


class Flaw(msgspec.Struct, frozen=True):
    """What is wrong with one key (`token 2 (ops).scopes`, "" for the whole), and what to do."""

    key: str
    reason: str


class _Wrong(msgspec.Struct, frozen=True):
    reason: str


class Flawed(msgspec.Struct, frozen=True):
    """A document that must not be used, and every reason why."""

    flaws: tuple[Flaw, ...]


def read_credentials(
    document: Mapping[str, Any], *, tools: Collection[str]
) -> tuple[Credential, ...] | Flawed:
    """Read `{"token": [{name, sha256, scopes, tools?, networks?}]}`, all or nothing.

    `tools` are the names of the tools there are. No credential at all is a flaw: it would mean
    that no token is needed.
    """
    return _Reading(tools).document(document)


class _Reading:
    """Credentials and flaws found so far."""

    def __init__(self, tools: Collection[str]) -> None:
        self._tools = tools
        self._flaws: list[Flaw] = []
        self._credentials: list[Credential] = []
        self._names: dict[str, str] = {}
        self._digests: dict[bytes, str] = {}

    def document(self, document: Mapping[str, Any]) -> tuple[Credential, ...] | Flawed:
        for key in islice(document, MAX_FLAWS):
            if key != "token":
                self._flaw(_key(key), f"is unknown{_hint(key, ['token'])}")
        entries = document.get("token")
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            if entries is not None or not self._flaws:
                self._flaw("token", "must be a list of tables: write [[token]] above each one")
        elif len(entries) > MAX_TOKENS:
            self._flaw("token", f"is there {len(entries)} times; at most {MAX_TOKENS} are taken")
        else:
            for number, entry in enumerate(entries, 1):
                if len(self._flaws) >= MAX_FLAWS:
                    break
                self._entry(f"token {number}", entry)
            if not entries:
                self._flaw("token", "is an empty list; make one with `netsonde token new NAME`")
        return Flawed(tuple(self._flaws)) if self._flaws else tuple(self._credentials)

    def _entry(self, where: str, entry: dict[str, Any]) -> None:
        before = len(self._flaws)
        name = self._name(where, entry)
        where = f"{where} ({name})" if name else where
        for key in islice(entry, MAX_FLAWS):
            if key not in _KEYS:
                self._flaw(f"{where}.{_key(key)}", f"is unknown{_hint(key, _KEYS)}")
        digest = self._digest(where, entry)
        scopes = self._list(where, entry, "scopes", _scope, needed=True)
        tools = self._list(where, entry, "tools", self._tool)
        networks: tuple[Network, ...] | None = self._list(where, entry, "networks", _network)
        if len(self._flaws) > before:
            return
        caller = Caller(
            name=name,
            scopes=frozenset(scopes or ()),
            tools=None if tools is None else frozenset(tools),
            networks=networks,
        )
        self._credentials.append(Credential(digest=digest, caller=caller))

    def _name(self, where: str, entry: dict[str, Any]) -> str:
        name = entry.get("name")
        if not isinstance(name, str):
            self._flaw(f"{where}.name", "must be a text" if "name" in entry else "is missing")
            return ""
        if (objection := object_to_name(name)) is not None:
            self._flaw(f"{where}.name", objection)
            return ""
        folded = name.casefold()
        if (other := self._names.get(folded)) is not None:
            self._flaw(f"{where}.name", f"is {name}, as that of {other}; each needs its own")
        else:
            self._names[folded] = where
        return name

    def _digest(self, where: str, entry: dict[str, Any]) -> bytes:
        text = entry.get("sha256")
        key = f"{where}.sha256"
        if not isinstance(text, str) or not _DIGEST.fullmatch(text):
            # Never shown: it may be the token itself.
            wrong = "is not 64 hexadecimal digits: it is the token's SHA-256, not the token;"
            self._flaw(key, f"{wrong if 'sha256' in entry else 'is missing;'} {_HASH_IT}")
            return b""
        digest = bytes.fromhex(text)
        if digest == digest_of(""):
            self._flaw(key, f"is the SHA-256 of nothing; {_HASH_IT}")
        elif (other := self._digests.get(digest)) is not None:
            self._flaw(key, f"is that of {other}; each needs a token of its own")
        else:
            self._digests[digest] = where
        return digest

    def _list(
        self,
        where: str,
        entry: dict[str, Any],
        key: str,
        read: Callable[[str], Item | _Wrong],
        *,
        needed: bool = False,
    ) -> tuple[Item, ...] | None:
        """The items of a list; None if it is not there. One that is there has an item at least."""
        where = f"{where}.{key}"
        items = entry.get(key)
        if key not in entry:
            if needed:
                self._flaw(where, f"is missing; give one or more of {', '.join(Scope)}")
            return None
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            self._flaw(where, "must be a list of texts")
            return None
        if not items or len(items) > MAX_ITEMS:
            fewest = "; leave it out for no narrowing" if not needed else ""
            self._flaw(where, f"has {len(items)} items; 1 to {MAX_ITEMS} are taken{fewest}")
            return None
        found = [read(item) for item in dict.fromkeys(items)]
        for item in found:
            if isinstance(item, _Wrong):
                self._flaw(where, item.reason)
        return tuple(item for item in found if not isinstance(item, _Wrong))

    def _tool(self, text: str) -> str | _Wrong:
        return text if text in self._tools else _no(text, "tool", self._tools)

    def _flaw(self, key: str, reason: str) -> None:
        self._flaws.append(Flaw(key, reason))


def _scope(text: str) -> Scope | _Wrong:
    return Scope(text) if text in tuple(Scope) else _no(text, "scope", tuple(Scope))


def _network(text: str) -> Network | _Wrong:
    """A network; an address is the network of that one address."""
    target = parse(text)
    if isinstance(target, Malformed):
        near = f"; write {target.nearest}" if target.nearest else ""
        return _Wrong(f"{_shown(text)} is no network: {target.reason}{near}")
    if isinstance(target, Hostname):
        return _Wrong(f"{_shown(text)} is a name; a network such as 10.1.0.0/16 is wanted")
    if not isinstance(target, IPv4Network | IPv6Network):
        return ip_network(target)
    address = text.partition("/")[0]
    if parse(address) != target.network_address:
        # 10.1.2.3/8 may mean one host or sixteen million; a right should not be guessed.
        return _Wrong(f"{_shown(text)} has host bits set: write {target}, or {address} alone")
    return target


def _no(text: str, what: str, known: Iterable[str]) -> _Wrong:
    return _Wrong(f"{_shown(text)} is no {what}{_hint(text, known)}")


def _hint(word: object, known: Iterable[str]) -> str:
    """The known word that is nearest, else all of them."""
    by_fold = {one.casefold(): str(one) for one in known}
    near = difflib.get_close_matches(str(word)[:100].casefold(), by_fold, 1)
    if near:
        return f"; did you mean {by_fold[near[0]]}?"
    return f"; there are {', '.join(by_fold.values())}" if by_fold else ""


def _key(key: object) -> str:
    return _shown(key)[1:-1]


def _shown(word: object) -> str:
    """A word of the document, bounded, and without what a terminal or a log could trip over."""
    return ascii(str(word)[:60])
