"""By which time records are too old: a wall clock that leapt ahead is not believed at once."""

from ...application.ports import Clock

LEAP_S = 86_400.0  # less than that is worth no more than a day of the record
BELIEVED_AFTER_S = 86_400.0


class Reckoning:
    """Unix time for removing what is old.

    A clock set wrong, for a minute, must not cost the record: so when it is ahead of where the time
    that passed would have it, by more than LEAP_S, only what passed counts, until it has stayed ahead
    for BELIEVED_AFTER_S. A clock that went back is believed at once: it makes nothing older.
    `newest_s` is when the newest record was written, None if there is none: time passes while no
    server runs too, but how much nobody knows.
    """

    def __init__(self, clock: Clock, newest_s: float | None) -> None:
        self._clock = clock
        self._looked_s = clock.monotonic_s()
        self._believed_s = clock.wall_s() if newest_s is None else newest_s
        self._doubted_since_s: float | None = None

    @property
    def doubted(self) -> bool:
        """Whether the clock was ahead when it was last looked at, and not believed."""
        return self._doubted_since_s is not None

    def now_s(self) -> float:
        """What time it is, as far as that is believed."""
        looked_s, wall_s = self._clock.monotonic_s(), self._clock.wall_s()
        passed_s, self._looked_s = looked_s - self._looked_s, looked_s
        self._believed_s += passed_s
        if wall_s <= self._believed_s + LEAP_S:
            self._doubted_since_s, self._believed_s = None, wall_s
        elif self._doubted_since_s is None:
            self._doubted_since_s = looked_s
        elif looked_s - self._doubted_since_s >= BELIEVED_AFTER_S:
            self._doubted_since_s, self._believed_s = None, wall_s
        return self._believed_s
