"""What single headers mean: Host, Origin, X-Forwarded-For, Accept."""

import pytest

from netsonde.adapters.http.accept import preferred
from netsonde.adapters.http.asgi import Scope
from netsonde.adapters.http.hosts import Hosts
from netsonde.adapters.http.origins import Origins
from netsonde.adapters.http.peers import Peers
from netsonde.adapters.http.provenance import Provenance
from netsonde.adapters.http.service import WebSettings

TEXT, METRICS, JSON = "text/plain", "application/openmetrics-text", "application/json"


def scope(
    *headers: tuple[str, str],
    client: str | None = "10.0.0.9",
    scheme: str = "http",
    version: str = "1.1",
) -> Scope:
    """A request's scope with these headers."""
    return {
        "type": "http",
        "http_version": version,
        "scheme": scheme,
        "client": None if client is None else (client, 1234),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }


@pytest.mark.parametrize(
    ("host", "rule"),
    [
        ("localhost", None), ("localhost:8080", None), ("LOCALHOST.", None), ("a.localhost", None),
        ("127.0.0.1", None), ("127.9.9.9:1", None), ("[::1]:8080", None), ("[::1]", None), ("10.0.0.5", None),
        ("8.8.8.8:80", None), ("netsonde.lab", None), ("NetSonde.Lab:443", None), ("netsonde.lab.", None),
        ("evil.example", "access.host"), ("evil.example:8080", "access.host"), ("xlocalhost", "access.host"),
        ("localhost.evil.example", "access.host"), ("sub.netsonde.lab", "access.host"), ("lab", "access.host"),
        ("0x7f000001", "access.host"), ("127.1", "access.host"), ("2130706433", "access.host"),
        ("", "request.host"), (":80", "request.host"), ("a b", "request.host"), ("user@localhost", "request.host"),
        ("localhost/x", "request.host"), ("::1", "request.host"), ("localhost:", "request.host"),
        ('localhost"', "request.host"), ("localhost:123456", "request.host"), ("l\xf6calhost", "request.host"),
        ("[::1", "request.host"), ("[zz]", "request.host"), ("[1.2.3.4.5]", "access.host"),
    ],
)  # fmt: skip
def test_a_host_is_ours_if_it_is_an_address_loopback_or_allowed(
    host: str, rule: str | None
) -> None:
    error = Hosts(["netsonde.lab"]).object_to(scope(("host", host)))
    assert (error and error.metadata["rule"]) == rule


def test_one_host_there_must_be_but_for_the_probes_of_http_1_0() -> None:
    hosts = Hosts()
    twice = hosts.object_to(scope(("host", "localhost"), ("host", "localhost")))
    assert twice is not None and twice.metadata["rule"] == "request.host"
    assert hosts.object_to(scope()) is not None
    assert hosts.object_to(scope(version="1.0")) is None
    assert hosts.object_to(scope(("host", "evil.example"), version="1.0")) is not None


@pytest.mark.parametrize(
    ("origin", "authority", "secure", "allowed"),
    [
        ("https://ops.example", "x:1", False, True),
        ("HTTPS://OPS.EXAMPLE", "x:1", False, True),
        ("http://ops.example", "x:1", False, False),
        ("https://ops.example:444", "x:1", False, False),
        ("https://ops.example.evil.example", "x:1", False, False),
        ("https://sub.ops.example", "x:1", False, False),
        ("http://127.0.0.1:8080", "127.0.0.1:8080", False, True),
        ("http://127.0.0.1:8081", "127.0.0.1:8080", False, False),
        ("http://localhost:8080", "127.0.0.1:8080", False, False),
        ("http://n.lab", "n.lab", False, True),
        ("http://n.lab", "n.lab:80", False, True),
        ("https://n.lab", "n.lab", False, True),
        ("https://n.lab", "n.lab", True, True),
        ("http://n.lab", "n.lab", True, False),
        ("http://[::1]:8080", "[::1]:8080", False, True),
        ("http://[::1]", "[::1]", False, True),
        ("null", "127.0.0.1", False, False),
        ("", "127.0.0.1", False, False),
        ("http://127.0.0.1:8080/", "127.0.0.1:8080", False, False),
        ("http://user@127.0.0.1:8080", "127.0.0.1:8080", False, False),
        ("file://127.0.0.1:8080", "127.0.0.1:8080", False, False),
        ("http://[", "[", False, False),
        ("http://a, http://b", "a", False, False),
    ],
)
def test_an_origin_is_taken_as_a_whole_or_not_at_all(
    origin: str, authority: str, secure: bool, allowed: bool
) -> None:
    error = Origins(["https://ops.example"]).object_to(origin, authority, secure=secure)
    assert (error is None) is allowed


