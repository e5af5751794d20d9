"""Whether the guard can be had is tried, and told with the errno where it can't."""

import threading
from collections.abc import Callable

import pytest

from netsonde.adapters.process import landlock, seccomp
from netsonde.adapters.process.egress import call_filter, notifications
from netsonde.adapters.process.egress.notified_guard import NotifiedEgress, find_notified_egress
from netsonde.adapters.process.launch_thread import filter_calls, started_from_thread
from netsonde.adapters.process.syscalls import Processor, processor
from tests.contract.runner.leak_check import children

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]


@pytest.fixture
def here() -> Processor:
    found = processor()
    assert found
    return found


def found_after(confine: Callable[[], None]) -> NotifiedEgress | str:
    return started_from_thread(confine, find_notified_egress)


def test_it_is_had_here_and_the_trial_leaves_nothing() -> None:
    before = children()
    assert isinstance(find_notified_egress(), NotifiedEgress)
    assert children() == before
    assert not [one for one in threading.enumerate() if one.name == "netsonde-egress"]


def test_not_where_a_container_manager_listens_already(here: Processor) -> None:
    listeners: list[int] = []

    def confine() -> None:
        # Nothing is notified by it, but it has a listener.
        listeners.append(notifications.install(here, b"\x06\0\0\0\0\0\xff\x7f"))

    try:
        assert "(EBUSY)" in str(found_after(confine))
    finally:
        notifications.close(listeners[0])


def test_not_where_descriptors_may_not_be_taken(here: Processor) -> None:
    """As in a container with Docker's default profile."""

    def confine() -> None:
        landlock.refuse_new_privileges()
        filter_calls(seccomp.compiled(here, raw_sockets=False))

    assert found_after(confine) == "pidfd_getfd: Operation not permitted (EPERM)"


def test_not_on_a_processor_without_a_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "sparc")
    assert isinstance(find_notified_egress(), str)


def test_both_processors_have_one() -> None:
    for machine in ("x86_64", "aarch64"):
        there = processor(machine)
        assert there
        assert len(call_filter.compiled(there)) % 8 == 0
        assert len(call_filter.compiled(there)) // 8 < 4096  # BPF_MAXINSNS
