"""A plug-in package for tests: a tool whose program ignores SIGTERM and leaves descendants behind."""

from netsonde.domain.tool import Tool, flag


class StubbornTool(Tool):
    """Runs `stubborn`, which tests put into the search path of a sealed world."""

    command_name = "stubborn"
    title = "Stubborn"
    description = "Does nothing, for long, and does not want to stop."
    table = (flag("-x", key="x", help="leave descendants in sessions of their own"),)


TOOLS = (StubbornTool,)
# An ignored signal stays ignored after exec, so `sleep` itself ignores SIGTERM.
SCRIPT = """#!/bin/sh
trap '' TERM INT HUP
if [ "$1" = -x ]; then
  setsid sleep 600 &
  (setsid sleep 600 >/dev/null 2>&1 &)
fi
echo started
exec sleep 600
"""
