"""How many connections there may be, and from where; the one timer that looks after all."""

import asyncio
import logging
from ipaddress import ip_network

import pytest

from netsonde.adapters.http.broken import FULL, PEER_FULL, Refusal
from netsonde.adapters.http.crowd import Crowd
from netsonde.adapters.http.limits import ServingLimits


class Guest:
    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.aborted = False

    def examine(self, now_s: float) -> None:
        self.examined_s = now_s

    def abort(self) -> None:
        self.aborted = True


def crowd(**limits: int) -> Crowd:
    given = ServingLimits(
        **limits,
        trusted_proxies=(ip_network("10.0.0.0/24"),),
    )
    return Crowd(given, logging.getLogger("test"))


def admitted(there: Crowd, *peers: str) -> list[Refusal | None]:
    return [there.admit(Guest(peer)) for peer in peers]


def test_one_address_gets_a_quarter_of_the_places() -> None:
    assert admitted(crowd(max_connections=8), *["10.9.9.9"] * 3) == [None, None, PEER_FULL]


def test_an_address_that_leaves_makes_room_for_itself() -> None:
    there = crowd(max_connections=4)
    guest = Guest("10.9.9.9")
    assert there.admit(guest) is None
    there.leave(guest)
    there.leave(guest)
    assert (len(there), admitted(there, "10.9.9.9", "10.9.9.9")) == (0, [None, PEER_FULL])


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "10.0.0.7", "", "fe80::x%lo"])
def test_loopback_and_proxies_are_bounded_by_the_whole_only(peer: str) -> None:
    assert admitted(crowd(max_connections=4), *[peer] * 5) == [None, None, None, None, FULL]


def test_an_ipv6_client_is_a_whole_network() -> None:
    peers = ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")
    assert admitted(crowd(max_connections=4), *peers) == [None, PEER_FULL, None]


def test_refused_connections_linger_in_bounded_number() -> None:
    there = crowd(max_connections=8)
    lingering = [there.may_linger(Guest("::1")) for _ in range(9)]
    assert lingering == [True] * 8 + [False]


def test_all_can_be_cut_off() -> None:
    there = crowd(max_connections=8)
    guests = [Guest("::1"), Guest("10.9.9.9")]
    for guest in guests:
        there.admit(guest)
    there.abort_all()
    assert all(guest.aborted for guest in guests)


QUICK = ServingLimits(header_timeout_s=0.02)


class Broken:
    """A connection that can't be examined."""

    peer = ""

    def __init__(self) -> None:
        self.aborted = False

    def examine(self, now_s: float) -> None:
        raise MemoryError

    def abort(self) -> None:
        self.aborted = True


class Sound(Broken):
    """One that can."""

    def __init__(self) -> None:
        super().__init__()
        self.examined = asyncio.Event()

    def examine(self, now_s: float) -> None:
        self.examined.set()


def test_a_connection_that_can_not_be_examined_is_cut_off_and_the_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene() -> None:
        there, broken, sound = Crowd(QUICK, logging.getLogger("test")), Broken(), Sound()
        for member in (broken, sound):
            there.admit(member)
        watching = asyncio.ensure_future(there.watch())
        for _ in range(3):
            sound.examined.clear()
            async with asyncio.timeout(10):
                await sound.examined.wait()
        assert broken.aborted
        watching.cancel()

    asyncio.run(scene())
    assert "http.unexamined" in caplog.messages
