"""The systemd unit and nginx's configuration. `make deploy-check` asks systemd and nginx themselves."""

import configparser
import re

from tests.unit.deploy.tree import read, settings_of


def unit(name: str = "netsonde.service") -> dict[str, list[str]]:
    """The directives of [Service] with all their values."""
    found: dict[str, list[str]] = {}
    section = read(f"systemd/{name}").split("[Service]")[1].split("[Install]")[0]
    for line in section.splitlines():
        if line and not line.startswith("#"):
            name, value = line.split("=", 1)
            found.setdefault(name, []).append(value)
    return found


def test_the_unit_gives_one_capability_and_no_second_user() -> None:
    assert unit()["AmbientCapabilities"] == unit()["CapabilityBoundingSet"] == ["CAP_NET_RAW"]
    assert unit()["NoNewPrivileges"] == ["yes"]
    assert "AF_PACKET" in unit()["RestrictAddressFamilies"][0].split()
    (user,) = unit()["User"]
    assert f"\nu {user} " in read("systemd/netsonde.sysusers")


def test_the_drop_in_gives_what_the_egress_guard_needs_and_then_insists_on_it() -> None:
    more = unit("egress.conf")
    capabilities = ["CAP_NET_ADMIN CAP_SETGID"]
    assert more["AmbientCapabilities"] == more["CapabilityBoundingSet"] == capabilities
    (word,) = more["Environment"]
    assert settings_of(dict([word.split("=", 1)])).settings.sandbox.egress == "require"


def test_netsonde_takes_the_settings_of_the_unit_and_has_the_time_to_end() -> None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    parser.read_string("[x]\n" + read("systemd/netsonde.env"))
    environment = dict(word.split("=", 1) for word in unit()["Environment"][0].split())
    ours = {name: text for name, text in environment.items() if name.startswith("MCP_")}
    settings = settings_of({**parser["x"], **ours}).settings
    assert settings.server.shutdown_grace + 3 < float(unit()["TimeoutStopSec"][0])
    networks = unit()["IPAddressAllow"][0].split()
    assert networks == ["localhost", *settings.security.allowed_networks]


def locations() -> dict[str, str]:
    conf = re.sub(r"#.*", "", read("nginx/netsonde.conf"))
    return {match[1]: match[2] for match in re.finditer(r"location ([^{]+?) \{([^}]*)\}", conf)}


def test_nginx_passes_streams_on_as_they_come() -> None:
    for stream in ("~ ^/events/?$", "~ ^/mcp/?$"):
        assert "proxy_buffering off;" in locations()[stream]
        assert "proxy_read_timeout 1h;" in locations()[stream]


def test_nginx_waits_longer_than_a_call_may_take_and_bounds_bodies_as_netsonde_does() -> None:
    conf = read("nginx/netsonde.conf")
    (timeout,) = set(re.findall(r"^ {4}proxy_read_timeout (\d+)s;", conf, re.M))
    assert int(timeout) > settings_of({}).settings.tool.default_timeout
    assert "client_max_body_size 64k;" in conf
    assert "X-Forwarded-For $remote_addr;" in conf
