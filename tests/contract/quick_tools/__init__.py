"""Tools of programs that touch no network: for load, faults and benchmarks. TOOLS_PACKAGE is this."""

from typing import ClassVar

from netsonde.domain.tool import Arranged, Draft, Int, Tool, valued


class QuickTool(Tool):
    """Exits at once."""

    command_name = "true"
    title = "Exit at once"
    description = "Does nothing, successfully."
    table = (valued("--number", key="number", kind=Int(min=0, max=9), help="is ignored"),)
    concurrency: ClassVar[int | None] = 4

    def arrange(self, draft: Draft) -> Arranged:
        """Nothing is examined."""
        return Arranged(words=())


class LastingTool(Tool):
    """Lasts until it is ended; `number` in its command line tells who asked."""

    command_name = "sleep"
    title = "Last"
    description = "Does nothing for a long time."
    table = (valued("--number", key="number", kind=Int(min=0, max=999_999), help="a mark"),)
    concurrency: ClassVar[int | None] = 16

    def arrange(self, draft: Draft) -> Arranged:
        """An hour and, as its fraction, the mark."""
        return Arranged(words=(f"3600.{int(draft.value('number') or 0):06d}",))


TOOLS = (QuickTool, LastingTool)
