"""The door: who gets in, who is turned away and how, and what is told of it."""

import asyncio
import gzip
import json
import logging
from collections.abc import Mapping
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsonde.adapters.http.asgi import Message, Receive, Send
from netsonde.adapters.http.asgi import Scope as Environ
from netsonde.adapters.http.endpoints import ENDPOINTS, Endpoint
from netsonde.adapters.http.service import WebSettings
from netsonde.adapters.memory import Hangs
from netsonde.application.ports import Capture, Ended, HowEnded
from netsonde.domain.access import Caller, Scope
from tests.unit.adapters.http.site import Reply, Site, credential
from tests.unit.application.world import World, run

GOOD = {"target": "10.0.0.1"}
EXECUTE = "/tools/PingTool/execute"
OPS = "https://ops.example"
LONG = Ended(
    how=HowEnded.EXITED, returncode=0, stdout=Capture(data=b"64 bytes\n" * 9000, total_bytes=81000)
)


async def seen(scope: Environ, receive: Receive, send: Send) -> None:
    """An application that answers with who its caller is and what it was sent."""
    message = await receive()
    said = {"caller": scope["state"]["caller"].name, "body": message["body"].decode()}
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(said).encode()})


_ONE = Site()  # for properties: making one takes longer than a request

# --- access ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda e: f"{e.method} {e.path}")
def test_each_endpoint_takes_its_scope_and_no_other(endpoint: Endpoint) -> None:
    site = Site(tokens=True, mcp=seen, events=seen)
    method, scope = endpoint.method, endpoint.scope
    path = endpoint.path.replace("{name}", "PingTool").replace("{execution_id}", "e9")
    body = GOOD if method == "POST" else None
    tokens = (None, "reader", "runner", "chief")
    replies = {token: site.ask(method, path, body, token=token) for token in tokens}
    entered = {token for token, reply in replies.items() if reply.status not in (401, 403)}
    good = {
        None: set(tokens),
        Scope.READ: {"reader", "chief"},
        Scope.EXECUTE: {"runner", "chief"},
        Scope.ADMIN: {"chief"},
    }
    assert entered == good[scope]
    if scope is None:
        return
    assert replies[None].status == 401 and replies[None].rule == "access.missing"
    assert (replies[None].header("www-authenticate") or "").startswith("Bearer realm=")
    turned = next(reply for token, reply in replies.items() if token and token not in entered)
    assert (turned.status, turned.rule) == (403, "access.scope")


@pytest.mark.parametrize(
    "header",
    [
        "Bearer nobody",
        "Bearer",
        "Bearer ",
        "Basic Y2hpZWY6",
        "chief",
        "Bearer chief x",
        "Bearer \xe9",
    ],
)
def test_a_wrong_token_is_401_and_says_so(header: str) -> None:
    reply = Site(tokens=True).get("/config", headers={"Authorization": header})
    assert (reply.status, reply.rule) == (401, "access.token")
    assert 'error="invalid_token"' in (reply.header("www-authenticate") or "")


def test_two_authorization_headers_are_one_wrong_token() -> None:
    twice = [("Authorization", "Bearer chief"), ("Authorization", "Bearer chief")]
    assert Site(tokens=True).get("/config", headers=twice).rule == "access.token"


@pytest.mark.parametrize(
    "query", ["access_token=chief", "token=chief", "authorization=Bearer+chief"]
)
def test_a_token_in_the_query_is_none(query: str) -> None:
    assert Site(tokens=True).get(f"/config?{query}").rule == "access.missing"


def test_the_scheme_of_a_token_is_read_in_any_case() -> None:
    assert Site(tokens=True).get("/config", headers={"Authorization": "bEARER chief"}).status == 200


def test_guessing_is_stopped_and_the_right_token_with_it() -> None:
    site = Site(tokens=True, guesses=2)
    statuses = [site.get("/config", token=f"guess{n}").status for n in range(3)]
    locked = site.get("/config", token="chief")
    assert (statuses, locked.status, locked.rule) == ([401, 401, 429], 429, "access.guessing")
    assert locked.header("retry-after") == "30"
    assert locked.header("www-authenticate") is None
    assert site.get("/config", token="chief", client="127.0.0.2").status == 200
    assert site.get("/health/live", token="chief").status == 200


