"""Access tokens as operators write them down."""

from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netsonde.application.credentials import MAX_ITEMS, MAX_TOKENS, Flawed, read_credentials
from netsonde.application.gate import Credential
from netsonde.application.tokens import admin_credential, digest_of, object_to_name
from netsonde.domain.access import Scope

TOOLS = ("PingTool", "NmapTool")
TOKEN = "nsd_0123456789abcdef"


def entry(number: int = 1, **more: Any) -> dict[str, Any]:
    digest = digest_of(f"{TOKEN}{number}").hex()
    return {"name": f"ops{number}", "sha256": digest, "scopes": ["read"], **more}


def read(*entries: dict[str, Any]) -> tuple[Credential, ...] | Flawed:
    return read_credentials({"token": list(entries)}, tools=TOOLS)


def flaws(*entries: dict[str, Any]) -> dict[str, str]:
    """Reason by key; there must be some."""
    found = read(*entries)
    assert isinstance(found, Flawed)
    return {flaw.key: flaw.reason for flaw in found.flaws}


def test_a_token_has_its_rights_and_what_narrows_them() -> None:
    found = read(
        entry(
            1, scopes=["read", "execute"], tools=["PingTool"], networks=["10.1.0.0/16", "10.2.0.1"]
        ),
        entry(2, scopes=["admin"], networks=["fd00::/8"]),
    )
    assert not isinstance(found, Flawed)
    first, second = found
    assert first.digest == digest_of(f"{TOKEN}1")
    assert first.caller.name == "ops1"
    assert first.caller.scopes == frozenset({Scope.READ, Scope.EXECUTE})
    assert first.caller.tools == frozenset({"PingTool"})
    assert first.caller.networks == (ip_network("10.1.0.0/16"), ip_network("10.2.0.1/32"))
    assert (second.caller.tools, second.caller.scopes) == (None, frozenset({Scope.ADMIN}))
    assert not read_is_narrowed(entry())


def read_is_narrowed(one: dict[str, Any]) -> bool:
    found = read(one)
    assert not isinstance(found, Flawed)
    return found[0].caller.narrowed


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", 3),
        ("name", ""),
        ("name", "with space"),
        ("name", "-x"),
        ("name", "é"),
        ("name", "x" * 65),
        ("name", "10.0.0.1"),
        ("name", "127"),
        ("name", "Admin"),
        ("name", "local"),
        ("sha256", TOKEN),
        ("sha256", "0" * 63),
        ("sha256", "0" * 63 + "g"),
        ("sha256", 7),
        ("sha256", digest_of("").hex()),
        ("scopes", []),
        ("scopes", "read"),
        ("scopes", ["write"]),
        ("scopes", [1]),
        ("tools", []),
        ("tools", ["pingtool"]),
        ("tools", ["PingTool"] * (MAX_ITEMS + 1)),
        ("networks", []),
        ("networks", ["10.1.2.3/8"]),
        ("networks", ["host.lab.internal"]),
        ("networks", ["010.0.0.1"]),
        ("networks", ["10.0.0.0/33"]),
        ("networks", [""]),
        ("network", ["10.0.0.0/8"]),
        ("expires", 2030),
    ],
)
def test_whatever_is_wrong_with_a_token_is_told_by_its_key(key: str, value: Any) -> None:
    found = flaws(entry(1), {**entry(2), key: value})
    (where,) = found
    assert where.startswith("token 2")
    assert where.endswith(f".{key}")
    assert TOKEN not in "".join(found.values())


@pytest.mark.parametrize("key", ["name", "sha256", "scopes"])
def test_what_every_token_needs_is_missed(key: str) -> None:
    one = entry()
    del one[key]
    (where,) = flaws(one)
    assert where.endswith(f".{key}")


