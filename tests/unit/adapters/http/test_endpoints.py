"""What each endpoint answers, by the contract's section 5."""

import re

import msgspec
import pytest

from netsonde.adapters.http.endpoints import ENDPOINTS
from netsonde.adapters.http.openapi_texts import TEXTS
from netsonde.adapters.memory import Hangs
from netsonde.application.ports import Ended, HowEnded, LogFailed
from netsonde.domain import bucket
from netsonde.domain.access import Scope
from netsonde.domain.health import CheckResult, HealthStatus, Priority
from tests.unit.adapters.http.site import PING, Site, credential
from tests.unit.application.world import CRASHED, SAID_NO, World

GOOD = {"target": "10.0.0.1"}
EXECUTE = "/tools/PingTool/execute"


def check(name: str, status: HealthStatus, priority: Priority) -> CheckResult:
    return CheckResult(name=name, status=status, priority=priority, message="so", fix="do")


def test_every_endpoint_has_its_text_and_no_text_is_left_over() -> None:
    assert {endpoint.operation for endpoint in ENDPOINTS} == set(TEXTS)


def test_the_overview_names_every_endpoint_that_is_served() -> None:
    overview = Site().get("/").json
    assert (overview["name"], overview["version"]) == ("netsonde", "1.2.3")
    assert "http" in overview["transports"]
    assert (
        overview["endpoints"][EXECUTE.replace("PingTool", "{name}")]["POST"]["scope"] == "execute"
    )
    assert "/mcp" not in overview["endpoints"]


@pytest.mark.parametrize(
    ("found", "status", "word"),
    [
        ((), 200, "healthy"),
        ((check("a", HealthStatus.DEGRADED, Priority.CRITICAL),), 207, "degraded"),
        ((check("a", HealthStatus.UNHEALTHY, Priority.LOW),), 207, "degraded"),
        ((check("a", HealthStatus.UNHEALTHY, Priority.MEDIUM),), 503, "unhealthy"),
    ],
)
def test_health_has_the_status_of_the_worst_check(
    found: tuple[CheckResult, ...], status: int, word: str
) -> None:
    site = Site()
    site.checks = (PING, *found)
    reply = site.get("/health")
    assert (reply.status, reply.json["status"]) == (status, word)
    assert [one["name"] for one in reply.json["checks"]] == ["program.ping", *("a" for _ in found)]
    assert set(reply.json["checks"][0]) == {
        *("name", "status", "priority", "message", "duration_sec", "metadata")
    }
    assert (reply.header("retry-after") is not None) == (status == 503)
    assert ("error" in reply.json) == (status == 503)


def test_uptime_is_counted_from_the_start() -> None:
    site = Site()
    site.world.clock.now_s += 90
    assert site.get("/health").json["uptime_sec"] == 90


def test_details_of_checks_are_for_those_who_may_read() -> None:
    site = Site(tokens=True)
    stranger, reader = (site.get("/health", token=t).json["checks"][0] for t in (None, "reader"))
    assert stranger["metadata"] == {}
    assert reader["metadata"]["version"].startswith("ping from")
    assert site.get("/health", token="guess").json["checks"][0]["metadata"] == {}


def test_readiness_follows_the_service_and_life_does_not() -> None:
    site = Site()
    assert site.get("/health/ready").json == {"status": "ready"}
    site.ready = False
    assert site.get("/health/ready").status == 503
    assert site.get("/health/ready").rule == "service.not_ready"
    assert site.get("/health/live").status == 200


def test_a_tool_is_shown_with_schema_limits_breaker_and_version() -> None:
    site = Site()
    (listed,) = site.get("/tools").json["tools"]
    shown = site.get("/tools/ping").json
    assert shown == listed
    assert shown["name"] == "PingTool"
    assert (shown["enabled"], shown["available"], shown["breaker"]) == (True, True, "closed")
    assert shown["schema"]["required"] == ["target"]
    assert shown["limits"]["max_stdout_bytes"] == 1_048_576
    assert shown["version"] == "ping from iputils 20240117"


