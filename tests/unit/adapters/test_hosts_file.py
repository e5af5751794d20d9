"""Tables of hosts."""

import asyncio
import os
from ipaddress import ip_address
from pathlib import Path

from netsonde.adapters.hosts_file import HostsResolver, SystemHosts, parse_hosts
from netsonde.domain.terms import Resolved, Unresolved

TEXT = """
# a remark
10.0.0.1  one.lab.internal One  # another
10.0.0.2 one.lab.internal
fd00::1\tone.lab.internal.
10.0.0.1 one.lab.internal
not-an-address two.lab.internal
999.0.0.1 two.lab.internal
10.0.0.3
"""


def test_names_gather_their_addresses_once_each_in_order() -> None:
    names = parse_hosts(TEXT)
    assert list(map(str, names["one.lab.internal"])) == ["10.0.0.1", "10.0.0.2", "fd00::1"]
    assert list(map(str, names["one"])) == ["10.0.0.1"]


def test_lines_that_cannot_be_read_are_passed_over() -> None:
    assert "two.lab.internal" not in parse_hosts(TEXT)


def test_a_table_answers_in_any_case_and_without_a_loop() -> None:
    hosts = HostsResolver(TEXT)
    assert hosts.look_up("ONE.") == Resolved((ip_address("10.0.0.1"),))
    assert asyncio.run(hosts.resolve("one")) == hosts.look_up("one")
    assert isinstance(hosts.look_up("three"), Unresolved)


def test_the_systems_file_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text("10.0.0.1 a\n")
    hosts = SystemHosts(str(path))
    assert list(map(str, hosts.addresses("a"))) == ["10.0.0.1"]
    path.write_text("10.0.0.22 a\n")
    os.utime(path, ns=(1, 1))
    assert list(map(str, hosts.addresses("a"))) == ["10.0.0.22"]


def test_a_missing_file_has_no_names(tmp_path: Path) -> None:
    assert SystemHosts(str(tmp_path / "none")).addresses("a") == ()


def test_a_name_with_very_many_addresses_is_read_in_no_time() -> None:
    lines = (f"10.{number >> 8 & 255}.{number & 255}.{number >> 16} x" for number in range(60_000))
    assert len(parse_hosts("\n".join(lines))["x"]) == 60_000