def test_both_headers_are_judged_in_one() -> None:
    judge = Provenance(WebSettings(allowed_hosts=("n.lab",), trusted_proxies=("10.0.0.9",)))
    assert judge.object_to(scope(("host", "n.lab"))) is None
    ours = (("host", "n.lab"), ("origin", "http://n.lab"))
    assert judge.object_to(scope(*ours)) is None
    by_tls = judge.object_to(scope(*ours, ("x-forwarded-proto", "https")))
    assert by_tls is not None and by_tls.metadata["rule"] == "access.origin"


@pytest.mark.parametrize(
    ("client", "forwarded", "address"),
    [
        ("192.168.1.1", ["1.2.3.4"], "192.168.1.1"),
        ("10.0.0.9", [], "10.0.0.9"),
        ("10.0.0.9", ["1.2.3.4"], "1.2.3.4"),
        ("10.0.0.9", ["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
        ("10.0.0.9", ["6.6.6.6, 1.2.3.4, 10.0.0.8"], "1.2.3.4"),
        ("10.0.0.9", ["6.6.6.6", "1.2.3.4,10.0.0.8 "], "1.2.3.4"),
        ("10.0.0.9", ["10.0.0.7, 10.0.0.8"], "10.0.0.7"),
        ("10.0.0.9", ["1.2.3.4:5678"], "1.2.3.4"),
        ("10.0.0.9", ["[2001:db8::1]:5678"], "2001:db8::1"),
        ("10.0.0.9", ["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.9", ["::ffff:1.2.3.4"], "1.2.3.4"),
        ("::ffff:10.0.0.9", ["1.2.3.4"], "1.2.3.4"),
        ("10.0.0.9", ["1.2.3.4, unknown"], "10.0.0.9"),
        ("10.0.0.9", ["1.2.3.4, "], "10.0.0.9"),
        ("10.0.0.9", ["evil"], "10.0.0.9"),
        ("10.0.0.9", [",".join(["10.0.0.8"] * 5000)], "10.0.0.8"),
        (None, ["1.2.3.4"], ""),
        ("testclient", ["1.2.3.4"], ""),
    ],
)
def test_the_right_most_address_that_no_proxy_vouches_for_is_the_clients(
    client: str | None, forwarded: list[str], address: str
) -> None:
    headers = [("x-forwarded-for", value) for value in forwarded]
    assert Peers(["10.0.0.0/24"]).of(scope(*headers, client=client)).address == address


def test_only_a_trusted_proxy_says_that_it_came_by_tls() -> None:
    said = ("x-forwarded-proto", "http, HTTPS")
    assert Peers(["10.0.0.9"]).of(scope(said)).secure
    assert not Peers().of(scope(said)).secure
    assert Peers().of(scope(scheme="https")).secure
    plain = ("x-forwarded-proto", "https, http")
    assert not Peers(["10.0.0.9"]).of(scope(plain, scheme="https")).secure


def test_a_proxy_that_is_no_network_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="example"):
        Peers(["proxy.example"])


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, TEXT), ("", TEXT), ("*/*", TEXT), ("text/*", TEXT), ("application/*", METRICS), (JSON, JSON),
        ("application/json, */*", JSON), ("*/*, application/json;q=0.9", TEXT), ("application/json;q=0.1", JSON),
        ("APPLICATION/JSON", JSON), ("application/json;q=0, */*", TEXT), ("image/png", None), ("*/*;q=0", None),
        ("application/json;q=x", None), ("application/json; charset=utf-8; q=0.7", JSON), (",", None),
        ("application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.7,*/*;q=0.1", METRICS),
    ],
)  # fmt: skip
def test_the_media_type_that_the_client_likes_best(accept: str | None, kind: str | None) -> None:
    assert preferred(accept, (TEXT, METRICS, JSON)) == kind
