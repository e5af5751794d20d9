"""YAML that PyYAML itself trips over is a clear error, like any other that can't be read."""

import pytest

from netsonde.bootstrap.settings_yaml import decode


@pytest.mark.parametrize(
    "text", ["security: !!bool maybe", "x: !!timestamp 99999-01-01", "x: [1", "x: 1\nx: 2"]
)
def test_a_document_that_can_not_be_read_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(text)