def test_mcp_tells_where_its_resource_metadata_is() -> None:
    site = Site(tokens=True, mcp=seen)
    reply = site.post("/mcp", {}, host="10.0.0.5:8080")
    assert 'resource_metadata="http://10.0.0.5:8080/.well-known/oauth-protected-resource/mcp"' in (
        reply.header("www-authenticate") or ""
    )
    metadata = site.get("/.well-known/oauth-protected-resource/mcp", host="10.0.0.5:8080").json
    assert metadata["resource"] == "http://10.0.0.5:8080/mcp"
    assert metadata["bearer_methods_supported"] == ["header"]


def test_what_is_mounted_finds_its_caller_and_its_body() -> None:
    site = Site(tokens=True, mcp=seen)
    for path in ("/mcp", "/mcp/"):
        said = site.post(path, b"{}", token="runner", state={"caller": Caller(name="forged")}).json
        assert said == {"caller": "runner", "body": "{}"}


def test_without_tokens_the_caller_is_named_by_its_address() -> None:
    assert Site(mcp=seen).post("/mcp", b"", client="127.0.0.9").json["caller"] == "127.0.0.9"


def test_a_narrowed_token_sees_and_cancels_only_what_it_asked_itself() -> None:
    site = Site(tokens=True, credentials=[credential("narrow", tools=frozenset({"PingTool"}))])
    other, own = (
        site.post(EXECUTE, GOOD, token=t).json["execution_id"] for t in ("chief", "narrow")
    )
    listed = site.get("/executions", token="narrow").json["executions"]
    assert [one["execution_id"] for one in listed] == [own]
    for method in ("GET", "DELETE"):
        assert site.ask(method, f"/executions/{own}", token="narrow").status == 200
        assert site.ask(method, f"/executions/{other}", token="narrow").status == 404


# --- host and origin -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/tools", "/nope", "/mcp"])
def test_a_foreign_host_is_misdirected_and_on_record(path: str) -> None:
    site = Site(mcp=seen)
    reply = site.get(path, host="evil.example")
    assert (reply.status, reply.rule) == (421, "access.host")
    (denied,) = site.denials()
    assert (denied.rule, denied.address) == ("access.host", "127.0.0.1")


def test_a_foreign_page_is_refused_and_on_record() -> None:
    site = Site()
    reply = site.post(EXECUTE, GOOD, headers={"Origin": "https://evil.example"})
    assert (reply.status, reply.rule) == (403, "access.origin")
    assert reply.header("access-control-allow-origin") is None
    assert [denied.rule for denied in site.denials()] == ["access.origin"]
    assert site.world.runner.plans == []


def test_pages_of_allowed_origins_may_read_every_answer() -> None:
    site = Site(tokens=True, web=WebSettings(cors_origins=(OPS,)))
    for path in ("/health", "/nope", "/config"):
        reply = site.get(path, headers={"Origin": OPS})
        assert reply.header("access-control-allow-origin") == OPS
        assert "Origin" in reply.all("vary")
        assert reply.header("access-control-allow-credentials") is None
    assert "Origin" in site.get("/health").all("vary")
    assert site.get("/health").header("access-control-allow-origin") is None


def test_a_preflight_is_answered_without_a_token_and_only_for_allowed_origins() -> None:
    site = Site(tokens=True, web=WebSettings(cors_origins=(OPS,)))
    asked = {"Origin": OPS, "Access-Control-Request-Method": "POST"}
    reply = site.ask("OPTIONS", EXECUTE, headers=asked)
    assert (reply.status, reply.body) == (204, b"")
    assert "POST" in (reply.header("access-control-allow-methods") or "")
    assert "Authorization" in (reply.header("access-control-allow-headers") or "")
    foreign = site.ask("OPTIONS", EXECUTE, headers={**asked, "Origin": "https://evil.example"})
    assert foreign.status == 403


