"""The object graph."""

import pytest
from dependency_injector import errors, providers

from netsonde.application.run_tool import RunTool
from netsonde.bootstrap.container import Container, rate
from netsonde.bootstrap.settings_load import load


def test_every_provider_can_make_its_object() -> None:
    container = Container(given=load({}))
    for name, provider in container.providers.items():
        made = provider()
        assert made is not None, name
        if isinstance(provider, providers.Singleton):
            assert provider() is made
    assert isinstance(container.run_tool(), RunTool)
    assert container.run_tool().catalog is container.catalog()


def test_without_settings_there_is_nothing() -> None:
    with pytest.raises(errors.Error):
        Container().run_tool()


def test_stdio_has_no_rate_limit_unless_the_operator_wants_one() -> None:
    assert rate(load({}).settings) is None
    for environ in ({"MCP_RATE_LIMIT_STDIO": "yes"}, {"MCP_SERVER_TRANSPORT": "http"}):
        limit = rate(load(environ).settings)
        assert limit is not None
        assert (limit.tokens, limit.per_s) == (10.0, 60.0)
