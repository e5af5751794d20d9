"""What comes by way of the kernel: reports of held packets, addresses and messages that programs give."""

from contextlib import suppress

from netsonde.adapters.process.egress import ancillary, held_packets, socket_address


def read_held_packets(data: bytes) -> None:
    """Netlink messages; and the same bytes as a packet, of the kind that the first two say."""
    told = [held.destination for held in held_packets.read_messages(data)]
    told.append(held_packets.destination(int.from_bytes(data[:2], "big"), data[2:]))
    for text in told:
        assert text.isascii() and text.isprintable() and len(text) < 80


def read_socket_address(data: bytes) -> None:
    """What is written anew for the kernel means to us what was judged."""
    for unspecified in (socket_address.AF_UNSPEC, socket_address.AF_INET):
        with suppress(OSError):
            found = socket_address.parse(data, unspecified=unspecified)
            assert len(found.raw) in (16, 28)
            again = socket_address.parse(found.raw)
            assert (again.address, again.port, again.scope) == (
                found.address,
                found.port,
                found.scope,
            )
            assert again.raw == found.raw
            assert not found.address.is_unspecified


def read_messages(data: bytes) -> None:
    """Control messages and netlink requests: what may pass, passes also with more of the same."""
    for may_pass, alignment in ((ancillary.are_harmless, 8), (ancillary.only_asks, 4)):
        if may_pass(data) and len(data) % alignment == 0:
            assert may_pass(data + data)
