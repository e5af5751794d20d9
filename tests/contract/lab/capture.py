"""What left this host by a device: an AF_PACKET ring that the kernel fills while it sends.

No thread, no waiting: a packet is in the ring before the sender's system call returns (packet(7),
Documentation/networking/packet_mmap.rst), so whatever was sent before `stop()` is counted by it.
"""

import ctypes
import mmap
import socket
import struct
from types import TracebackType
from typing import Final, Self

from tests.contract.lab.frames import Packet, parse

# linux/if_packet.h, linux/if_ether.h, linux/filter.h, asm/socket.h
_SOL_PACKET: Final = 263
_PACKET_RX_RING: Final = 5
_PACKET_STATISTICS: Final = 6
_PACKET_VERSION: Final = 10
_TPACKET_V2: Final = 1
_TP_STATUS_USER: Final = 1
_ETH_P_ALL: Final = 0x0003
_SO_ATTACH_FILTER: Final = 26

_FRAME_BYTES: Final = 256  # of which some 190 hold the packet: enough for every header that we read
_BLOCK_BYTES: Final = 65536
_HEADER: Final = struct.Struct(
    "=IIIHH"
)  # tpacket2_hdr: status, length, captured, offset of MAC, of network

# A classic BPF program: "keep it if its packet type is PACKET_OUTGOING (4)": answers take no room.
_OUTGOING_ONLY: Final = b"".join(
    struct.pack("=HBBI", *instruction)
    for instruction in (
        (0x30, 0, 0, 0xFFFFF004),  # load byte at SKF_AD_OFF + SKF_AD_PKTTYPE
        (0x15, 0, 1, 4),  # is it 4? else skip one
        (0x06, 0, 0, 0xFFFFFFFF),  # keep all of it
        (0x06, 0, 0, 0),  # keep nothing
    )
)


class PacketsLostError(Exception):
    """The ring was too small: what was captured is not all that was sent, so it proves nothing."""


class Capture:
    """Everything that goes out by `device` between entering and leaving the `with` block.

    `packets` may be read at any time and stays after the end. Leaving raises PacketsLostError if
    any was lost.
    """

    def __init__(self, device: str = "eth0", capacity: int = 65536) -> None:
        self._device = device
        self._capacity = max(256, capacity // 256 * 256)
        self._socket: socket.socket | None = None
        self._ring: mmap.mmap | None = None
        self._seen: list[Packet] = []
        self._read = 0
        self._filled = 0
        self.lost = 0

    def start(self) -> None:
        """Packets sent after this returns are counted."""
        # Protocol 0: nothing comes in before filter and ring are there.
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        program = ctypes.create_string_buffer(_OUTGOING_ONLY, len(_OUTGOING_ONLY))
        length = len(_OUTGOING_ONLY) // 8
        self._socket.setsockopt(
            socket.SOL_SOCKET,
            _SO_ATTACH_FILTER,
            struct.pack("HP", length, ctypes.addressof(program)),
        )
        self._socket.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V2)
        size = self._capacity * _FRAME_BYTES
        self._socket.setsockopt(
            _SOL_PACKET,
            _PACKET_RX_RING,
            struct.pack("=IIII", _BLOCK_BYTES, size // _BLOCK_BYTES, _FRAME_BYTES, self._capacity),
        )
        self._ring = mmap.mmap(self._socket.fileno(), size, mmap.MAP_SHARED)
        self._socket.bind((self._device, _ETH_P_ALL))

    def stop(self) -> None:
        """Packets sent before this call are counted; `lost` says how many found no room."""
        if self._socket is None or self._ring is None:
            return
        self._drain()
        self._ring.close()
        self._socket.close()
        self._ring = self._socket = None

    @property
    def packets(self) -> tuple[Packet, ...]:
        """What went out so far, in order."""
        self._drain()
        return tuple(self._seen)

    @property
    def reached(self) -> frozenset[str]:
        """The addresses that packets were sent to or that neighbours were asked for."""
        return frozenset(packet.destination for packet in self.packets)

    def _drain(self) -> None:
        if self._socket is None or self._ring is None:
            return
        statistics = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        arrived, lost = struct.unpack("=II", statistics)
        self.lost += lost
        self._filled += arrived - lost
        while self._read < self._filled:
            start = self._read * _FRAME_BYTES
            status, length, captured, mac, _ = _HEADER.unpack_from(self._ring, start)
            if not status & _TP_STATUS_USER:
                continue  # Counted, and being copied by another processor at this moment.
            packet = parse(self._ring[start + mac : start + mac + captured], length)
            if packet is not None:
                self._seen.append(packet)
            self._read += 1

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if self.lost and error is None:
            raise PacketsLostError(f"{self.lost} lost by {self._device}: give it more capacity")
