"""Token bucket: a state and a time in, a state and a verdict out."""

import msgspec


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """`tokens` calls every `per_s` seconds; a full bucket holds `tokens`."""

    tokens: float
    per_s: float


class Bucket(msgspec.Struct, frozen=True):
    """`level` tokens at the time `at_s` (monotonic seconds)."""

    level: float
    at_s: float


class Taken(msgspec.Struct, frozen=True, tag=True):
    """A token was there."""

    bucket: Bucket


class Empty(msgspec.Struct, frozen=True, tag=True):
    """None was; the next is there in `retry_after_s`. The refused call costs nothing."""

    bucket: Bucket
    retry_after_s: float


def full(rate: Rate, now_s: float) -> Bucket:
    """The bucket of a client never seen."""
    return Bucket(rate.tokens, now_s)


def level(bucket: Bucket, rate: Rate, now_s: float) -> float:
    """The tokens there at `now_s`. A clock that went back counts as one that stood still."""
    elapsed_s = max(0.0, now_s - bucket.at_s)
    return min(rate.tokens, bucket.level + elapsed_s * rate.tokens / rate.per_s)


def take(bucket: Bucket, rate: Rate, now_s: float) -> Taken | Empty:
    """Take one token at `now_s`."""
    there = level(bucket, rate, now_s)
    at_s = max(bucket.at_s, now_s)
    if there >= 1:
        return Taken(Bucket(there - 1, at_s))
    return Empty(Bucket(there, at_s), (1 - there) * rate.per_s / rate.tokens)


def give_back(bucket: Bucket, rate: Rate, now_s: float) -> Bucket:
    """Undo the taking of one token; a full bucket stays as it is."""
    return Bucket(min(rate.tokens, level(bucket, rate, now_s) + 1), max(bucket.at_s, now_s))
