"""The gate: tokens, scopes, and the end of guessing."""

import hashlib

import pytest

from netsonde.adapters.event_log import RecentEvents
from netsonde.adapters.memory import FakeClock
from netsonde.application.gate import Credential, Gate
from netsonde.application.rates import Rates
from netsonde.domain.access import Caller, Scope
from netsonde.domain.audit import Denied
from netsonde.domain.bucket import Rate
from netsonde.domain.errors import ErrorType, ToolError
from netsonde.domain.execution import Event

HERE = {"address": "192.168.1.9", "action": "GET /config"}
CHIEF = Caller(name="chief", scopes=frozenset({Scope.ADMIN}))
READER = Caller(name="reader", scopes=frozenset({Scope.READ}))


class Kept(RecentEvents):
    """A log that shows the denials in it."""

    def __init__(self) -> None:
        super().__init__()
        self.denied: list[Denied] = []

    def append(self, event: Event) -> None:
        super().append(event)
        if isinstance(event.what, Denied):
            self.denied.append(event.what)


class Guarded:
    """A gate with the tokens `chief` and `reader`, and all around it."""

    def __init__(self, *callers: Caller) -> None:
        self.clock, self.log = FakeClock(), Kept()
        guesses = Rates(Rate(tokens=3, per_s=30), self.clock)
        credentials = [
            Credential(digest=hashlib.sha256(one.name.encode()).digest(), caller=one)
            for one in callers
        ]
        self.gate = Gate(credentials, guesses=guesses, clock=self.clock, log=self.log)

    def admit(self, token: str | None, address: str = "192.168.1.9") -> str:
        """The caller's name, or the rule of the refusal."""
        admitted = self.gate.admit(token, address=address, action="GET /config")
        return admitted.metadata["rule"] if isinstance(admitted, ToolError) else admitted.name


def test_a_token_is_its_callers_and_no_other() -> None:
    guarded = Guarded(CHIEF, READER)
    assert guarded.gate.guarded
    assert guarded.gate.admit("chief", **HERE) == CHIEF
    assert guarded.gate.admit("reader", **HERE) == READER
    assert guarded.log.denied == []


@pytest.mark.parametrize("token", ["", "Chief", "chief ", "chie", "chiefs", "\udcff", "x" * 5000])
def test_whatever_else_is_a_wrong_token(token: str) -> None:
    assert Guarded(CHIEF).admit(token) == "access.token"


def test_every_refusal_is_on_record_and_no_token_with_it() -> None:
    guarded = Guarded(READER)
    guarded.admit(None)
    guarded.admit("a-secret")
    guarded.gate.authorize(READER, Scope.ADMIN, address="192.168.1.9", action="GET " + "x" * 500)
    rules = [(denied.rule, denied.caller) for denied in guarded.log.denied]
    assert rules == [("access.missing", ""), ("access.token", ""), ("access.scope", "reader")]
    assert all(denied.address == "192.168.1.9" for denied in guarded.log.denied)
    assert "a-secret" not in repr(guarded.log.denied)
    assert len(guarded.log.denied[2].action) == 200


def test_a_missing_token_is_no_guess() -> None:
    guarded = Guarded(CHIEF)
    assert [guarded.admit(None) for _ in range(9)] == ["access.missing"] * 9
    assert guarded.admit("chief") == "chief"


def test_guesses_run_out_for_one_address_and_come_back() -> None:
    guarded = Guarded(CHIEF)
    assert [guarded.admit("no") for _ in range(3)] == ["access.token"] * 3
    assert guarded.admit("chief") == "access.guessing"
    assert guarded.admit("chief", "192.168.1.10") == "chief"
    refused = guarded.gate.admit("chief", **HERE)
    assert isinstance(refused, ToolError)
    assert refused.error_type is ErrorType.RATE_LIMITED
    assert refused.metadata["retry_after_sec"] == 10
    guarded.clock.advance(10)
    assert guarded.admit("chief") == "chief"


@pytest.mark.parametrize(
    ("first", "second", "one"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.168.1.9", "192.168.1.9", True),
        ("192.168.1.8", "192.168.1.9", False),
        ("", "", True),
        ("unix", "unix", True),
    ],
)
def test_who_has_a_whole_network_guesses_as_one_client(first: str, second: str, one: bool) -> None:
    guarded = Guarded(CHIEF)
    for _ in range(3):
        guarded.admit("no", first)
    assert (guarded.admit("chief", second) == "access.guessing") is one


def test_right_tokens_are_never_used_up() -> None:
    guarded = Guarded(CHIEF)
    assert all(guarded.admit("chief") == "chief" for _ in range(50))


@pytest.mark.parametrize("address", ["192.168.1.9", "203.0.113.9", "fd00::1", "::ffff:10.0.0.1"])
def test_without_credentials_nobody_beyond_this_machine_is_let_in(address: str) -> None:
    guarded = Guarded()
    assert guarded.admit("whatever", address) == "access.missing"
    assert not guarded.gate.knows(Caller(name=address))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_without_credentials_every_caller_here_may_all_and_is_its_address(address: str) -> None:
    guarded = Guarded()
    caller = guarded.gate.admit("whatever", address=address, action="GET /config")
    assert isinstance(caller, Caller)
    assert caller.name == address
    assert guarded.gate.knows(caller)
    assert not guarded.gate.guarded
    assert all(
        guarded.gate.authorize(caller, scope, address="", action="") is None for scope in Scope
    )


@pytest.mark.parametrize("scope", Scope)
def test_a_scope_is_a_right_to_itself_and_admin_to_all(scope: Scope) -> None:
    guarded = Guarded(CHIEF, READER)
    for caller, may in ((CHIEF, True), (READER, scope is Scope.READ)):
        error = guarded.gate.authorize(caller, scope, **HERE)
        assert (error is None) is may
        assert may or (error is not None and error.metadata["rule"] == "access.scope")


def test_a_change_of_credentials_holds_at_once() -> None:
    guarded = Guarded(CHIEF)
    digest = hashlib.sha256(b"new").digest()
    guarded.gate.change([Credential(digest=digest, caller=READER)])
    assert guarded.admit("chief") == "access.token"
    assert guarded.admit("new") == "reader"
    assert guarded.gate.knows(READER)
    assert not guarded.gate.knows(CHIEF)


def test_a_credential_does_not_show_its_digest() -> None:
    credential = Credential(digest=b"\x01" * 32, caller=CHIEF)
    assert repr(credential) == "Credential(chief)"
