"""What the product remembers: executions and events across restarts, and a disk that is full."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from tests.contract.drivers import wait_for
from tests.contract.drivers.server import http_server
from tests.contract.mcp_raw_client import programs_with
from tests.contract.service import QUICK, TARGET, client, events, lasting, recorded, rule_of

pytestmark = pytest.mark.lab


def quick(one: httpx.Client) -> str:
    """Run QuickTool; the execution's id."""
    answer = one.post("/tools/QuickTool/execute", json=TARGET).json()
    assert answer["status"] == "success", answer
    return str(answer["execution_id"])


def listed(one: httpx.Client, limit: int) -> list[str]:
    """The ids of every execution, page by page."""
    found: list[str] = []
    query = f"?limit={limit}"
    while True:
        page = one.get(f"/executions{query}").json()
        assert len(page["executions"]) <= limit
        found += [execution["execution_id"] for execution in page["executions"]]
        if page["next_cursor"] is None:
            return found
        query = f"?limit={limit}&cursor={page['next_cursor']}"


def test_executions_are_the_same_after_a_restart_and_come_in_pages(tmp_path: Path) -> None:
    with http_server(tmp_path, **QUICK) as server, client(server) as one:
        ids = [quick(one) for _ in range(5)]
        ids.append(
            one.post("/tools/QuickTool/execute", json={"target": "::1"}).json()["execution_id"]
        )
        before = [one.get(f"/executions/{each}").json() for each in ids]
        assert listed(one, 2) == ids[::-1]
        assert server.end() == 0
    with http_server(tmp_path, **QUICK) as server, client(server) as one:
        assert listed(one, 4) == ids[::-1]
        assert [one.get(f"/executions/{each}").json() for each in ids] == before
        newer = quick(one)
        assert listed(one, 100) == [newer, *ids[::-1]]
        assert one.get("/executions/none-such").status_code == 404
        assert one.get("/executions?cursor=x").status_code == 422
    assert [step["event"] for step in before[0]["events"]] == [
        *("requested", "planned", "started", "finished")
    ]
    assert before[-1]["error"]["metadata"]["rule"].startswith("target.")


def test_delete_ends_an_execution_and_its_caller_is_told(tmp_path: Path) -> None:
    with (
        http_server(tmp_path, **QUICK) as server,
        client(server) as one,
        client(server) as other,
    ):
        with lasting(one, 51) as call:
            (running,) = other.get("/executions?limit=1").json()["executions"]
            assert running["status"] == "running"
            ended = other.delete(f"/executions/{running['execution_id']}")
            assert (ended.status_code, ended.json()["status"]) == (200, "cancelled")
            assert not programs_with("sleep 3600.000051")
        assert call.answer["status"] == "cancelled"
        again = other.delete(f"/executions/{running['execution_id']}")
        assert (again.status_code, again.json()["status"]) == (200, "cancelled")
        assert other.delete("/executions/none-such").status_code == 404


@pytest.mark.parametrize("crash", [False, True])
def test_events_go_on_across_a_restart_without_gap_or_repetition(
    tmp_path: Path, crash: bool
) -> None:
    def finished(data: dict[str, object], execution_id: str) -> bool:
        return data["execution_id"] == execution_id and data["event"] == "finished"

    seen: list[tuple[str, str]] = []
    with http_server(tmp_path, **QUICK) as server, client(server) as one, client(server) as other:
        with events(one) as stream:
            stream.next("health")
            first = quick(other)
            found = stream.until(lambda data: finished(data, first))
            last = found[2][0]  # the client is cut off before it has read all that it was sent
            seen += [(data["execution_id"], data["event"]) for _, data in found[:3]]
        missed = quick(other)
        if crash:
            server.process.kill()
        else:
            assert server.end() == 0
    with (
        http_server(tmp_path, **QUICK) as server,
        client(server) as one,
        client(server) as other,
        events(one, last) as stream,
    ):
        stream.next("health")
        newest = quick(other)
        found = stream.until(lambda data: finished(data, newest))
    seen += [(data["execution_id"], data["event"]) for _, data in found]
    steps = ("requested", "planned", "started", "finished")
    assert seen == [(each, step) for each in (first, missed, newest) for step in steps]
    numbers = [data["number"] for _, data in found]
    assert numbers == sorted(set(numbers))


def test_two_services_on_one_folder_keep_one_record(tmp_path: Path) -> None:
    with (
        http_server(tmp_path, **QUICK) as left,
        http_server(tmp_path, **QUICK) as right,
        client(left) as one,
        client(right) as other,
    ):
        ids = [quick(each) for each in (one, other, one)]
        assert listed(one, 2) == listed(other, 100) == ids[::-1]
        assert left.end() == right.end() == 0
    assert [what["type"] for what in recorded(tmp_path)].count("ServiceStopped") == 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB, which only this test's world sees."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "small", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_with_a_full_disk_nothing_is_run_until_there_is_room(small_disk: Path) -> None:
    settings = {**QUICK, "MCP_HEALTH_INTERVAL": "1", "MCP_RATE_LIMIT_RATE": "1000"}
    with ExitStack() as stack:
        server = stack.enter_context(http_server(small_disk / "state", **settings))
        one = stack.enter_context(client(server))
        before = quick(one)
        filler = small_disk / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass
        answered = []

        def refused() -> bool:
            answered.append(one.post("/tools/QuickTool/execute", json=TARGET))
            return answered[-1].status_code != 200

        wait_for(refused)
        last = answered[-1]
        assert (last.status_code, rule_of(last)) == (503, "record.unavailable")
        assert int(last.headers["retry-after"]) >= 1
        wait_for(lambda: one.get("/health").status_code == 503)
        checks = {check["name"]: check["status"] for check in one.get("/health").json()["checks"]}
        assert checks["record"] == "unhealthy"
        assert one.get(f"/executions/{before}").status_code == 200

        filler.unlink()
        wait_for(lambda: one.post("/tools/QuickTool/execute", json=TARGET).status_code == 200)
        wait_for(lambda: _record_is_well(one))
        ids = [answer.json()["execution_id"] for answer in answered]
        assert all(one.get(f"/executions/{each}").status_code == 200 for each in ids)
        assert server.end() == 0
    ends = {
        what["output"]["execution_id"]: what["output"]["status"]
        for what in recorded(small_disk / "state", "Finished")
    }
    assert ends[ids[-1]] == "refused"
    assert set(ids) <= set(ends)


def _record_is_well(one: httpx.Client) -> bool:
    checks = one.get("/health").json()["checks"]
    return any(check["name"] == "record" and check["status"] == "healthy" for check in checks)
