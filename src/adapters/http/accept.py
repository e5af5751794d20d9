"""The header Accept: which of several media types a client would rather have."""

from collections.abc import Sequence

from .reply import quality


def preferred(accept: str | None, produced: Sequence[str]) -> str | None:
    """The media type the client likes best, the first of equals; None if it takes none of them.

    Of equal weight the more exact range wins: `application/json, */*` asks for JSON.
    """
    if accept is None or not accept.strip():
        return produced[0]
    ranges = [part.partition(";") for part in accept.lower().split(",") if part.strip()]
    found: list[tuple[float, int, str]] = []
    for kind in produced:
        fitting = ((_exactness(name.strip(), kind), quality(more)) for name, _, more in ranges)
        exactness, weight = max(fitting, default=(0, 0.0))
        if exactness and weight:
            found.append((weight, exactness, kind))
    return max(found, key=lambda one: one[:2])[2] if found else None


def _exactness(name: str, kind: str) -> int:
    if name == kind:
        return 3
    if name == f"{kind.partition('/')[0]}/*":
        return 2
    return 1 if name == "*/*" else 0
