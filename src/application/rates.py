"""How often each caller may call each tool: one token bucket for each pair, a bounded number of callers."""

from collections import OrderedDict

import msgspec

from ..domain import bucket
from .ports import Clock


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What is left to a caller: `remaining` calls now, a full bucket of `limit` in `reset_s` seconds."""

    limit: float
    per_s: float
    remaining: int
    reset_s: float


class Rates:
    """Buckets of the `max_callers` callers that came last; the stalest is forgotten first.

    A forgotten caller begins with a full bucket, as one never seen.
    """

    def __init__(self, rate: bucket.Rate | None, clock: Clock, *, max_callers: int = 1000) -> None:
        self._rate = rate
        self._clock = clock
        self._max_callers = max_callers
        self._callers: OrderedDict[str, dict[str, bucket.Bucket]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._callers)

    @property
    def rate(self) -> bucket.Rate | None:
        """The rate in force; None: no limit."""
        return self._rate

    def set(self, rate: bucket.Rate | None, max_callers: int) -> None:
        """Another rate from now on. A bucket keeps its level, but holds no more than it can."""
        self._rate = rate
        self._max_callers = max_callers
        self._trim()

    def take(self, caller: str, what: str, *, times: int = 1) -> bucket.Empty | None:
        """Take a token; None if there was one or there is no limit. `times`: of a larger bucket."""
        if self._rate is None:
            return None
        rate, now_s = _larger(self._rate, times), self._clock.monotonic_s()
        buckets = self._callers.setdefault(caller, {})
        self._callers.move_to_end(caller)
        self._trim()
        before = buckets.get(what) or bucket.full(rate, now_s)
        taken = bucket.take(before, rate, now_s)
        buckets[what] = taken.bucket
        return taken if isinstance(taken, bucket.Empty) else None

    def give_back(self, caller: str, what: str, *, times: int = 1) -> None:
        """Undo one `take`; nothing if the caller was forgotten meanwhile."""
        buckets = self._callers.get(caller, {})
        if self._rate is not None and (known := buckets.get(what)) is not None:
            rate = _larger(self._rate, times)
            buckets[what] = bucket.give_back(known, rate, self._clock.monotonic_s())

    def empty(self, caller: str, what: str) -> bucket.Empty | None:
        """As `take`, but nothing is taken: whether a token is missing."""
        if self._rate is None or (known := self._callers.get(caller, {}).get(what)) is None:
            return None
        looked = bucket.take(known, self._rate, self._clock.monotonic_s())
        return looked if isinstance(looked, bucket.Empty) else None

    def standing(self, caller: str, what: str) -> Standing | None:
        """What is left to the caller; None where there is no limit."""
        if (rate := self._rate) is None:
            return None
        now_s = self._clock.monotonic_s()
        known = self._callers.get(caller, {}).get(what) or bucket.full(rate, now_s)
        level = bucket.level(known, rate, now_s)
        return Standing(
            limit=rate.tokens,
            per_s=rate.per_s,
            remaining=int(level),
            reset_s=(rate.tokens - level) * rate.per_s / rate.tokens,
        )

    def _trim(self) -> None:
        while len(self._callers) > self._max_callers:
            self._callers.popitem(last=False)


def _larger(rate: bucket.Rate, times: int) -> bucket.Rate:
    return rate if times == 1 else bucket.Rate(tokens=rate.tokens * times, per_s=rate.per_s)
