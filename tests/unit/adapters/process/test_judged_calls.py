"""What is refused before anything of the caller is looked at."""

import pytest

from netsonde.adapters.process.egress.guard import Destinations
from netsonde.adapters.process.egress.judged_calls import JudgedCalls
from netsonde.adapters.process.egress.notifications import Call
from netsonde.adapters.process.syscalls import Processor, processor


@pytest.fixture
def here() -> Processor:
    found = processor("x86_64")
    assert found
    return found


@pytest.mark.parametrize(("thread", "name"), [(0, "connect"), (0, "sendto"), (1, "listen")])
def test_who_can_not_be_seen_from_here_and_what_is_not_known_is_refused(
    here: Processor, thread: int, name: str
) -> None:
    told: list[str] = []
    calls = JudgedCalls(here, Destinations(networks=()), told.append, lambda _: True)
    with pytest.raises(PermissionError):
        calls.make(Call(1, thread, here.numbers[name], (0, 0, 0, 0, 0, 0)))
    assert told == []
