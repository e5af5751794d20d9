"""Events as bytes: a small body, and apart from it the texts of an answer, which may be large."""

import zlib
from typing import Any

import msgspec

from ...domain.execution import Event, Finished, Progressed, Requested, ToolOutput
from .chain import Kind, Row

COMPRESS_FROM_BYTES = 4096
MAX_TEXTS_BYTES = 512 * 1024 * 1024
_PLAIN, _DEFLATED = b"j", b"z"
_MOST_NESTED = 100


class Texts(msgspec.Struct, frozen=True, omit_defaults=True):
    """The parts of an answer that lists and event streams do without."""

    stdout: str = ""
    stderr: str = ""
    result: dict[str, Any] | None = None


class Encoded(msgspec.Struct, frozen=True):
    """An event as it is kept; `texts` is JSON, not yet packed, and None if there are none."""

    body: bytes
    texts: bytes | None

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.body) + len(self.texts or b"")


_encode_body = msgspec.json.Encoder().encode
_decode_body = msgspec.json.Decoder(Event).decode
_encode_texts = msgspec.json.Encoder().encode
_decode_texts = msgspec.json.Decoder(Texts).decode


def encode(event: Event) -> Encoded:
    """Bytes for any event. What JSON has no form for is kept as its text: this never raises."""
    texts = None
    if isinstance(event.what, Finished):
        output = event.what.output
        if output.stdout or output.stderr or output.result is not None:
            texts = _tolerantly(_encode_texts, Texts(output.stdout, output.stderr, output.result))
    return Encoded(_tolerantly(_encode_body, strip(event)), texts)


def row(event: Event, body: bytes, packed: bytes | None) -> Row:
    """An event and its bytes as a record."""
    kind, asked_by = Kind.EVENT, None
    match event.what:
        case Requested(caller=caller):
            asked_by = _storable(caller)
        case Progressed():
            kind = Kind.PROGRESS
        case Finished():
            kind = Kind.END
    return Row(
        execution=_storable(event.execution_id),
        kind=int(kind),
        asked_by=asked_by,
        at_s=float(event.at_s),
        body=body,
        texts=packed,
    )


def strip(event: Event) -> Event:
    """The event without the texts of its answer."""
    if not isinstance(event.what, Finished):
        return event
    output = event.what.output
    if not output.stdout and not output.stderr and output.result is None:
        return event
    return _with_output(event, msgspec.structs.replace(output, stdout="", stderr="", result=None))


def cut(event: Event) -> Event:
    """The event with its texts thrown away, and saying so."""
    if not isinstance(event.what, Finished):
        return event
    output = event.what.output
    return _with_output(
        event,
        msgspec.structs.replace(
            output,
            stdout="",
            stderr="",
            result=None,
            truncated_stdout=output.truncated_stdout or bool(output.stdout),
            truncated_stderr=output.truncated_stderr or bool(output.stderr),
        ),
    )


def pack(texts: bytes) -> bytes:
    """Texts as they are stored, compressed if that may pay."""
    if len(texts) < COMPRESS_FROM_BYTES:
        return _PLAIN + texts
    deflated = zlib.compress(texts, 1)
    return _DEFLATED + deflated if len(deflated) < len(texts) else _PLAIN + texts


def decode(body: bytes, packed: bytes | None = None) -> Event | None:
    """An event from its stored form; None if it can't be read (another version wrote it)."""
    try:
        event = _decode_body(body)
        if packed is None or not isinstance(event.what, Finished):
            return event
        texts = _decode_texts(_unpack(packed))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, zlib.error, TypeError):
        return None
    output = msgspec.structs.replace(
        event.what.output, stdout=texts.stdout, stderr=texts.stderr, result=texts.result
    )
    return _with_output(event, output)


def _unpack(packed: bytes) -> bytes:
    if packed[:1] == _DEFLATED:
        return zlib.decompressobj().decompress(packed[1:], MAX_TEXTS_BYTES)
    return packed[1:]


def _with_output(event: Event, output: ToolOutput) -> Event:
    return msgspec.structs.replace(event, what=Finished(output))


def _tolerantly(encode_json: Any, value: Any) -> bytes:
    """Surrogates come from command lines, foreign objects from the parsers of plug-ins."""
    try:
        return bytes(encode_json(value))
    except (msgspec.MsgspecError, UnicodeEncodeError, TypeError, ValueError, RecursionError):
        return bytes(encode_json(_plain(value, 0)))


def _plain(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value if not isinstance(value, int) or abs(value) < 1 << 63 else str(value)
    if isinstance(value, str):
        return _storable(value)
    if depth > _MOST_NESTED:
        return "..."
    if isinstance(value, msgspec.Struct):
        config = value.__struct_config__
        members = {
            name: _plain(getattr(value, name), depth + 1) for name in value.__struct_fields__
        }
        return {config.tag_field: config.tag, **members} if config.tag is not None else members
    if isinstance(value, dict):
        return {_plain(str(key), 0): _plain(one, depth + 1) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one, depth + 1) for one in value]
    return _plain(_named(value), 0)


def _storable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _named(value: object) -> str:
    try:
        return repr(value)[:1000]
    except Exception:  # a plug-in's object
        return type(value).__name__
