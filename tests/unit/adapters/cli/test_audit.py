"""`netsonde audit`: what it prints of a real record, and its exit statuses."""

import asyncio
import json
from pathlib import Path

import apsw
import pytest
from click.testing import Result

from netsonde.adapters.cli.audit import escaped, line
from netsonde.domain.audit import Denied, Reloaded, ServiceStarted, ServiceStopped, Switched
from netsonde.domain.errors import ErrorType, ToolError
from netsonde.domain.execution import Happening, Progressed, Recorded, Requested, Status
from tests.contract.recordings import event, finished, life, opened
from tests.unit.adapters.cli.world import World

ERROR = ToolError(
    error_type=ErrorType.POLICY_DENIED,
    message="Refused (target.public): no.",
    recovery_suggestion="",
    metadata={"rule": "target.public"},
)
EVENTS = (
    event("", ServiceStarted(version="1.0", transport="http")),
    *life("a", "ann", stdout="secret of the network", returncode=0),
    event("b", Requested(tool="NmapTool", target="8.8.8.8", extra_args="-p 80", caller="bob")),
    finished("b", status=Status.REFUSED, error=ERROR),
    event("", Denied(caller="bob", address="::1", action="GET /config", rule="access.scope")),
    event("", Switched(tool="NmapTool", enabled=False, caller="ops")),
    event("", Reloaded(changed=("rate_limit",))),
    event("", ServiceStopped(reason="SIGTERM")),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    record = opened(tmp_path)
    for one in EVENTS:
        record.append(one)
    asyncio.run(record.settle())
    record.close()
    return tmp_path


def audit(folder: Path, *words: str) -> Result:
    return World().call("audit", *words, "--state-dir", str(folder))


def test_a_whole_record_verifies_with_0_and_gives_its_head(folder: Path) -> None:
    result = audit(folder, "verify", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 0
    assert (found["intact"], found["records"], found["first"], found["last"]) == (True, 11, 1, 11)
    assert found["from"] == found["to"] == "2027-01-15T08:00:00.000Z"
    again = audit(folder, "verify", "--head", found["head"])
    assert again.exit_code == 0 and found["head"] in again.stdout


def test_an_altered_record_verifies_with_1_and_the_first_bad_number(folder: Path) -> None:
    connection = apsw.Connection(str(folder / "record.db"))
    connection.execute("DELETE FROM events WHERE number = 7")
    connection.close()
    result = audit(folder, "verify", "--json")
    assert result.exit_code == 1
    problem = json.loads(result.stdout)["problem"]
    assert (problem["code"], problem["number"]) == ("missing", 7)
    told = audit(folder, "verify")
    assert told.exit_code == 1 and "NOT WHOLE (missing at 7)" in told.stdout


def test_a_head_that_is_not_in_the_chain_verifies_with_1(folder: Path) -> None:
    assert audit(folder, "verify", "--head", "12:" + "0" * 64).exit_code == 1
    assert audit(folder, "verify", "--head", "5:" + "0" * 64).exit_code == 1


@pytest.mark.parametrize("head", ["", "12", "12:abc", "x:" + "0" * 64, "1:" + "g" * 64])
def test_a_head_that_is_none_is_a_usage_error(folder: Path, head: str) -> None:
    assert audit(folder, "verify", "--head", head).exit_code == 2


@pytest.mark.parametrize("command", ["verify", "show"])
def test_without_a_record_it_ends_with_2(tmp_path: Path, command: str) -> None:
    for words in ((), ("--json",)):
        result = audit(tmp_path / "nowhere", command, *words)
        assert result.exit_code == 2
        assert result.stdout == ""


def test_an_empty_record_is_whole(tmp_path: Path) -> None:
    opened(tmp_path).close()
    assert audit(tmp_path, "verify").exit_code == 0
    assert audit(tmp_path, "show").stdout == ""


def test_show_tells_who_asked_what_was_decided_what_ran_and_how_it_ended(folder: Path) -> None:
    result = audit(folder, "show")
    assert result.exit_code == 0
    lines = [row.split(" ", 2)[2] for row in result.stdout.splitlines()]
    assert lines == [
        "- service-started 1.0 http",
        "a asked ann PingTool 10.0.0.1",
        "a allowed /usr/bin/ping -c 1 10.0.0.1",
        "a started",
        "a success after 0 s status 0",
        "b asked bob NmapTool 8.8.8.8 -- -p 80",
        "b refused rule=target.public Refused (target.public): no.",
        "- denied bob ::1 rule=access.scope GET /config",
        "- disabled ops NmapTool",
        "- reloaded rate_limit",
        "- service-stopped SIGTERM",
    ]


def test_show_begins_where_it_is_told_to_and_stops_at_the_limit(folder: Path) -> None:
    def numbers(*words: str) -> list[int]:
        rows = audit(folder, "show", "--json", *words).stdout.splitlines()
        return [json.loads(row)["number"] for row in rows]

    assert numbers() == list(range(1, 12))
    assert numbers("--limit", "3") == [9, 10, 11]
    assert numbers("--since", "2", "--limit", "3") == [3, 4, 5]
    assert numbers("--since", "11") == []


def test_what_a_terminal_would_obey_is_escaped() -> None:
    hostile = "\x1b[2J\r\n\x9b\u202e\u2028\ud800 é"
    asked = Requested(tool="PingTool", target=hostile, caller="ops")
    text = line(Recorded(1, event("a", asked, at_s=float("inf"))))
    assert text.isprintable()
    assert text.endswith("\\x1b[2J\\r\\n\\x9b\\u202e\\u2028\\ud800 é")
    assert escaped("plain é 漢") == "plain é 漢"


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (Progressed(12.34), "progress 12.3%"),
        (Reloaded(problems=("no such key",)), "reloaded nothing problem: no such key"),
        (Reloaded(changed=("a.b",), waiting=("c", "d")), "reloaded a.b waiting for a restart: c,d"),
        (
            Requested(tool="PingTool", target="x", profile="quick", options='{"count":1}'),
            'asked - PingTool x profile=quick options={"count":1}',
        ),
        (
            Denied(caller="", address="", action="execute x", rule="rate.refused", count=7),
            "denied - - rule=rate.refused execute x and 6 more like it",
        ),
    ],
)
def test_each_kind_of_event_is_told_in_words(what: Happening, words: str) -> None:
    assert line(Recorded(1, event("", what))).endswith(f" - {words}")
