"""Denials in sum: few on record however many there were, and none of them lost."""

import asyncio
from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.adapters.event_log import RecentEvents
from netsonde.adapters.memory import FakeClock
from netsonde.application.denials import MANY, WINDOW_S, Denials
from netsonde.domain.audit import Denied, ServiceStopped
from netsonde.domain.execution import Event, Happening


class Kept(RecentEvents):
    """A log that shows what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.whats: list[Happening] = []

    def append(self, event: Event) -> None:
        super().append(event)
        self.whats.append(event.what)


class Scene:
    """Denials over a log, at a time that stands still until it is moved."""

    def __init__(self, most_kept: int = 1000) -> None:
        self.clock, self.log = FakeClock(), Kept()
        self.denials = Denials(self.log, self.clock, most_kept=most_kept)

    def deny(
        self, address: str = "10.0.0.9", caller: str = "", rule: str = "access.token", at: str = "/"
    ) -> None:
        what = Denied(caller=caller, address=address, action=f"GET {at}", rule=rule)
        self.denials.append(Event(execution_id="", at_s=self.clock.wall_s(), what=what))

    @property
    def kept(self) -> list[tuple[str, str, int]]:
        """Address, action and count of what is on record."""
        whats = [what for what in self.log.whats if isinstance(what, Denied)]
        return [(what.address, what.action, what.count) for what in whats]


def test_the_first_is_on_record_at_once_and_the_rest_when_the_minute_is_over() -> None:
    scene = Scene()
    for number in range(1000):
        scene.deny(at=f"/{number}")
    assert scene.kept == [("10.0.0.9", "GET /0", 1)]
    scene.clock.advance(WINDOW_S)
    scene.denials.tell()
    assert scene.kept[1:] == [("10.0.0.9", "GET /999", 999)]
    assert len(scene.denials) == 0
    scene.deny(at="/new")
    assert scene.kept[2:] == [("10.0.0.9", "GET /new", 1)]


def test_a_single_denial_is_told_once() -> None:
    scene = Scene()
    scene.deny()
    scene.clock.advance(WINDOW_S)
    scene.denials.flush()
    assert [count for _, _, count in scene.kept] == [1]


def test_whatever_comes_next_ends_the_minute_too() -> None:
    scene = Scene()
    scene.deny()
    scene.deny()
    scene.clock.advance(WINDOW_S)
    stopped = ServiceStopped(reason="x")
    scene.denials.append(Event(execution_id="", at_s=0.0, what=stopped))
    assert [count for _, _, count in scene.kept] == [1, 1]
    assert scene.log.whats[-1] is stopped


def test_at_the_end_nothing_is_kept_back() -> None:
    scene = Scene()
    for _ in range(5):
        scene.deny()
    scene.denials.flush()
    assert [count for _, _, count in scene.kept] == [1, 4]
    scene.denials.flush()
    assert len(scene.kept) == 2


@pytest.mark.parametrize(
    "other", [{"address": "10.0.0.8"}, {"caller": "ops"}, {"rule": "access.scope"}]
)
def test_what_differs_in_more_than_the_action_is_told_apart(other: dict[str, str]) -> None:
    scene = Scene()
    scene.deny()
    scene.deny(**other)
    assert [count for _, _, count in scene.kept] == [1, 1]


def test_a_whole_network_of_ipv6_is_one_client() -> None:
    scene = Scene()
    for number in range(50):
        scene.deny(f"2001:db8::{number:x}")
    scene.deny("2001:db8:0:1::1")
    assert [count for _, _, count in scene.kept] == [1, 1]


def test_a_flood_from_everywhere_is_bounded_and_counted_together() -> None:
    scene = Scene(most_kept=10)
    for number in range(10_000):
        scene.deny(f"10.1.{number % 256}.{number // 256}")
    assert len(scene.denials) == 11
    assert len(scene.kept) == 11
    scene.denials.flush()
    assert scene.kept[-1][0] == MANY
    assert sum(count for _, _, count in scene.kept) == 10_000


def test_the_first_beyond_the_bound_is_told_with_its_address() -> None:
    scene = Scene(most_kept=1)
    for address in ("10.0.0.1", "10.0.0.2", "10.0.0.3"):
        scene.deny(address)
    assert [address for address, _, _ in scene.kept] == ["10.0.0.1", "10.0.0.2"]


def test_without_a_caller_it_is_told_in_time_all_the_same() -> None:
    scene = Scene()
    scene.deny()
    scene.deny()
    scene.clock.advance(WINDOW_S)

    async def until_told() -> None:
        running = asyncio.create_task(scene.denials.run(every_s=0.0))
        async with asyncio.timeout(5):
            while len(scene.kept) < 2:  # noqa: ASYNC110  # the log has nobody to tell
                await asyncio.sleep(0)
        running.cancel()

    asyncio.run(until_told())


def test_what_is_no_denial_passes_untouched() -> None:
    scene = Scene()
    event = Event(execution_id="", at_s=1.0, what=ServiceStopped(reason="x"))
    scene.denials.append(event)
    assert scene.log.whats == [event.what]
    assert scene.denials.events("") == scene.log.events("")
    asyncio.run(scene.denials.settle())


def test_a_denial_of_an_older_record_stands_for_one() -> None:
    old = b'{"type":"Denied","caller":"","address":"::1","action":"GET /","rule":"access.token"}'
    assert msgspec.json.decode(old, type=Denied).count == 1


_STEPS = st.lists(
    st.tuples(st.integers(0, 6), st.sampled_from(["", "ops"]), st.sampled_from([0.0, 1.0, 59.0]))
)


@given(_STEPS, st.integers(0, 3))
def test_the_counts_on_record_add_up_always(
    steps: Iterable[tuple[int, str, float]], most_kept: int
) -> None:
    scene = Scene(most_kept)
    wanted = 0
    for address, caller, later_s in steps:
        scene.clock.advance(later_s)
        scene.deny(f"10.0.0.{address}", caller)
        wanted += 1
        assert len(scene.denials) <= most_kept + 2
    scene.denials.flush()
    assert sum(count for _, _, count in scene.kept) == wanted