def test_the_version_is_null_until_it_is_known() -> None:
    site = Site()
    site.checks = ()
    assert site.get("/tools/PingTool").json["version"] is None


@pytest.mark.parametrize("what", ["", "/plan", "/execute", "/enable", "/disable"])
def test_an_unknown_tool_is_404_everywhere(what: str) -> None:
    reply = Site().ask("POST" if what else "GET", f"/tools/NoTool{what}", GOOD if what else None)
    assert (reply.status, reply.rule) == (404, "tool.unknown")


def test_planning_tells_the_verdict_and_runs_nothing() -> None:
    site = Site()
    allowed = site.post("/tools/PingTool/plan", GOOD).json
    refused = site.post("/tools/PingTool/plan", {"target": "8.8.8.8"})
    assert (allowed["verdict"], allowed["addresses"], allowed["error"]) == (
        *("allowed", ["10.0.0.1"], None),
    )
    assert (refused.status, refused.json["verdict"], refused.rule) == (
        *(200, "refused", "target.public"),
    )
    assert site.world.runner.plans == []


@pytest.mark.parametrize("body", [{}, {"target": 7}, {"target": "10.0.0.1", "x": 1}])
def test_a_plan_answers_every_object_with_a_verdict(body: dict[str, object]) -> None:
    reply = Site().post("/tools/PingTool/plan", body)
    assert (reply.status, reply.json["verdict"]) == (200, "refused")


def test_a_disabled_tool_plans_to_a_refusal_and_executes_to_a_conflict() -> None:
    site = Site(World(enabled=False))
    planned, executed = (site.post(f"/tools/PingTool/{w}", GOOD) for w in ("plan", "execute"))
    assert (planned.status, planned.json["error"]["error_type"]) == (200, "disabled")
    assert (executed.status, executed.json["error"]["error_type"]) == (409, "disabled")


@pytest.mark.parametrize(
    ("world", "body", "status", "error_type"),
    [
        (World(), GOOD, 200, None),
        (World(lambda plan: SAID_NO), GOOD, 200, "execution_error"),
        (World(lambda plan: CRASHED), GOOD, 200, "execution_error"),
        (World(lambda plan: Hangs()), {**GOOD, "timeout_sec": 0.01}, 200, "timeout"),
        (World(), {"target": "8.8.8.8"}, 403, "policy_denied"),
        (World(), {"target": "10.0.0.0/8;"}, 422, "validation_error"),
        (World(), {}, 422, "validation_error"),
        (World(path=None), GOOD, 503, "not_found"),
        (World(lambda p: Ended(how=HowEnded.NOT_STARTED, returncode=None)), GOOD, 503, "execution_error"),
    ],
)  # fmt: skip
def test_execute_has_the_status_of_what_came_of_it(
    world: World, body: dict[str, object], status: int, error_type: str | None
) -> None:
    reply = Site(world).post(EXECUTE, body)
    error = reply.json["error"]
    assert (reply.status, error and error["error_type"]) == (status, error_type)
    assert {"execution_id", "stdout", "result"} <= set(reply.json)
    assert (reply.header("retry-after") is not None) == (status == 503)


def test_a_server_that_is_about_to_stop_runs_nothing_more() -> None:
    site = Site()
    site.world.run_tool.close()
    reply = site.post(EXECUTE, GOOD)
    assert (reply.status, reply.rule) == (503, "service.stopping")
    assert reply.header("retry-after") == "10"


def test_an_open_breaker_is_503_and_says_when_to_come_back() -> None:
    site = Site(World(lambda plan: CRASHED))
    replies = [site.post(EXECUTE, GOOD) for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 503]
    assert replies[2].json["error"]["error_type"] == "circuit_breaker_open"
    assert replies[2].header("retry-after") == "60"
    assert site.get("/tools/PingTool").json["breaker"] == "open"