def test_the_nearest_word_is_named() -> None:
    assert "networks" in flaws(entry(netwerks=["10.0.0.0/8"]))["token 1 (ops1).netwerks"]
    assert "PingTool" in flaws(entry(tools=["pingtool"]))["token 1 (ops1).tools"]
    assert "execute" in flaws(entry(scopes=["exec"]))["token 1 (ops1).scopes"]
    assert "10.0.0.0/8" in flaws(entry(networks=["10.1.2.3/8"]))["token 1 (ops1).networks"]
    found = read_credentials({"tokens": [entry()]}, tools=TOOLS)
    assert isinstance(found, Flawed)
    assert "did you mean token" in found.flaws[0].reason


def test_every_problem_is_told_at_once() -> None:
    assert len(flaws(entry(1, name="a b", scopes=["x", "y"]), entry(2, sha256="?"), {})) == 6


def test_names_and_tokens_are_not_shared() -> None:
    (where,) = flaws(entry(1, name="Ops"), entry(2, name="ops"))
    assert where == "token 2.name"
    (where,) = flaws(entry(1), {**entry(2), "sha256": entry(1)["sha256"].upper()})
    assert where == "token 2 (ops2).sha256"


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"token": []},
        {"token": {}},
        {"token": [1]},
        {"token": entry()},
        {"other": 1},
        {"token": [{}] * (MAX_TOKENS + 1)},
    ],
)
def test_a_document_without_a_token_is_not_taken_for_one_that_needs_none(document: Any) -> None:
    assert isinstance(read_credentials(document, tools=TOOLS), Flawed)


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=80)
    | st.dates()
    | st.sampled_from(["read", "execute", "PingTool", "10.0.0.0/8", "ops", "0" * 64, "f" * 64])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
KEYS = st.sampled_from(["name", "sha256", "scopes", "tools", "networks"]) | st.text(max_size=5)
ENTRIES = st.dictionaries(KEYS, VALUES, max_size=6)
NEARLY = st.fixed_dictionaries(
    {
        "name": st.from_regex(r"[a-z0-9.]{1,3}", fullmatch=True),
        "sha256": st.sampled_from(["0" * 64, "f" * 64, "a" * 64]),
        "scopes": st.lists(st.sampled_from([*Scope, "x"]).map(str), max_size=3),
    },
    optional={
        "tools": st.lists(st.sampled_from([*TOOLS, "x"]), max_size=3),
        "networks": st.lists(st.sampled_from(["10.0.0.0/8", "fd00::1", "10.1.2.3/8"]), max_size=3),
    },
)
DOCUMENTS = st.fixed_dictionaries({"token": st.lists(ENTRIES | NEARLY, max_size=4) | VALUES}) | (
    st.dictionaries(st.just("token") | st.text(max_size=5), VALUES, max_size=3)
)


@given(DOCUMENTS)
@example({"token": [entry()]})
def test_any_document_gives_credentials_or_flaws(document: dict[str, Any]) -> None:
    found = read_credentials(document, tools=TOOLS)
    if isinstance(found, Flawed):
        assert found.flaws
        return
    assert len(found) == len(document["token"]) > 0
    for credential in found:
        caller = credential.caller
        assert object_to_name(caller.name) is None
        assert len(credential.digest) == 32
        assert caller.scopes
        assert caller.tools is None or (caller.tools and caller.tools <= set(TOOLS))
        assert caller.networks is None or caller.networks
    assert len({credential.digest for credential in found}) == len(found)
    assert len({credential.caller.name for credential in found}) == len(found)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "short",
        "x" * 15,
        "with a space in the midst",
        "x" * 16 + "\n",
        "é" * 16,
        "\0" * 16,
        "x" * 4097,
        "not/for;a-header",
    ],
)
def test_a_weak_admin_token_is_refused_and_not_repeated(token: str) -> None:
    objection = admin_credential(token)
    assert isinstance(objection, str)
    assert not token or token not in objection


def test_the_admin_token_has_every_right() -> None:
    credential = admin_credential("x" * 16)
    assert isinstance(credential, Credential)
    assert credential.digest == digest_of("x" * 16)
    assert credential.caller.name == "admin"
    assert all(credential.caller.may(scope) for scope in Scope)
    assert "x" * 16 not in repr(credential)
