"""What an older version, or somebody else, wrote to the record."""

import msgspec

from netsonde.adapters.record import codec

from .plain import assert_bounded


def record_row(data: bytes) -> None:
    """A body and, behind a newline, packed texts: an event that can be stored again, or None."""
    body, newline, packed = data.partition(b"\n")
    event = codec.decode(body, packed if newline else None)
    if event is None:
        return
    encoded = codec.encode(event)
    again = codec.decode(encoded.body, codec.pack(encoded.texts) if encoded.texts else None)
    assert again is not None
    assert msgspec.json.encode(again) == msgspec.json.encode(event)
    if packed[:1] != b"z":
        assert_bounded(event, data)
    codec.row(event, encoded.body, None)