def test_an_execution_tells_what_is_left_and_then_429() -> None:
    site = Site(World(rate=bucket.Rate(tokens=2, per_s=60)))
    first, second, third = (site.post(EXECUTE, GOOD) for _ in range(3))
    assert [r.header("ratelimit-remaining") for r in (first, second, third)] == ["1", "0", "0"]
    assert first.header("ratelimit-limit") == "2"
    assert first.header("ratelimit-reset") == "30"
    assert first.header("ratelimit-policy") == '"tool";q=2;w=60'
    assert first.header("ratelimit") == '"tool";r=1;t=30'
    assert (third.status, third.header("retry-after")) == (429, "30")
    assert third.json["error"]["error_type"] == "rate_limited"


def test_one_clients_calls_do_not_count_for_another() -> None:
    site = Site(World(rate=bucket.Rate(tokens=1, per_s=60)))
    statuses = [site.post(EXECUTE, GOOD, client=c).status for c in ("127.1.1.1", "127.1.1.2")]
    assert statuses == [200, 200]
    assert site.post(EXECUTE, GOOD, client="127.1.1.1").status == 429


def test_a_tool_is_switched_off_and_on_and_shown_as_it_is_then() -> None:
    site = Site()
    assert site.post("/tools/PingTool/disable").json["enabled"] is False
    assert site.post(EXECUTE, GOOD).status == 409
    assert site.post("/tools/PingTool/enable", {"any": "body"}).json["enabled"] is True
    assert site.post(EXECUTE, GOOD).status == 200


def test_a_switch_that_can_not_be_kept_changes_nothing() -> None:
    class Full:
        def disabled(self) -> frozenset[str]:
            return frozenset()

        def remember(self, disabled: frozenset[str]) -> None:
            raise OSError(28, "No space left on device")

    site = Site(switches=Full())
    reply = site.post("/tools/PingTool/disable")
    assert (reply.status, reply.rule) == (503, "record.unavailable")
    assert site.get("/tools/PingTool").json["enabled"] is True


def test_executions_are_paged_newest_first() -> None:
    site = Site()
    for _ in range(3):
        site.post(EXECUTE, GOOD)
    first = site.get("/executions?limit=2").json
    rest = site.get(f"/executions?limit=2&cursor={first['next_cursor']}").json
    ids = [one["execution_id"] for one in (*first["executions"], *rest["executions"])]
    assert ids == ["e3", "e2", "e1"]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=201", "limit=x", "limit=", "limit=-1", "limit=1&limit=2", "limti=5"),
        *("cursor=x", "cursor=-1", "cursor=" + "9" * 30, "limit=1.5", "limit=%D9%A1"),
    ],
)
def test_a_page_that_can_not_be_is_refused(query: str) -> None:
    reply = Site().get(f"/executions?{query}")
    assert (reply.status, reply.rule) == (422, "request.parameter")


def test_an_execution_is_shown_whole_and_an_unknown_one_not_at_all() -> None:
    site = Site()
    output = site.post(EXECUTE, GOOD).json
    whole = site.get(f"/executions/{output['execution_id']}").json
    assert whole["command"] == output["command"]
    assert [step["event"] for step in whole["events"]] == [
        *("requested", "planned", "started", "finished")
    ]
    for method in ("GET", "DELETE"):
        reply = site.ask(method, "/executions/nobody")
        assert (reply.status, reply.rule) == (404, "execution.unknown")


def test_one_that_is_over_stays_as_it_is_when_it_is_cancelled() -> None:
    site = Site()
    site.post(EXECUTE, GOOD)
    assert site.ask("DELETE", "/executions/e1").json["status"] == "success"


