"""The licences of what netsonde runs on."""

from email.message import Message
from importlib import metadata

import pytest

from scripts.licences import ACCEPTED_COPYLEFT, licence_of, unwanted
from scripts.lock_file import REQUIREMENTS, read_lock

RUN = [one.name for one in read_lock((REQUIREMENTS / "run.txt").read_text()) if one.applies]


@pytest.mark.parametrize("name", RUN)
def test_every_run_time_dependency_has_a_licence_that_we_may_depend_on(name: str) -> None:
    found = metadata.metadata(name)
    assert isinstance(found, Message)
    licence = licence_of(found)
    assert licence is not None
    assert unwanted(name, licence) == set()


def test_no_licence_is_accepted_for_a_package_that_is_gone() -> None:
    assert set(ACCEPTED_COPYLEFT) <= set(RUN)


@pytest.mark.parametrize(
    ("expression", "left"),
    [
        ("GPL-3.0-or-later", {"GPL-3.0-or-later"}),
        ("MIT AND LGPL-2.1-only", {"LGPL-2.1-only"}),
        ("GPL-2.0-only OR MIT", set()),
        ("Apache-2.0 AND BSD-2-Clause", set()),
        ("MPL-2.0", {"MPL-2.0"}),
    ],
)
def test_copyleft_is_found_unless_there_is_a_choice(expression: str, left: set[str]) -> None:
    assert unwanted("acme", expression) == left


def told(**fields: str) -> Message:
    message = Message()
    for name, text in fields.items():
        message[name.replace("_", "-")] = text
    return message


def test_a_licence_is_read_from_whichever_field_has_it() -> None:
    assert licence_of(told(License_Expression="MIT OR Apache-2.0")) == "MIT OR Apache-2.0"
    assert licence_of(told(License="MIT License")) == "MIT"
    assert licence_of(told(Classifier="License :: OSI Approved :: BSD License")) == "BSD-3-Clause"
    assert licence_of(told(License="do as you like")) is None
    assert licence_of(told()) is None
