"""The reference page."""

from netsonde.bootstrap.settings_reference import reference
from netsonde.bootstrap.settings_table import general_rows, tool_rows


def test_every_setting_is_on_the_page_with_its_variable() -> None:
    page = reference()
    for row in (*general_rows(), *tool_rows()):
        assert f"| `{row.key}` | `{row.variable}` |" in page


def test_the_page_tells_defaults_and_ranges() -> None:
    page = reference()
    assert "| 300 | seconds an execution may take" in page
    assert "(1 to 3,600)" in page
    assert "| 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 |" in page


def test_the_page_is_the_same_each_time() -> None:
    assert reference() == reference()