# --- paths and methods -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/nope",
            "/tools/",
            "/tools//execute",
            "//tools",
            "/tools/a/b/c",
            "/TOOLS",
            "/..",
            "/mcp",
        ),
        *("/mcpx", "/tools/PingTool/execute/x", "/health/", "/\x00", "/executions//"),
        "/tools/\ufffd/execute",
    ],
)
def test_a_path_that_is_not_there_is_404_and_one_slash_more_is(path: str) -> None:
    reply = Site().get(path)
    if path in ("/tools/", "/health/"):
        assert reply.status == 200
    elif "execute" in path and "\ufffd" in path:
        assert reply.status == 405
    else:
        assert (reply.status, reply.rule) == (404, "request.path")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "BREW", "get"])
def test_a_method_that_is_not_there_is_405_with_those_that_are(method: str) -> None:
    reply = Site(tokens=True).ask(method, "/tools")
    assert (reply.status, reply.rule) == (405, "request.method")
    assert reply.header("allow") == "GET, HEAD, OPTIONS"


def test_options_names_the_methods() -> None:
    reply = Site(mcp=seen).ask("OPTIONS", "/mcp")
    assert (reply.status, reply.header("allow")) == (204, "POST, GET, DELETE, OPTIONS")


def test_head_is_get_without_the_body() -> None:
    site = Site()
    head, get = (site.ask(method, "/tools") for method in ("HEAD", "GET"))
    assert (head.status, head.body) == (get.status, b"")
    assert head.header("content-length") == get.header("content-length")
    assert Site(events=seen).ask("HEAD", "/events").status == 405


@settings(max_examples=max(100, settings().max_examples // 8))
@given(st.text(max_size=30), st.sampled_from(["GET", "POST", "DELETE", "HEAD", "OPTIONS"]))
def test_no_path_makes_the_server_fail(text: str, method: str) -> None:
    site = _ONE
    for path in (f"/{text}", f"/tools/{text}", f"/executions/{text}", f"/tools/{text}/plan"):
        reply = site.ask(method, path.replace("?", ""), GOOD if method == "POST" else None)
        assert reply.status < 500
        assert reply.status < 400 or method == "HEAD" or reply.json["error"]["error_type"]


# --- bodies ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"{", 400), (b"{} x", 400), (b"NaN", 400), (b'{"timeout_sec": Infinity}', 400), (b'"\xff"', 400),
        (b'{"target": "\\ud800"}', 400), (b'{"target": "a", "target": "b"}', 400), (b"[" * 60000, 400),
        (b'{"options": {"a": 1, "a": 2}}', 400), (b'{"timeout_sec": 1e999}', 400), (b"9" * 5000, 400),
        (b'{"options":' + b"[" * 40 + b"]" * 40 + b"}", 400), (b"\xef\xbb\xbf{}", 400), (b'{"target": "\x00"}', 400),
        (b"[]", 422), (b"null", 422), (b'"x"', 422), (b"1", 422), (b'{"target": "\\u0000"}', 422),
        (b'{"target": "10.0.0.1", "timeout_sec": ' + b"9" * 4000 + b"}", 422),
        (b'{"target": "10.0.0.1", "options": {"count": ' + b"9" * 4000 + b"}}", 422),
        (b'{"target": "10.0.0.1", "options": {"count": [[[[1]]]]}}', 422),
    ],
)  # fmt: skip
def test_a_body_that_makes_no_request_is_refused_by_kind(body: bytes, status: int) -> None:
    reply = Site().post(EXECUTE, body)
    assert reply.status == status, reply.body
    assert reply.json["error"]["error_type"] == "validation_error"


_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
)


