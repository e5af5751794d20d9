"""Where the service listens, with and without a token."""

import pytest

from netsonde.bootstrap.listening import listening_host
from netsonde.bootstrap.settings_load import load
from netsonde.bootstrap.settings_problems import ConfigError


@pytest.mark.parametrize(
    ("host", "guarded", "expected"),
    [
        (None, False, "127.0.0.1"),
        (None, True, "0.0.0.0"),
        ("127.0.0.1", False, "127.0.0.1"),
        ("::1", False, "::1"),
        ("localhost", False, "localhost"),
        ("10.0.0.5", True, "10.0.0.5"),
        ("0.0.0.0", True, "0.0.0.0"),
    ],
)
def test_without_a_token_it_listens_on_loopback_only(
    host: str | None, guarded: bool, expected: str
) -> None:
    loaded = load({} if host is None else {"MCP_SERVER_HOST": host})
    assert listening_host(loaded, guarded=guarded) == expected


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "example.org", "127.1", ""])
def test_told_to_listen_elsewhere_without_a_token_it_does_not_start(host: str) -> None:
    loaded = load({}, command_line={"server.host": host})
    with pytest.raises(ConfigError) as raised:
        listening_host(loaded, guarded=False)
    (problem,) = raised.value.problems
    assert (problem.source, problem.key) == ("command line", "server.host")
