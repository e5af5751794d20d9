"""How many calls that come to nothing a caller may have on record; past that it must wait."""

from ..domain.access import Caller
from ..domain.errors import ErrorType, ToolError
from .rates import Rates

RULE = "rate.refused"
TIMES = 10
_ALL = ":refused"  # among names of tools, which are Python's identifiers


class Patience:
    """A bucket for each caller, TIMES as large as the one for each of its tools.

    Every call is on record, and refused ones are cheap to make: without this, one caller could push
    everybody's history out of a record of bounded size. `rates` without a rate: no limit.
    """

    def __init__(self, rates: Rates) -> None:
        self._rates = rates

    def take(self, caller: Caller) -> ToolError | None:
        """Reckon with a refusal; an error if there were too many."""
        empty = self._rates.take(caller.name, _ALL, times=TIMES)
        if empty is None:
            return None
        wait_s = max(0.1, -(-empty.retry_after_s * 10 // 1) / 10)
        return ToolError(
            error_type=ErrorType.RATE_LIMITED,
            message="Too many calls were refused.",
            recovery_suggestion=(
                "Look at the refusals before, mend what they name, and wait as long as "
                "metadata.retry_after_sec says."
            ),
            metadata={"rule": RULE, "retry_after_sec": wait_s},
        )

    def give_back(self, caller: Caller) -> None:
        """The call was admitted after all."""
        self._rates.give_back(caller.name, _ALL, times=TIMES)