@settings(max_examples=max(100, settings().max_examples // 8))
@given(st.one_of(_json.map(json.dumps).map(str.encode), st.binary(),
    st.fixed_dictionaries({"target": st.just("10.0.0.1")}, optional={name: _json for name in ("options", "extra_args", "timeout_sec", "profile")}).map(json.dumps).map(str.encode)))  # fmt: skip
def test_no_body_makes_the_server_fail(body: bytes) -> None:
    site = _ONE
    for what in ("plan", "execute"):
        assert site.post(f"/tools/PingTool/{what}", body).status in (200, 400, 403, 422)


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        *((None, 200), ("application/json", 200), ("application/json; charset=utf-8", 200)),
        *(("application/problem+json", 200), ("Application/JSON;charset=UTF-8", 200)),
        *(("text/plain", 415), ("application/x-www-form-urlencoded", 415), ("", 415)),
        *(("application/json; charset=utf-16", 415), ("application/jsonp", 415)),
    ],
)
def test_a_body_must_not_claim_to_be_anything_but_json(
    content_type: str | None, status: int
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    reply = Site().post(EXECUTE, json.dumps(GOOD).encode(), headers=headers)
    assert reply.status == status


def test_a_body_over_the_limit_is_refused_by_what_it_says_and_by_what_it_is() -> None:
    site = Site()
    fitting = json.dumps({**GOOD, "extra_args": ""}).encode()
    assert site.post(EXECUTE, fitting + b" " * (65_536 - len(fitting))).status == 200
    declared = site.post(EXECUTE, fitting + b" " * (65_537 - len(fitting)))
    piece = b" " * 1000
    chunked = site.ask("POST", EXECUTE, pieces=[piece] * 6000)
    for reply in (declared, chunked):
        assert (reply.status, reply.rule, reply.header("connection")) == (
            413,
            "request.size",
            "close",
        )
    assert len(site.unread) > 500, "not all of it was read"
    lies = site.ask("POST", EXECUTE, pieces=[b"{}"], headers={"Content-Length": "9" * 30})
    assert lies.status == 413


def test_a_body_in_pieces_is_one_body() -> None:
    whole = json.dumps(GOOD).encode()
    assert Site().ask("POST", EXECUTE, pieces=[whole[:5], b"", whole[5:]]).status == 200


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "image/*, text/*"])
def test_who_takes_no_json_is_told_so_before_anything_is_done(accept: str) -> None:
    site = Site()
    reply = site.post(EXECUTE, GOOD, headers={"Accept": accept})
    assert (reply.status, reply.rule) == (406, "request.accept")
    assert site.world.runner.plans == []


# --- the way out -----------------------------------------------------------------------------------


def test_every_answer_tells_browsers_to_keep_show_and_run_nothing() -> None:
    site = Site(tokens=True)
    for reply in (site.get("/"), site.get("/nope"), site.get("/config"), site.get("/", host="x")):
        assert reply.header("x-content-type-options") == "nosniff"
        assert reply.header("cache-control") == "no-store"
        assert "default-src 'none'" in (reply.header("content-security-policy") or "")


@pytest.mark.parametrize(
    ("accepted", "zipped"),
    [
        *(("gzip", True), ("br, gzip;q=0.5", True), ("*", True)),
        *((None, False), ("identity", False), ("gzip;q=0", False), ("gzip; q=0.000", False)),
    ],
)
def test_a_long_answer_is_compressed_for_who_reads_that(accepted: str | None, zipped: bool) -> None:
    headers: Mapping[str, str] = {} if accepted is None else {"Accept-Encoding": accepted}
    reply = Site(World(lambda plan: LONG)).post(EXECUTE, GOOD, headers=headers)
    assert (reply.header("content-encoding") == "gzip") is zipped
    assert "accept-encoding" in reply.all("vary")
    assert reply.header("content-length") == str(len(reply.body))
    assert reply.json["stdout"].startswith("64 bytes")


