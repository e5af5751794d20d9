"""The five tools from request to answer, in the lab: real programs, real hosts, the shapes of the contract."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from netsonde.application.progress import Progress
from netsonde.domain.errors import ErrorType
from netsonde.domain.execution import Status, ToolOutput
from netsonde.domain.policy import Policy
from netsonde.domain.tool import Tool
from netsonde.domain.tools import TOOLS
from tests.contract import option_samples
from tests.contract.lab import hosts
from tests.contract.lab.access import Lab
from tests.contract.lab.capture import Capture
from tests.contract.lab_product import WITH_IPV6, product, sent_beyond

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]

# The members that the contract fixes; there may be more.
PING = {
    "sent",
    "received",
    "loss_percent",
    "duplicates",
    "rtt_min_ms",
    "rtt_avg_ms",
    "rtt_max_ms",
    "rtt_mdev_ms",
    "replies",
}
PROBE = {"address", "hostname", "rtt_ms", "annotation"}
MTR_HOP = {
    "ttl",
    "address",
    "loss_percent",
    "sent",
    "last_ms",
    "avg_ms",
    "best_ms",
    "worst_ms",
    "stdev_ms",
}
DIG = {"status", "flags", "answers", "authority", "additional", "server", "query_time_ms"}
NMAP_HOST = {"address", "hostname", "state", "reason", "mac", "latency_ms", "ports", "os", "trace"}
NMAP_PORT = {"port", "protocol", "state", "reason", "service", "product", "version", "scripts"}


def call(
    tool: str, target: str, extra_args: str = "", *, policy: Policy | None = None, **more: Any
) -> ToolOutput:
    async def run() -> ToolOutput:
        members = {"target": target, "extra_args": extra_args, **more}
        return await product(policy).execute(tool, members)

    return asyncio.run(run())


def result_of(output: ToolOutput, status: Status = Status.SUCCESS) -> dict[str, Any]:
    assert output.status is status, output
    assert output.result is not None
    return output.result


def rule_of(output: ToolOutput) -> str:
    assert output.status is Status.REFUSED
    assert output.error is not None
    rule: str = output.error.metadata["rule"]
    return rule


# --- ping -------------------------------------------------------------------------------------------


def test_ping_tells_that_a_host_answers_and_how_fast(lab: Lab) -> None:
    output = call("PingTool", "web.lab.internal", "-c 3 -i 0.2")
    result = result_of(output)
    assert result.keys() >= PING
    assert (result["sent"], result["received"], result["loss_percent"]) == (3, 3, 0)
    assert 0 < result["rtt_min_ms"] <= result["rtt_avg_ms"] <= result["rtt_max_ms"] < 1000
    assert [(reply["seq"], reply["ttl"]) for reply in result["replies"]] == [
        (1, 62),
        (2, 62),
        (3, 62),
    ]
    assert output.addresses == (lab.web,)
    assert output.command[-2:] == ("--", lab.web)
    assert output.returncode == 0
    assert output.error is None
    assert output.stdout_bytes == len(output.stdout)
    assert output.started_at < output.finished_at


def test_ping_tells_how_much_is_lost(lab: Lab) -> None:
    result = result_of(call("PingTool", lab.lossy, "-c 10 -i 0.2 -W 0.5"))
    assert (result["sent"], result["received"], result["loss_percent"]) == (10, 7, 30)
    assert len(result["replies"]) == 7


def test_ping_of_a_dark_address_fails_with_total_loss_and_who_said_so(lab: Lab) -> None:
    output = call("PingTool", lab.dark, "-c 1 -W 1")
    result = result_of(output, Status.FAILED)
    assert (result["received"], result["loss_percent"], result["rtt_avg_ms"]) == (0, 100, None)
    assert result["errors"][0]["from"] == lab.r2
    assert output.returncode == 1
    assert output.error is not None
    assert output.error.error_type is ErrorType.EXECUTION_ERROR


def test_ping_of_a_silent_address_fails_with_total_loss(lab: Lab) -> None:
    result = result_of(call("PingTool", lab.silent, "-c 1 -W 0.3"), Status.FAILED)
    assert (result["loss_percent"], result["replies"], result["errors"]) == (100, [], [])


def test_ping_speaks_ipv6_where_the_operator_allows_it(lab: Lab) -> None:
    output = call("PingTool", "v6.lab.internal", "-c 1", policy=WITH_IPV6)
    assert result_of(output)["received"] == 1
    assert output.addresses == (lab.web6,)


# --- traceroute, mtr --------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["", "-I", "-T -p 80"])
def test_traceroute_sees_two_routers_and_the_host(method: str, lab: Lab) -> None:
    result = result_of(call("TracertTool", "web.lab.internal", method))
    assert result["reached"] is True
    hops = result["hops"]
    assert [hop["ttl"] for hop in hops] == [1, 2, 3]
    assert [{probe["address"] for probe in hop["probes"]} - {None} for hop in hops] == [
        {lab.r1},
        {lab.r2},
        {lab.web},
    ]
    assert all(probe.keys() >= PROBE for hop in hops for probe in hop["probes"])


def test_traceroute_to_a_silent_address_does_not_reach_it(lab: Lab) -> None:
    result = result_of(call("TracertTool", lab.silent, "-m 4 -q 1 -w 0.3"))
    assert result["reached"] is False
    assert [hop["probes"][0]["address"] for hop in result["hops"]] == [lab.r1, lab.r2, None, None]


def test_traceroute_names_the_hops_when_numeric_is_declined(lab: Lab) -> None:
    output = call("TracertTool", lab.web, "-q 1", options={"numeric": False})
    names = [hop["probes"][0]["hostname"] for hop in result_of(output)["hops"]]
    assert names == ["r1.lab.internal", "r2.lab.internal", "web.lab.internal"]


def test_mtr_tells_loss_and_delay_of_every_hop(lab: Lab) -> None:
    output = call("MtrTool", "web.lab.internal", "-c 2 -i 0.2 -G 0.2")
    hops = result_of(output)["hops"]
    assert "--json" in output.command
    assert [(hop["ttl"], hop["address"]) for hop in hops] == [
        (1, lab.r1),
        (2, lab.r2),
        (3, lab.web),
    ]
    assert all(hop.keys() >= MTR_HOP for hop in hops)
    assert {(hop["sent"], hop["loss_percent"]) for hop in hops} == {(2, 0)}


# --- nmap -------------------------------------------------------------------------------------------


def states(result: dict[str, Any]) -> dict[int, str]:
    (host,) = result["hosts"]
    return {port["port"]: port["state"] for port in host["ports"]}


def test_nmap_tells_open_closed_and_filtered_ports(lab: Lab) -> None:
    output = call("NmapTool", "web.lab.internal", "-p 22,80,81,443,9999 --max-retries 0")
    result = result_of(output)
    (host,) = result["hosts"]
    assert host.keys() >= NMAP_HOST
    assert (host["address"], host["state"]) == (lab.web, "up")
    assert all(port.keys() >= NMAP_PORT for port in host["ports"])
    assert states(result) == {
        **dict.fromkeys(lab.open_ports, "open"),
        lab.closed_port: "closed",
        lab.filtered_port: "filtered",
    }
    assert result["stats"]["up"] == 1
    assert "PORT" in output.stdout  # the text that a person knows, not XML
    assert output.addresses == (lab.web,)


def test_a_server_without_raw_sockets_scans_by_connecting_and_says_so(lab: Lab) -> None:
    async def scan() -> ToolOutput:
        members = {"target": lab.web, "extra_args": "-p 22,81"}
        return await product(capable=False).execute("NmapTool", members)

    output = asyncio.run(scan())
    result = result_of(output)
    assert {"-sT", "--unprivileged"} <= set(output.command)
    assert states(result) == {22: "open", 81: "closed"}
    assert len(result["notes"]) == 1


@pytest.fixture
def known_server() -> Iterator[int]:
    """The port of a server that nmap knows by name, on the web host."""
    with subprocess.Popen(
        [*hosts.on_host("web"), sys.executable, "-u", "-m", "http.server", "8000"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/run/lab",
    ) as server:
        assert server.stdout is not None
        assert b"8000" in server.stdout.readline()
        yield 8000
        server.kill()


def test_nmap_tells_the_version_of_an_http_server(lab: Lab, known_server: int) -> None:
    output = call("NmapTool", lab.web, f"-p {known_server} -sV --version-intensity 1")
    (port,) = result_of(output)["hosts"][0]["ports"]
    assert (port["service"], port["product"], port["version"]) == (
        "http",
        "SimpleHTTPServer",
        "0.6",
    )


def test_nmap_runs_a_script_and_gives_its_output(lab: Lab) -> None:
    output = call("NmapTool", lab.web, "-p 80 --script http-title")
    (port,) = result_of(output)["hosts"][0]["ports"]
    (script,) = port["scripts"]
    assert "netsonde lab" in str(script)


def test_the_profile_discovery_finds_the_hosts_of_a_network(lab: Lab) -> None:
    output = call("NmapTool", "10.77.2.0/27", profile="discovery")
    result = result_of(output)
    up = {host["address"] for host in result["hosts"] if host["state"] == "up"}
    assert up == {"10.77.2.1", lab.web, lab.lossy}
    assert result["stats"]["total"] == 32
    assert output.addresses == ("10.77.2.0/27",)


def test_a_large_network_is_refused_and_the_suggestion_can_be_planned(lab: Lab) -> None:
    async def ask() -> None:
        run = product()
        refused = (await run.execute("NmapTool", {"target": lab.network})).error
        assert refused is not None
        assert refused.metadata["rule"] == "target.too_large"
        assert refused.metadata["suggestion"]["target"] == "10.77.0.0/22"
        answer = await run.plan("NmapTool", refused.metadata["suggestion"])
        assert (answer.verdict, answer.host_count) == ("allowed", 1024)

    with Capture("eth0") as capture:
        asyncio.run(ask())
    assert sent_beyond(capture) == set()


def test_a_long_scan_tells_progress_and_keeps_what_it_found_at_its_time_limit(lab: Lab) -> None:
    seen: list[Progress] = []

    async def scan() -> ToolOutput:
        members = {
            "target": lab.web,
            "extra_args": "-p 1-3000 --scan-delay 100ms --host-timeout 60s",
            "timeout_sec": 3,
        }
        return await product().execute("NmapTool", members, on_progress=seen.append)

    output = asyncio.run(scan())
    result = result_of(output, Status.TIMEOUT)
    assert result["partial"] is True
    assert [host["address"] for host in result["hosts"]] == [lab.web]
    assert output.error is not None
    assert output.error.error_type is ErrorType.TIMEOUT
    assert 3 <= output.duration_sec < 5
    assert any(progress.said for progress in seen)
    percents = [progress.percent for progress in seen]
    assert percents == sorted(percents)


# --- dig --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "extra_args", "data"),
    [
        ("web.lab.internal", "", ["10.77.2.10"]),
        ("multi.lab.internal", "A", ["10.77.2.10", "10.77.2.20"]),
        ("cname.lab.internal", "", ["web.lab.internal.", "10.77.2.10"]),
        ("v6.lab.internal", "-t AAAA", ["fd77:2::10"]),
        ("10.77.2.10", "", ["web.lab.internal."]),
        ("10.77.2.10", "-x 10.77.2.10", ["web.lab.internal."]),
        ("web.lab.internal", "@10.0.0.53", ["10.77.2.10"]),
        ("many.lab.internal", "+tcp", [f"10.77.{100 + n // 256}.{n % 256}" for n in range(1, 301)]),
    ],
)
def test_dig_answers(target: str, extra_args: str, data: list[str]) -> None:
    result = result_of(call("DigTool", target, extra_args))
    assert result.keys() >= DIG
    assert result["status"] == "NOERROR"
    assert [answer["data"] for answer in result["answers"]] == data


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("MX", "10 mail.lab.internal."),
        ("TXT", '"v=spf1 -all"'),
        ("NS", "dns.lab.internal."),
        ("CAA", '0 issue "ca.lab.internal"'),
        ("SOA", "dns.lab.internal. hostmaster.lab.internal. 1 3600 600 86400 60"),
    ],
)
def test_dig_answers_for_the_type(kind: str, data: str) -> None:
    policy = Policy(allowed_suffixes=("lab.internal", ".lab.internal"))
    output = call("DigTool", "lab.internal", kind, policy=policy)
    (answer,) = result_of(output)["answers"]
    assert (answer["type"], answer["data"]) == (kind, data)
    assert answer.keys() >= {"name", "ttl"}


def test_dig_asks_the_server_that_was_named_and_no_other(lab: Lab) -> None:
    with Capture("eth0") as capture:
        output = call("DigTool", "web.lab.internal", f"@{lab.target}")
    assert result_of(output)["server"] == lab.target
    assert output.addresses == (lab.target,)
    assert sent_beyond(capture, lab.target) == set()


def test_dig_tells_that_a_name_does_not_exist() -> None:
    result = result_of(call("DigTool", "missing.lab.internal"))
    assert (result["status"], result["answers"]) == ("NXDOMAIN", [])
    assert result["authority"][0]["type"] == "SOA"


def test_dig_fails_when_the_server_is_silent() -> None:
    output = call("DigTool", "slow.lab.internal", "+time=1 +tries=1")
    assert output.status is Status.FAILED
    assert output.returncode == 9


# --- names ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["web", "WEB", "multi", "cname"])
def test_a_name_is_resolved_by_us_and_the_program_gets_the_address(name: str, lab: Lab) -> None:
    before = len(lab.queries())
    output = call("ping", f"{name}.lab.internal", "-c 1")
    assert result_of(output)["received"] == 1
    assert output.addresses == (lab.web,)
    assert not any("lab.internal" in word.lower() for word in output.command)
    # One question for each kind of address, and what an alias leads to; none by the program.
    kinds = [query.type for query in lab.queries(since=before)]
    assert sorted(set(kinds)) == ["A", "AAAA"]
    assert kinds.count("A") == 1


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("pub", "target.rebinding"),
        ("meta", "target.rebinding"),
        ("mixed", "target.rebinding"),
        ("cname-out", "target.rebinding"),
        ("missing", "target.unresolved"),
        ("empty", "target.unresolved"),
        ("servfail", "target.unresolved"),
        ("slow", "target.unresolved"),
        ("many", "target.unresolved"),
    ],
)
def test_a_name_without_an_address_that_may_be_is_refused(name: str, rule: str, lab: Lab) -> None:
    with Capture("eth0") as capture:
        output = call("ping", f"{name}.lab.internal", "-c 1")
    assert rule_of(output) == rule
    assert output.command == ()
    assert sent_beyond(capture, lab.dns) == set()


# --- time limits, typed options ---------------------------------------------------------------------


def test_ping_at_its_time_limit_keeps_the_replies_that_came(lab: Lab) -> None:
    result = result_of(call("PingTool", lab.web, "-c 50 -i 0.2", timeout_sec=1), Status.TIMEOUT)
    assert result["partial"] is True
    assert 3 <= len(result["replies"]) <= 6


def test_traceroute_at_its_time_limit_keeps_the_hops_that_came(lab: Lab) -> None:
    output = call("TracertTool", lab.silent, "-w 2 -q 1", timeout_sec=1)
    result = result_of(output, Status.TIMEOUT)
    assert result["partial"] is True
    assert [hop["probes"][0]["address"] for hop in result["hops"][:2]] == [lab.r1, lab.r2]


@pytest.mark.parametrize("tool", [kind() for kind in TOOLS], ids=lambda tool: tool.name)
def test_typed_options_give_the_same_command_as_the_same_options_in_words(tool: Tool) -> None:
    policy = msgspec.structs.replace(WITH_IPV6, allow_intrusive=True, max_args_len=16_384)

    async def compare() -> int:
        run, compared = product(policy), 0
        for row in option_samples.rows(tool):
            if not row.key:
                continue
            target = "fd77::1" if row.family == 6 else "10.77.2.10"
            for value in option_samples.values(row):
                words = option_samples.text_of([tool.grammar.given(row, value)])
                in_words = await run.plan(tool.name, {"target": target, "extra_args": words})
                typed: Any = value or True
                if row.kind and "integer" in row.kind.json_type and value.isdecimal():
                    typed = int(value)
                as_types = await run.plan(
                    tool.name, {"target": target, "options": {row.key: typed}}
                )
                assert as_types.command == in_words.command, words
                assert as_types.verdict == in_words.verdict, words
                compared += 1
        return compared

    assert asyncio.run(compare()) >= 40


def test_typed_options_give_the_same_result(lab: Lab) -> None:
    in_words = call("nmap", lab.web, "-p 22,81 -sT --reason")
    options = {"ports": "22,81", "connect_scan": True, "reason": True}
    as_types = call("nmap", lab.web, options=options)
    assert as_types.command == in_words.command
    assert states(result_of(as_types)) == states(result_of(in_words)) == {22: "open", 81: "closed"}
