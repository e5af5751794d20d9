"""Tools on the operator's terms."""

from ipaddress import ip_network

import pytest

from netsonde.adapters.plugins import Found, discover
from netsonde.application.catalog import Broken, Entry
from netsonde.bootstrap.catalog import build_catalog, settle
from netsonde.bootstrap.settings_load import load
from netsonde.bootstrap.settings_problems import ConfigError
from netsonde.domain.tools import TOOLS

FOUND = discover("netsonde.domain.tools")


class Installed:
    """Only nmap is there."""

    def find(self, name: str) -> str | None:
        return "/usr/bin/nmap" if name == "nmap" else None

    def flaws(self, name: str) -> tuple[str, ...]:
        return ("/usr/bin/mtr: set-uid",) if name == "mtr" else ()

    def objection(self, path: str, sha256: str = "") -> str | None:
        return None if sha256 in ("", PINNED) else f"{path}: another digest"


PINNED = "ab" * 32


def entries(found: Found = FOUND, **environ: str) -> dict[str, Entry]:
    loaded = settle(load(environ), found)
    catalog = build_catalog(loaded.settings, found, Installed())
    return {entry.name: entry for entry in catalog.entries()}


def test_every_tool_is_there_in_the_order_of_its_package_missing_programs_included() -> None:
    made = entries()
    assert list(made) == [kind.__name__ for kind in TOOLS]
    assert [entry.available for entry in made.values()] == [True, False, False, False, False]
    assert made["PingTool"].terms.program == "ping"


def test_include_and_exclude_choose() -> None:
    made = entries(TOOL_INCLUDE="PingTool,NmapTool", TOOL_EXCLUDE="PingTool")
    assert list(made) == ["NmapTool"]


def test_the_policy_is_the_operators() -> None:
    policy = entries(
        MCP_SECURITY_ALLOWED_NETWORKS="10.1.0.0/16,fd00::/8",
        MCP_SECURITY_DENIED_NETWORKS="10.1.1.1",
        MCP_SECURITY_ALLOWED_SUFFIXES=".corp.example",
        MCP_SECURITY_MAX_HOSTS="16",
        MCP_MAX_ARGS_LEN="99",
    )["NmapTool"].terms.policy
    assert policy.allowed_networks == (ip_network("10.1.0.0/16"), ip_network("fd00::/8"))
    assert policy.denied_networks == (ip_network("10.1.1.1/32"),)
    assert policy.allowed_suffixes == (".corp.example",)
    assert (policy.max_hosts, policy.max_args_len, policy.allow_intrusive) == (16, 99, False)


def test_one_tool_may_have_an_intrusive_policy_of_its_own() -> None:
    made = entries(MCP_TOOLS_NMAPTOOL_ALLOW_INTRUSIVE="yes")
    assert made["NmapTool"].terms.policy.allow_intrusive
    assert not made["PingTool"].terms.policy.allow_intrusive
    made = entries(MCP_SECURITY_ALLOW_INTRUSIVE="yes", MCP_TOOLS_NMAPTOOL_ALLOW_INTRUSIVE="no")
    assert not made["NmapTool"].terms.policy.allow_intrusive


def test_a_time_limit_of_one_tool_is_also_its_maximum() -> None:
    ping = entries()["PingTool"].terms
    assert (ping.default_timeout_s, ping.max_timeout_s) == (60.0, 300.0)
    ping = entries(MCP_TOOLS_PINGTOOL_TIMEOUT="20")["PingTool"].terms
    assert (ping.default_timeout_s, ping.max_timeout_s) == (20.0, 20.0)
    ping = entries(MCP_DEFAULT_TIMEOUT_SEC="30")["PingTool"].terms
    assert (ping.default_timeout_s, ping.max_timeout_s) == (30.0, 30.0)


