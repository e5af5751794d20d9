"""Tools, and classes that look like tools."""

from abc import ABC, abstractmethod

from netsonde.domain.tool import Tool
from netsonde.domain.tools import PingTool as PingTool  # imported, not defined here


class EchoTool(Tool):
    command_name = "echo"
    allowed_flags = ("-n",)
    profiles = {"quiet": "-n"}  # noqa: RUF012  # as authors write it


class AbstractEcho(EchoTool): ...


class TestEcho(EchoTool):
    __test__ = False


class MockEcho(EchoTool): ...


class ExampleEcho(EchoTool): ...


class _Echo(EchoTool): ...


class EchoBase(EchoTool): ...


class EchoMixin(EchoTool): ...


class EchoInterface(EchoTool): ...


class UnfinishedTool(EchoTool, ABC):
    @abstractmethod
    def unfinished(self) -> None: ...


class NotATool: ...
