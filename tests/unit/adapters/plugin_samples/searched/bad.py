"""Tools that can't be used, each in its own way."""

from netsonde.domain.tool import Tool, flag


class NamelessTool(Tool):
    allowed_flags = ("-n",)


class PathTool(Tool):
    command_name = "/bin/sh"
    allowed_flags = ("-n",)


class EmptyTool(Tool):
    command_name = "true"


class TwiceTool(Tool):
    command_name = "true"
    table = (flag("-n", key="a", help=""), flag("-n", key="b", help=""))


class RaisingTool(Tool):
    command_name = "true"

    def __init__(self) -> None:
        raise RuntimeError("no")


class ProfileTool(Tool):
    command_name = "true"
    allowed_flags = ("-n",)
    profiles = {"bad": "--nosuch"}  # noqa: RUF012
