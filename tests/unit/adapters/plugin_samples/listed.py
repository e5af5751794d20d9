"""A module with a list."""

from tests.unit.adapters.plugin_samples.searched.good import EchoTool, MockEcho


class OtherTool(EchoTool): ...


TOOLS = (EchoTool, MockEcho, OtherTool, "PingTool", EchoTool)
