"""The version is one."""

from importlib import metadata

from netsonde.bootstrap.version import VERSION


def test_the_literal_is_the_packages_version() -> None:
    assert metadata.version("netsonde") == VERSION
