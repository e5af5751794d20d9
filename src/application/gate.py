"""The gate: who a request comes from, and whether that caller may do what it wants."""

import hashlib
import hmac
from collections.abc import Iterable

import msgspec

from ..domain.access import Caller, Scope, client_of, is_loopback, object_to_scope
from ..domain.audit import Denied
from ..domain.errors import ErrorType, ToolError
from ..domain.execution import Event
from .ports import Clock, EventLog
from .rates import Rates

_GUESSES = "access"
_MOST_RECORDED = 200  # characters of what a caller wanted


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """A token, known by its SHA-256 only, and the caller who has it."""

    digest: bytes
    caller: Caller

    def __repr__(self) -> str:
        return f"Credential({self.caller.name})"


class Gate:
    """Lets callers in by bearer token; with no credentials, by being asked at all.

    Without credentials every caller on this machine has every right, and is named by its address;
    nobody else is let in, a proxy's clients included. `guesses` are the wrong tokens that one address may
    send; when they are used up it is turned away, whatever it sends, until its bucket fills again.
    """

    def __init__(
        self, credentials: Iterable[Credential], *, guesses: Rates, clock: Clock, log: EventLog
    ) -> None:
        self._credentials = tuple(credentials)
        self._guesses = guesses
        self._clock = clock
        self._log = log

    @property
    def guarded(self) -> bool:
        """Whether a token is needed."""
        return bool(self._credentials)

    def change(self, credentials: Iterable[Credential]) -> None:
        """Other credentials from now on."""
        self._credentials = tuple(credentials)

    def knows(self, caller: Caller) -> bool:
        """Whether a caller let in before would be let in with the same rights now."""
        if not self._credentials:
            return not caller.narrowed and is_loopback(caller.name)
        return any(credential.caller == caller for credential in self._credentials)

    def admit(self, token: str | None, *, address: str, action: str) -> Caller | ToolError:
        """Tell who sent `token` (None: there was none); a refusal is on record."""
        if not self._credentials:
            if is_loopback(address):
                return Caller(name=address)
            self.deny("", "access.missing", address=address, action=action)
            return _unauthorized("access.missing", "Without a token only this machine is served.")
        client = client_of(address)
        if (empty := self._guesses.empty(client, _GUESSES)) is not None:
            self.deny("", "access.guessing", address=address, action=action)
            return _guessing(empty.retry_after_s)
        if token is None:
            self.deny("", "access.missing", address=address, action=action)
            return _unauthorized("access.missing", "There is no access token.")
        caller = self._holder(token)
        if caller is None:
            self._guesses.take(client, _GUESSES)
            self.deny("", "access.token", address=address, action=action)
            return _unauthorized("access.token", "The access token is not known here.")
        return caller

    def authorize(
        self, caller: Caller, scope: Scope, *, address: str, action: str
    ) -> ToolError | None:
        """An error if the caller lacks the right, put on record; None if it has it."""
        refused = object_to_scope(caller, scope, action)
        if refused is None:
            return None
        self.deny(caller.name, refused.rule, address=address, action=action)
        return refused.error()

    def deny(self, caller: str, rule: str, *, address: str, action: str) -> None:
        """Put on record that a caller ("": none was recognised) was turned away, here or by a driver."""
        what = Denied(caller=caller, address=address, action=action[:_MOST_RECORDED], rule=rule)
        self._log.append(Event(execution_id="", at_s=self._clock.wall_s(), what=what))

    def _holder(self, token: str) -> Caller | None:
        """Every digest is compared, in constant time, so that the time tells nothing."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        holder = None
        for credential in self._credentials:
            if hmac.compare_digest(credential.digest, digest):
                holder = credential.caller
        return holder


def _unauthorized(rule: str, message: str) -> ToolError:
    return ToolError(
        error_type=ErrorType.UNAUTHORIZED,
        message=message,
        recovery_suggestion=(
            "Send `Authorization: Bearer TOKEN`; the operator makes one with `netsonde token new`."
        ),
        metadata={"rule": rule},
    )


def _guessing(retry_after_s: float) -> ToolError:
    return ToolError(
        error_type=ErrorType.RATE_LIMITED,
        message="Too many wrong access tokens came from this address.",
        recovery_suggestion="Wait as long as metadata.retry_after_sec says, then send a right one.",
        metadata={"rule": "access.guessing", "retry_after_sec": max(1.0, round(retry_after_s, 1))},
    )
