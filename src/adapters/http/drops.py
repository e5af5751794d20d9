"""Why streams were ended that could not be told any more: for their readers to ask when they are back."""

from collections import OrderedDict

import msgspec

from ...domain.access import Caller
from .frames import Dropped

_MOST = 1000


class _Drop(msgspec.Struct, frozen=True):
    caller: str
    dropped: Dropped


class Drops:
    """Remembers the last streams that were dropped, by their ids; bounded."""

    def __init__(self) -> None:
        self._drops: OrderedDict[str, _Drop] = OrderedDict()

    def remember(self, stream: str, caller: Caller, dropped: Dropped) -> None:
        """A stream of that caller was dropped."""
        self._drops[stream] = _Drop(caller.name, dropped)
        if len(self._drops) > _MOST:
            self._drops.popitem(last=False)

    def take(self, stream: str, caller: Caller) -> Dropped | None:
        """Why a stream of the caller was dropped, once; None if it was not, or is not the caller's."""
        drop = self._drops.get(stream)
        if drop is None or drop.caller != caller.name:
            return None
        del self._drops[stream]
        return drop.dropped
