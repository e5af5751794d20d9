"""YAML that PyYAML itself trips over is a clear error, like any other that can't be read."""

import time

import pytest

from netsonde.bootstrap.settings_yaml import decode


@pytest.mark.parametrize(
    "text",
    [
        "x: !!float ''",
        "x: !!int ''",
        "x: !!timestamp ''",
        "x: !!binary é",
        "security: !!bool maybe",
        "x: !!timestamp 99999-01-01",
        "x: [1",
        "x: 1\nx: 2",
    ],
)
def test_a_document_that_can_not_be_read_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(text)


@pytest.mark.parametrize(
    "text",
    [
        "x: 0x" + "f" * 5000,
        "x: 1" + ":59" * 300_000,
        "x: 1" + ":59" * 300 + ".5",
        "a0: &a0 {k: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 60)),
        "a: &a {k: 1}\nb: {<<: [" + "*a, " * 50_000 + "]}",
    ],
    ids=["digits", "base 60", "fraction of base 60", "merged in merged", "many merged"],
)  # fmt: skip
def test_what_would_take_pyyaml_very_long_is_refused_at_once(text: str) -> None:
    started_s = time.process_time()
    with pytest.raises(ValueError, match="too"):
        decode(text)
    assert time.process_time() - started_s < 5  # far less, but for the machine's other work


def test_tables_may_be_merged_within_reason() -> None:
    text = "a: &a {k: 1}\nb: &b {<<: *a, l: 2}\nc: {<<: [*b, *a], k: 3}"
    assert decode(text)["c"] == {"k": 3, "l": 2}
    assert decode("x: 8080\ny: 1.5\nz: 0x1F")["z"] == 31