def test_bounds_and_breaker_of_one_tool_win_over_the_general_ones() -> None:
    nmap = entries(
        MCP_TOOLS_NMAPTOOL_CONCURRENCY="1",
        MCP_TOOLS_NMAPTOOL_MAX_MEMORY_MB="1024",
        MCP_TOOLS_NMAPTOOL_FAILURE_THRESHOLD="2",
        MCP_TOOLS_NMAPTOOL_RECOVERY_TIMEOUT="7",
        MCP_TOOLS_NMAPTOOL_ENABLED="false",
        MCP_TOOL_QUEUE="3",
        MCP_MAX_STDOUT_BYTES="2048",
    )["NmapTool"]
    assert (nmap.concurrency, nmap.queue, nmap.enabled) == (1, 3, False)
    assert nmap.terms.max_memory_bytes == 1024 * 1024 * 1024
    assert nmap.terms.max_stdout_bytes == 2048
    assert (nmap.breaker.failure_threshold, nmap.breaker.recovery_s) == (2, 7.0)


def test_an_operators_profile_is_there_beside_the_tools_own() -> None:
    profiles = entries(MCP_TOOLS_NMAPTOOL_PROFILES='{"web": "-p 80,443"}')[
        "NmapTool"
    ].terms.profiles
    assert profiles["web"] == "-p 80,443"
    assert "quick" in profiles


@pytest.mark.parametrize(
    "profile", ["--nosuch", "-oN x", "10.0.0.9", "-p 99999999", "-p '80", "-p $(x)", "-p 80;"]
)
def test_a_profile_that_the_grammar_refuses_stops_the_start(profile: str) -> None:
    text = f'{{"web": "{profile}"}}'
    with pytest.raises(
        ConfigError, match=r"MCP_TOOLS_NMAPTOOL_PROFILES: tools\.NmapTool\.profiles\.web "
    ):
        entries(MCP_TOOLS_NMAPTOOL_PROFILES=text)


def test_a_broken_plug_in_does_not_turn_its_own_settings_into_an_error() -> None:
    broken = Found(tools=FOUND.tools, broken=(Broken(source="x", reason="y"),))
    assert entries(broken, MCP_TOOLS_MISSINGTOOL_TIMEOUT="5")
    with pytest.raises(ConfigError):
        entries(FOUND, MCP_TOOLS_MISSINGTOOL_TIMEOUT="5")


def test_a_program_that_was_passed_over_leaves_its_reason() -> None:
    made = entries()
    assert (made["MtrTool"].path, made["MtrTool"].unusable) == (None, "/usr/bin/mtr: set-uid")
    assert (made["PingTool"].path, made["PingTool"].unusable) == (None, "")


def test_a_pinned_path_is_used_instead_of_the_search() -> None:
    made = entries(MCP_TOOLS_PINGTOOL_PATH="/opt/acme/ping")["PingTool"]
    assert (made.path, made.terms.program) == ("/opt/acme/ping", "/opt/acme/ping")
    assert made.terms.program_sha256 == ""


def test_a_pinned_digest_goes_with_every_plan() -> None:
    made = entries(MCP_TOOLS_NMAPTOOL_SHA256=PINNED.upper())["NmapTool"]
    assert (made.available, made.terms.program_sha256) == (True, PINNED)


def test_a_program_with_another_digest_is_not_available() -> None:
    made = entries(MCP_TOOLS_NMAPTOOL_SHA256="cd" * 32)["NmapTool"]
    assert (made.path, made.unusable) == (None, "/usr/bin/nmap: another digest")


@pytest.mark.parametrize(
    "path", ["nmap", "./nmap", "/", "/usr/../bin/nmap", "/usr//bin/nmap", "/x/"]
)
def test_a_path_that_can_be_read_in_two_ways_stops_the_start(path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load({"MCP_TOOLS_NMAPTOOL_PATH": path})
    assert caught.value.problems[0].key == "tools.NMAPTOOL.path"


@pytest.mark.parametrize("text", ["0" * 63, "g" * 64, "sha256:" + "0" * 64])
def test_what_is_no_digest_stops_the_start(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load({"MCP_TOOLS_NMAPTOOL_SHA256": text})
    assert caught.value.problems[0].key == "tools.NMAPTOOL.sha256"