def test_metrics_are_text_unless_json_is_asked_for() -> None:
    site = Site()
    text = site.get("/metrics", headers={"Accept": "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"})
    assert text.body.startswith(b"# TYPE")
    assert text.header("content-type") == "text/plain; seen=1; charset=utf-8"
    for path, accept in [
        ("/metrics", "application/json"),
        ("/metrics", "application/json, */*"),
        ("/metrics?format=json", "*/*"),
    ]:
        reply = site.get(path, headers={"Accept": accept})
        assert reply.json["tools"]["PingTool"] == {
            "executions": 2, "successes": 2, "failures": 0, "avg_duration": 0.5, "active": 0,
        }  # fmt: skip
        assert set(reply.json["system"]) == {"cpu_percent", "memory_percent", "disk_percent"}
    forced = site.get("/metrics?format=prometheus", headers={"Accept": "application/json"})
    assert forced.body.startswith(b"# TYPE")
    assert site.get("/metrics?format=xml").rule == "request.parameter"


def test_settings_are_shown_by_key() -> None:
    settings = Site().get("/config").json
    assert settings["security.auth_token"]["value"] == "***"
    assert settings["server.port"] == {"value": 8080, "source": "default", "variable": "MCP_X"}


def test_a_record_that_can_not_be_read_is_503() -> None:
    class Unreadable(Site):
        """Its history fails."""

    site = Unreadable()

    async def fail(**more: object) -> None:
        raise LogFailed("the disk is gone")

    site.world.log.executions = fail  # type: ignore[method-assign, assignment]  # the fault
    reply = site.get("/executions")
    assert (reply.status, reply.rule) == (503, "record.unavailable")


def test_the_document_describes_each_endpoint_that_is_served_and_no_other() -> None:
    document = Site().get("/schema").json
    assert document["openapi"] == "3.1.0"
    described = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }
    unmounted = ("/mcp", "/events")
    assert described == {(e.method, e.path) for e in ENDPOINTS if e.path not in unmounted}
    references = set(
        re.findall(r'"#/components/(\w+)/(\w[\w-]*)"', msgspec.json.encode(document).decode())
    )
    assert references
    for kind, name in references:
        assert name in document["components"][kind]


def test_the_document_asks_for_tokens_only_where_there_are_some() -> None:
    for tokens in (True, False):
        execute = Site(tokens=tokens).get("/schema").json["paths"]["/tools/{name}/execute"]["post"]
        assert execute["security"] == ([{"bearer": ["execute"]}] if tokens else [])


@pytest.mark.parametrize("limit", ["000000001999", "000000001" + "9" * 4500, "0", "201", "1e2"])
def test_a_limit_out_of_bounds_is_refused_however_it_is_written(limit: str) -> None:
    assert Site().get(f"/executions?limit={limit}").status == 422


def test_a_narrowed_caller_is_shown_and_switches_its_own_tools_only() -> None:
    narrow = credential("narrow", Scope.ADMIN, tools=frozenset({"DigTool"}))
    site = Site(credentials=(narrow,))
    assert site.get("/tools", token="narrow").json["tools"] == []
    reply = site.post("/tools/PingTool/disable", token="narrow")
    assert (reply.status, reply.rule) == (403, "access.tool")


def test_a_page_of_another_site_gets_nothing_without_an_origin_either() -> None:
    reply = Site().get("/events", headers={"Sec-Fetch-Site": "cross-site"})
    assert (reply.status, reply.rule) == (403, "access.origin")
    assert Site().get("/health/live", headers={"Sec-Fetch-Site": "same-origin"}).status == 200


def test_a_token_taken_back_while_its_request_was_coming_is_good_for_nothing() -> None:
    site = Site(credentials=(credential("old", Scope.ADMIN),))

    def last() -> bytes:
        site.gate.change([credential("new", Scope.ADMIN)])
        return b"}"

    reply = site.post("/tools/PingTool/plan", token="old", pieces=[b"{", last])
    assert (reply.status, reply.rule) == (401, "access.token")
