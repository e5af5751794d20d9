"""Events as bytes and back, the hostile ones too."""

import zlib

import msgspec
import pytest

from netsonde.adapters.record import codec
from netsonde.domain.audit import Denied, Reloaded, ServiceStarted, ServiceStopped, Switched
from netsonde.domain.execution import Event, Finished, Happening, Progressed
from tests.contract.recordings import event, finished, life

SERVICE: tuple[Happening, ...] = (
    Denied(caller="", address="::1", action="POST /x", rule="access.token"),
    Switched(tool="PingTool", enabled=True, caller="ops"),
    Reloaded(changed=("a.b",), problems=("bad",)),
    ServiceStarted(version="1", transport="http"),
    ServiceStopped(reason="SIGTERM"),
)


@pytest.mark.parametrize(
    "kept",
    [
        *life("a", stdout="é\n" * 5000, result={"hops": [{"ttl": 1}], "x": None}),
        event("a", Progressed(12.5)),
        finished("a"),
        *(event("", what) for what in SERVICE),
    ],
)
def test_every_event_comes_back_as_it_was(kept: Event) -> None:
    encoded = codec.encode(kept)
    packed = codec.pack(encoded.texts) if encoded.texts is not None else None
    assert codec.decode(encoded.body, packed) == kept
    assert codec.decode(encoded.body) == codec.strip(kept)


def test_large_texts_are_compressed_and_small_ones_are_not() -> None:
    assert len(codec.pack(b"x" * 1_000_000)) < 20_000
    assert codec.pack(b"x" * 100) == b"j" + b"x" * 100


def test_what_another_version_wrote_is_passed_over() -> None:
    assert codec.decode(b'{"execution_id":"a","at_s":1,"what":{"type":"Later"}}') is None
    assert codec.decode(b"\xff\x00") is None
    body = codec.encode(finished("a", stdout="x")).body
    assert codec.decode(body, b"znothing") is None
    assert codec.decode(body, b"j[]") is None


def test_a_small_file_cannot_swell_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "MAX_TEXTS_BYTES", 1000)
    bomb = b"z" + zlib.compress(msgspec.json.encode({"stdout": "x" * 100_000}))
    assert codec.decode(codec.encode(finished("a")).body, bomb) is None


def test_a_cut_answer_says_so() -> None:
    what = codec.cut(finished("a", stdout="x", stderr="", result={"a": 1})).what
    assert isinstance(what, Finished)
    assert (what.output.stdout, what.output.result) == ("", None)
    assert (what.output.truncated_stdout, what.output.truncated_stderr) == (True, False)
