"""The thread that answers the calls of one execution, and the calls that have to wait meanwhile.

A thread of its own and not the event loop, since what a hostile program shares with us (memory to be
read, the flags of a socket) can make a call wait: then no other execution waits with it.
"""

import errno
import os
import select
import threading
import time
from collections.abc import Callable
from typing import Final, Self

from .. import capabilities
from ..probe import told
from ..syscalls import Processor
from . import foreign_process, notifications
from .guard import Destinations
from .judged_calls import JudgedCalls
from .notifications import Call
from .socket_address import failed
from .waiting_call import Wait

_LOOK_AFTER_S: Final = 0.05
_MOST_WAITING: Final = 64  # each holds a descriptor of ours, and up to 64 KiB
_END_S: Final = 1.0


class Watch:
    """Entered before the program is started, left when nothing of it is there any more.

    `filter_bytes` are `call_filter.compiled`'s. `confine` is to be called in the thread that
    starts the program. `tell` is called in the watch's own thread. `obstacle` says what kept it from
    answering as it should, if anything did.
    """

    def __init__(
        self,
        processor: Processor,
        filter_bytes: bytes,
        destinations: Destinations,
        tell: Callable[[str], None],
    ) -> None:
        self.obstacle: str | None = None
        self._processor = processor
        self._filter = filter_bytes
        self._calls = JudgedCalls(processor, destinations, tell, self._is_current)
        self._waiting: dict[int, tuple[Call, Wait]] = {}
        self._resting: set[int] = set()
        self._looked_s = 0.0
        self._listener = -1
        self._over = False
        self._poll = select.poll()
        # A daemon: a server that ends must not wait for it.
        self._thread = threading.Thread(target=self._work, name="netsonde-egress", daemon=True)

    def __enter__(self) -> Self:
        """Raises OSError where no thread or descriptor can be had."""
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poll.register(self._bell, select.POLLIN)
        try:
            self._thread.start()
        except RuntimeError as error:
            os.close(self._bell)
            raise failed(errno.EAGAIN) from error
        return self

    def __exit__(self, *_: object) -> None:
        """Whoever still waits gets ENOSYS."""
        self._over = True
        os.eventfd_write(self._bell, 1)
        ended_by_s = time.monotonic() + _END_S
        while self._thread.is_alive() and time.monotonic() < ended_by_s:
            self._calls.interrupt()
            self._thread.join(0.02)
        if not self._thread.is_alive():
            os.close(self._bell)

    def confine(self) -> None:
        """Put the calling thread, and what it starts, under the watch; raises OSError."""
        # By netlink a program with it could turn what goes to one host to another, by write(2).
        capabilities.give_up(capabilities.CAP_NET_ADMIN)
        self._listener = notifications.install(self._processor, self._filter)
        os.eventfd_write(self._bell, 1)

    def _is_current(self, call: Call) -> bool:
        return notifications.still_waits(self._listener, call)

    def _work(self) -> None:
        try:
            while not self._over:
                timeout_ms = _LOOK_AFTER_S * 1000 if self._waiting else None
                for descriptor, events in self._poll.poll(timeout_ms):
                    self._see_to(descriptor, events)
                now_s = time.monotonic()
                if self._waiting and now_s >= self._looked_s + _LOOK_AFTER_S:
                    self._looked_s = now_s
                    self._look_after(now_s)
        finally:
            for _, wait in self._waiting.values():
                wait.socket.close()
            if self._listener >= 0:
                notifications.close(self._listener)

    def _see_to(self, descriptor: int, events: int) -> None:
        if descriptor == self._bell:
            os.eventfd_read(self._bell)
            if self._listener >= 0:
                self._poll.register(self._listener, select.POLLIN)
        elif descriptor != self._listener:
            self._go_on(descriptor)
        elif events & select.POLLIN:
            call = notifications.receive(self._listener)
            if call is not None:
                self._see_to_call(call)
        else:
            self._poll.unregister(self._listener)  # nobody is left under the filter

    def _see_to_call(self, call: Call) -> None:
        try:
            outcome = self._calls.make(call)
        except OSError as error:
            if error.filename and error.errno in (errno.EPERM, errno.EACCES, errno.ENOSYS):
                self.obstacle = self.obstacle or f"{error.filename}: {told(error)}"
            outcome = -(error.errno or errno.EPERM)
        except Exception as error:  # any: a caller without an answer would wait for ever
            self.obstacle = self.obstacle or repr(error)
            outcome = -errno.EPERM
        if isinstance(outcome, int):
            notifications.answer(self._listener, call, outcome)
        elif len(self._waiting) >= _MOST_WAITING:
            outcome.socket.close()
            notifications.answer(self._listener, call, -errno.EAGAIN)
        else:
            self._waiting[outcome.socket.descriptor] = (call, outcome)
            self._poll.register(outcome.socket.descriptor, select.POLLOUT)

    def _go_on(self, descriptor: int) -> None:
        call, wait = self._waiting[descriptor]
        result: int | None
        if not self._is_current(call):
            result = -errno.EINTR
        else:
            try:
                with self._calls.in_hand(wait.socket):
                    result = wait.again()
            except OSError as error:
                result = -(error.errno or errno.EPERM)
        if result is not None:
            self._done(descriptor, result)
            return
        # Ready and yet not: what a program leaves unread (MSG_ERRQUEUE) keeps poll(2) from waiting.
        self._poll.unregister(descriptor)
        self._resting.add(descriptor)

    def _look_after(self, now_s: float) -> None:
        """Those whose time is over, whose program has died or has a signal to handle."""
        for descriptor in self._resting:
            self._poll.register(descriptor, select.POLLOUT)
        self._resting.clear()
        for descriptor, (call, wait) in tuple(self._waiting.items()):
            if wait.deadline_s is not None and now_s >= wait.deadline_s:
                self._done(descriptor, wait.expired)
            elif not self._is_current(call) or foreign_process.has_caught_signal(call.thread):
                self._done(descriptor, -errno.EINTR)

    def _done(self, descriptor: int, result: int) -> None:
        call, wait = self._waiting.pop(descriptor)
        if descriptor in self._resting:
            self._resting.remove(descriptor)
        else:
            self._poll.unregister(descriptor)
        wait.socket.close()
        notifications.answer(self._listener, call, result)
