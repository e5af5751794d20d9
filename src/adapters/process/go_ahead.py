"""The word by which a prepared program is let go: said by a server that is still alive, or not at all.

A program dies with the server by parent-death signals, one for each process between the two. Whoever
asks for one too late, because its parent is dead already, gets none (prctl(2)). So the last link of
the chain, when all signals have been asked for, says that it is ready, and waits for an answer. A
server that answers is alive; if it dies a moment later, every signal is in place. If it died before,
the other end of the socket is closed, and the link ends.
"""

import asyncio
import socket
from contextlib import suppress
from typing import Self


class GoAhead:
    """A pair of sockets, one of which is the links' standard input."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._loop: asyncio.AbstractEventLoop | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._theirs.close()
        self._close()

    @property
    def stdin(self) -> int:
        """The descriptor for the links."""
        return self._theirs.fileno()

    def answer(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on give the word when it is asked for; their end is theirs alone."""
        self._theirs.close()
        self._loop = loop
        loop.add_reader(self._ours.fileno(), self._on_word)

    def _on_word(self) -> None:
        with suppress(OSError):  # reset, or gone meanwhile: there is nobody to tell
            if self._ours.recv(16):
                self._ours.send(b"\n")
        self._close()

    def _close(self) -> None:
        if self._ours.fileno() < 0:
            return
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._ours.fileno())
        self._ours.close()