def test_a_short_answer_and_a_stream_are_not_compressed() -> None:
    async def stream(scope: Environ, receive: Receive, send: Send) -> None:
        kind = [(b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 200, "headers": kind})
        await send({"type": "http.response.body", "body": b"x" * 5000, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    for site, path in ((Site(), "/health/live"), (Site(events=stream), "/events")):
        assert (
            site.get(path, headers={"Accept-Encoding": "gzip"}).header("content-encoding") is None
        )


def test_gzip_is_told_to_caches_and_is_what_it_was() -> None:
    plain = Site().get("/schema")
    zipped = Site().get("/schema", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(zipped.body) == plain.body
    assert len(zipped.body) < len(plain.body) / 4


# --- faults, log, traces ---------------------------------------------------------------------------


def fails_before(scope: Environ, receive: Receive, send: Send) -> None:
    """An application with a bug."""
    raise KeyError("the secret of the house")


async def fails_after(scope: Environ, receive: Receive, send: Send) -> None:
    """An application that breaks off."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"half", "more_body": True})
    raise KeyError("the secret of the house")


def test_a_fault_is_an_incident_in_the_log_and_no_text_of_it_goes_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reply = Site(mcp=fails_before).post("/mcp", {})  # type: ignore[arg-type]  # it never returns
    assert (reply.status, reply.json["error"]["error_type"]) == (500, "unknown")
    assert "secret" not in reply.body.decode()
    assert reply.json["error"]["metadata"]["incident"] in caplog.text


def test_a_fault_in_mid_answer_cuts_it_off() -> None:
    with pytest.raises(Exception, match=r"after response started|secret"):
        Site(mcp=fails_after).post("/mcp", {})


def logged(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    """The fields of each access line."""
    return [r.fields for r in caplog.records if r.getMessage() == "http.request"]  # type: ignore[attr-defined]  # put there by `extra`


def test_each_request_is_a_line_in_the_log_without_token_path_or_query(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    site = Site(tokens=True)
    site.get("/executions?cursor=5", token="reader")
    site.get("/nope/hidden?token=chief", token="chief", client="10.0.0.9")
    site.ask("BREW", "/tools")
    first, second, third = logged(caplog)
    assert first == {
        "method": "GET", "route": "/executions", "status": 200, "duration": 0.0,
        "caller": "reader", "address": "127.0.0.1",
    }  # fmt: skip
    assert (second["route"], second["status"], second["address"]) == ("-", 404, "10.0.0.9")
    assert third["method"] == "OTHER"
    for hidden in ("chief", "hidden", "cursor=5"):
        assert hidden not in caplog.text + repr(logged(caplog))


def test_each_request_has_a_span_in_the_callers_trace_with_the_work_inside() -> None:
    site = Site(tokens=True)
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    site.post(EXECUTE, GOOD, token="runner", headers=headers)
    request = site.spans.spans[0]
    assert (request.name, request.trace) == ("POST /tools/{name}/execute", trace)
    assert request.attributes["http.response.status_code"] == 200
    assert "chief" not in repr(request.attributes)


def test_the_client_is_whom_the_trusted_proxy_names() -> None:
    site = Site(tokens=True, web=WebSettings(trusted_proxies=("10.9.0.0/16",)))
    site.get("/config", client="10.9.0.1", headers={"X-Forwarded-For": "1.1.1.1, 192.168.7.7"})
    site.get("/config", client="10.8.0.1", headers={"X-Forwarded-For": "192.168.7.7"})
    assert [denied.address for denied in site.denials()] == ["192.168.7.7", "10.8.0.1"]


def test_a_websocket_is_closed_before_it_opens() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def connect() -> None:
        await Site().app({"type": "websocket", "path": "/mcp", "headers": []}, receive, send)

    run(connect())
    assert [message["type"] for message in sent] == ["websocket.close"]


def test_who_leaves_while_sending_has_asked_for_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    site = Site()

    async def leave() -> Reply:
        return await site.asked("POST", EXECUTE, pieces=[], left=partial(asyncio.sleep, 0))

    assert run(leave()).status == 0
    assert site.world.runner.plans == []
    (line,) = logged(caplog)
    assert (line["status"], line["gone"]) == (0, True)


def test_who_leaves_while_it_runs_takes_the_execution_along() -> None:
    site = Site(World(lambda plan: Hangs()))

    async def leave() -> Reply:
        return await site.asked("POST", EXECUTE, GOOD, left=lambda: site.world.running(1))

    run(leave())
    assert (site.world.runner.running, site.world.runner.cancelled) == (0, 1)
    assert site.get("/executions/e1").json["status"] == "cancelled"
