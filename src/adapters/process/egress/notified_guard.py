"""An egress guard that needs no privilege: the server makes its programs' calls, if they may be made."""

import asyncio
import errno
import logging
import os
import select
import socket
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_network
from typing import Final

from ..launch_thread import started_from_thread
from ..probe import TIMEOUT_S, told
from ..syscalls import Processor, processor
from . import call_filter
from .guard import Confinement, Destinations
from .watch import Watch

_log = logging.getLogger(__name__)
_MOST_TOLD: Final = 1024
_LOOPBACK: Final = Destinations(networks=(ip_network("127.0.0.1/32"),))
_DISCARD: Final = 9  # a datagram socket that is connected sends nothing


class NotifiedEgress:
    """Meets `EgressGuard`, for executions without raw sockets: those it doesn't let them have.

    Each destination is told once per execution, and of one execution no more than 1024 are.
    """

    def __init__(self, processor: Processor) -> None:
        self._processor = processor
        self._filter = call_filter.compiled(processor)

    @contextmanager
    def held(
        self, destinations: Destinations, tell: Callable[[str], None]
    ) -> Iterator[Confinement]:
        """See the port; to be used in the event loop's thread. Has a thread until it is left."""
        loop = asyncio.get_running_loop()
        known: set[str] = set()
        news: deque[str] = deque()

        def hand_on() -> None:
            while news:
                tell(news.popleft())

        def note(text: str) -> None:
            if text in known or len(known) >= _MOST_TOLD:
                return
            known.add(text)
            news.append(text)
            with suppress(RuntimeError):  # the loop is closed: told below
                loop.call_soon_threadsafe(hand_on)

        watch = Watch(self._processor, self._filter, destinations, note)
        try:
            with watch:
                yield Confinement(confine=watch.confine, settle=hand_on)
        finally:
            if watch.obstacle:  # the program was refused everything; why, it can't tell
                _log.error("egress.obstacle", extra={"fields": {"reason": watch.obstacle}})


def find_notified_egress() -> NotifiedEgress | str:
    """The guard, or in one line why it can't be had; tries it with a short process, some ms."""
    here = processor()
    if here is None:
        return f"no filter is written for {os.uname().machine}"
    heard: list[str] = []
    try:
        with Watch(here, call_filter.compiled(here), _LOOPBACK, heard.append) as watch:
            status = started_from_thread(watch.confine, _tried_in_child)
        failure = watch.obstacle
    except OSError as error:
        reason = {errno.EBUSY: "a filter of the container's has a listener already"}
        return f"{reason.get(error.errno or 0, '')} {told(error)}".strip()
    if failure:
        return failure
    if status or heard != ["127.0.0.2 udp 9"]:
        return f"a trial ended with {errno.errorcode.get(status, status)}, and was told as {heard}"
    return NotifiedEgress(here)


def _tried_in_child() -> int:
    """0, or the errno with which a call ended otherwise than it should have."""
    with warnings.catch_warnings():
        # Python 3.12 warns of locks that other threads hold: the child takes none.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        return _status_of(child)
    status = errno.EIO
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            status = probe.connect_ex(("127.0.0.1", _DISCARD))
            if not status and probe.connect_ex(("127.0.0.2", _DISCARD)) != errno.EPERM:
                status = errno.EPROTO
    except OSError as error:
        status = error.errno or errno.EIO
    finally:
        os._exit(status)


def _status_of(child: int) -> int:
    pidfd = os.pidfd_open(child)
    try:
        if not select.select((pidfd,), (), (), TIMEOUT_S)[0]:
            os.kill(child, 9)
    finally:
        os.close(pidfd)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
