"""How calls and servers over stdio end: cancelled, abandoned, told to stop; nothing stays behind."""

import json
import signal
import time

import pytest

from .mcp_raw_client import HANDSHAKE, MODERN, RawClient, programs_with, raw_client

both_eras = pytest.mark.parametrize("era", [HANDSHAKE, MODERN])
SLEEPER = "10.55.66.77"


def mark_of(target: str) -> str:
    """The digits that the descendants of a SleepTool carry in their command lines."""
    a, b, c, d = map(int, target.split("."))
    return f"{((a * 256 + b) * 256 + c) * 256 + d:d}"[-6:]


@both_eras
def test_a_cancelled_call_leaves_nothing_running_and_is_not_answered(era: str) -> None:
    with raw_client(era) as client:
        request_id = client.ask_tool("SleepTool", SLEEPER)
        client.wait_for_start(request_id)
        assert len(programs_with(mark_of(SLEEPER))) >= 2
        begun = client.ask_tool("FailTool")
        client.send(
            {
                "jsonrpc": "2.0",
                "method": "notifications/cancelled",
                "params": {"requestId": request_id, "reason": "enough"},
            }
        )
        client.answer(begun)
        wait_until_gone()
        client.call_method("tools/list")
        client.end()
        assert client.read_to_end() == {}


def wait_until_gone() -> None:
    """Wait, 2 s at the most, until no process of a SleepTool is left."""
    # Nobody tells a third party that a process is gone: all it can do is look again.
    deadline_s = time.monotonic() + 2
    while programs_with(mark_of(SLEEPER)):
        assert time.monotonic() < deadline_s, programs_with(mark_of(SLEEPER))
        time.sleep(0.02)


@both_eras
@pytest.mark.parametrize(("how", "status"), [(None, 0), (signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_the_end_leaves_nothing_running(era: str, how: signal.Signals | None, status: int) -> None:
    with raw_client(era) as client:
        calls = [client.ask_tool("SleepTool", SLEEPER) for _ in range(3)]
        for request_id in calls:
            client.wait_for_start(request_id)
        ended = client.end(how)
        assert programs_with(mark_of(SLEEPER)) == []
        assert ended[0] == status
        assert ended[1] < 2.0
        answers = client.read_to_end()
        if how is None:
            assert answers == {}
        else:
            for request_id in calls:
                content = answers[request_id]["result"]["structuredContent"]
                assert content["status"] == "cancelled"


@both_eras
def test_requests_piped_in_are_answered_although_stdin_ends_at_once(era: str) -> None:
    client = RawClient(era)
    frames = (
        []
        if era == MODERN
        else [
            client.frame(
                "initialize",
                {
                    "protocolVersion": era,
                    "capabilities": {},
                    "clientInfo": {"name": "raw", "version": "0"},
                },
            )
        ]
    )
    frames.append(client.frame("tools/list"))
    client.send_bytes(b"\n".join(json.dumps(frame).encode() for frame in frames))
    assert client.process.stdin is not None
    client.process.stdin.close()
    assert client.process.stdout is not None
    assert len(client.read_to_end()) == len(frames)
    assert client.process.wait(5) == 0
    client.close()
