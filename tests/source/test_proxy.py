"""Which proxy, and what happens on the way through it."""

from __future__ import annotations

import base64
import socket
import traceback
from collections.abc import Mapping

import pytest
import yarl

from exporter import errors, settings
from exporter.client import proxy
from tests.source.certificates import CERTIFICATES
from tests.source.endpoint import Endpoint, endpoint, proxying, tokens
from tests.source.servers import Told, asking, says, serving, whole

CANARY = "c4n4ry-s3cret"
BASIC = base64.b64encode(f"me:{CANARY}".encode()).decode()
TLS = {"ca_file": CERTIFICATES / "ca.pem", "server_name": "localhost"}


# --- which ---


@pytest.mark.parametrize(
    ("written", "url", "goes_through"),
    [
        ("*", "http://api.example", False),
        ("other.example, *", "http://10.1.2.3", False),
        ("api.example", "http://api.example", False),
        ("api.example", "http://API.example:8080/x", False),
        ("api.example", "http://sub.api.example", False),
        ("api.example", "http://myapi.example", True),
        (" api.example ,other", "http://api.example", False),
        ("API.Example", "http://api.example", False),
        (".api.example", "http://api.example", True),
        (".api.example", "http://sub.api.example", False),
        ("*.api.example", "http://api.example", True),
        ("*.api.example", "http://a.b.api.example", False),
        ("api.example:8080", "http://api.example:8080", False),
        ("api.example:8080", "http://api.example", True),
        ("api.example:443", "https://api.example", False),
        ("bücher.example", "http://bücher.example", False),
        ("10.0.0.0/8", "http://10.20.30.40", False),
        ("10.0.0.7/8", "http://10.20.30.40", False),
        ("10.0.0.0/8", "http://11.20.30.40", True),
        ("10.0.0.0/8", "http://10.example", True),
        ("10.0.0.0/99", "http://10.0.0.1", True),
        ("2001:db8::/32", "http://[2001:db8::7]:80", False),
        ("2001:db8::7", "http://[2001:db8:0::7]", False),
        ("[2001:db8::7]:8080", "http://[2001:db8::7]:8080", False),
        ("[2001:db8::7]:8080", "http://[2001:db8::7]", True),
        ("[2001:db8::7]", "http://[2001:db8::7]", False),
        ("192.0.2.7", "http://192.0.2.7:81", False),
        ("192.0.2.7:80", "http://192.0.2.7:81", True),
        ("192.0.2.7", "http://192.0.2.70", True),
        ("192.0.2.7", "http://[::ffff:192.0.2.7]", False),
        ("x", "http://localhost:1", False),
        ("x", "http://127.0.0.9", False),
        ("x", "http://[::1]:80", False),
        (",:80, ,\udcff", "http://api.example", True),
        ("a..b", "http://api.example", True),
    ],
)
def test_no_proxy_is_read_as_go_reads_it(written: str, url: str, goes_through: bool) -> None:
    http = settings.Api.model_validate({"url": url, "proxy_url": "http://p:1", "no_proxy": written})
    assert (proxy.route(http, {}, "apis.x")(yarl.URL(url)) is not None) is goes_through
    assert "api.example" not in proxy.NoProxy("*")


def found(environ: Mapping[str, str], url: str) -> str:
    http = settings.Api.model_validate({"url": "http://x", "proxy_from_environment": True})
    way = proxy.route(http, environ, "apis.x")(yarl.URL(url))
    return str(way.url) if way else ""


@pytest.mark.parametrize(
    ("environ", "url", "way"),
    [
        ({}, "http://api.example", ""),
        ({"HTTP_PROXY": "http://a:1"}, "http://api.example", "http://a:1"),
        ({"HTTP_PROXY": "http://a:1"}, "https://api.example", ""),
        ({"https_proxy": "b:2"}, "https://api.example", "http://b:2"),
        ({"HTTPS_PROXY": "https://b", "https_proxy": "c:3"}, "https://api.example", "https://b"),
        ({"http_proxy": "a:1", "NO_PROXY": "example"}, "http://api.example", ""),
        ({"http_proxy": "a:1", "no_proxy": "other"}, "http://api.example", "http://a:1"),
        ({"http_proxy": "a:1"}, "http://localhost", ""),
        ({"http_proxy": ""}, "http://api.example", ""),
    ],
)
def test_the_environment_is_read_as_go_reads_it(environ: Mapping[str, str], url: str, way: str) -> None:
    assert found(environ, url) == way


@pytest.mark.parametrize("written", [f"socks5://me:{CANARY}@p:1", f"http://me:{CANARY}@p:x", "http://", "::"])
def test_an_environment_without_a_usable_proxy_is_an_error_of_the_settings(written: str) -> None:
    with pytest.raises(errors.ConfigError, match="HTTP_PROXY") as caught:
        found({"HTTP_PROXY": written}, "http://api.example")
    assert caught.value.path == "apis.x.proxy_from_environment"
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_credentials_are_unescaped_and_in_no_repr() -> None:
    http = settings.Api.model_validate({"url": "http://x", "proxy_url": "http://m%40e:p%3Aw@p:1/"})
    way = proxy.route(http, {}, "apis.x")(yarl.URL("http://api.example"))
    assert way is not None
    assert way.authorization == f"Basic {base64.b64encode(b'm@e:p:w').decode()}"
    assert str(way.url) == "http://p:1"
    assert way.authorization not in repr(way)


# --- through ---


async def test_f10_a_request_without_tls_goes_through_with_the_proxys_credentials() -> None:
    auth = {"authorization": {"credentials": "t0k"}}
    async with serving(says(whole(b"[1]"))) as server, proxying() as way:
        url = f"http://inventory.invalid:{yarl.URL(server.url).port}"
        written = f"http://me:{CANARY}@127.0.0.1:{way.port}"
        async with asking(url, proxy_url=written, **auth) as client:  # type: ignore[arg-type]
            for _ in range(3):
                assert (await client.get(f"{url}/service", (("a", "b"),))).body == b"[1]"
    assert way.heads[0].startswith(f"GET {url}/service?a=b HTTP/1.1\r\n")
    assert f"Proxy-Authorization: Basic {BASIC}\r\n" in way.heads[0]
    assert "Authorization: Bearer t0k\r\n" in way.heads[0]
    assert (len(way.heads), len(server.heads)) == (3, 3), "each request has a connection of its own"


async def test_f10_a_tunnel_shows_the_proxy_nothing_but_its_own_credentials() -> None:
    api = {
        "authorization": {"credentials": CANARY[::-1]},
        "http_headers": {"X-Key": {"secrets": [CANARY[::-1]]}},
        "tls_config": TLS,
    }
    async with serving(says(whole(b"[1]")), certificate="localhost.pem") as server, proxying() as way:
        url = f"https://inventory.invalid:{yarl.URL(server.url).port}"
        written = f"http://me:{CANARY}@127.0.0.1:{way.port}"
        async with asking(url, proxy_url=written, **api) as client:  # type: ignore[arg-type]
            for _ in range(3):
                assert (await client.get(f"{url}/service", ())).body == b"[1]"
    assert len(way.heads) == 3, "each request has a tunnel of its own"
    for head in way.heads:
        assert head.startswith("CONNECT inventory.invalid:")
        assert f"Proxy-Authorization: Basic {BASIC}\r\n" in head
        assert CANARY[::-1] not in head
        assert "X-Key" not in head
    assert len(server.heads) == 3
    assert not any("Proxy-Authorization" in inner for inner in server.heads)
    assert all(f"Authorization: Bearer {CANARY[::-1]}" in inner for inner in server.heads)


async def test_the_hosts_of_no_proxy_are_reached_directly() -> None:
    async with serving(says(whole())) as server, proxying() as way:
        written = {"proxy_url": f"http://127.0.0.1:{way.port}", "no_proxy": "other.example"}
        async with asking(server.url, **written) as client:  # type: ignore[arg-type]
            await client.get(server.url, ())
    assert (len(server.heads), way.heads) == (1, [])


async def test_the_proxy_of_the_environment_is_used_only_if_that_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(says(whole())) as server, proxying() as way:
        monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{way.port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        url = f"http://inventory.invalid:{yarl.URL(server.url).port}"
        async with asking(url, proxy_from_environment=True) as client:
            await client.get(url, ())
        async with asking(server.url) as client:
            await client.get(server.url, ())
    assert (len(way.heads), len(server.heads)) == (1, 2)


async def test_headers_of_connect_are_seen_by_the_proxy_alone() -> None:
    api = {"proxy_connect_header": {"X-Zone": [CANARY, "b"], "Proxy-Authorization": ["Other"]}}
    async with serving(says(whole(b"[1]")), certificate="localhost.pem") as server, proxying() as way:
        url = f"https://inventory.invalid:{yarl.URL(server.url).port}"
        written = f"http://me:pw@127.0.0.1:{way.port}"
        async with asking(url, proxy_url=written, tls_config=TLS, **api) as client:  # type: ignore[arg-type]
            for _ in range(3):
                assert (await client.get(f"{url}/service", ())).body == b"[1]"
    assert len(way.heads) == 3
    for head in way.heads:
        assert head.startswith("CONNECT inventory.invalid:")
        assert f"X-Zone: {CANARY}\r\nX-Zone: b\r\n" in head
        assert head.count("Proxy-Authorization") == 1, "as in Go, the user of proxy_url wins"
        assert "Proxy-Authorization: Basic " in head
    assert not any("X-Zone" in inner or "Proxy-Authorization" in inner for inner in server.heads)


async def test_without_a_tunnel_headers_of_connect_are_not_sent() -> None:
    api = {"proxy_connect_header": {"X-Zone": [CANARY], "Proxy-Authorization": [CANARY]}}
    async with serving(says(whole(b"[1]"))) as server, proxying() as way:
        url = f"http://inventory.invalid:{yarl.URL(server.url).port}"
        async with asking(url, proxy_url=f"http://127.0.0.1:{way.port}", **api) as client:  # type: ignore[arg-type]
            await client.get(url, ())
    assert CANARY not in "".join(way.heads + server.heads)


# --- tokens ---


def login(desk: Endpoint, **written: object) -> dict[str, object]:
    """The endpoint by a name that only a proxy resolves."""
    token_url = f"http://login.invalid:{yarl.URL(desk.url).port}/token"
    return {"client_id": "me", "client_secret": CANARY[::-1], "token_url": token_url, **written}


async def test_a_token_is_fetched_through_the_proxy_of_oauth2_and_pages_are_not() -> None:
    async with serving(says(whole(b"[1]"))) as server, endpoint(tokens()) as desk, proxying() as way:
        auth = login(desk, proxy_url=f"http://me:{CANARY}@127.0.0.1:{way.port}")
        async with asking(server.url, oauth2=auth) as client:
            assert (await client.get(server.url, ())).body == b"[1]"
    (head,) = way.heads
    assert head.startswith("POST http://login.invalid:")
    assert f"Proxy-Authorization: Basic {BASIC}\r\n" in head
    assert "Authorization: Bearer t1\r\n" in server.heads[0]
    assert "Proxy-Authorization" not in server.heads[0]


async def test_pages_and_tokens_have_a_proxy_each() -> None:
    async with (
        serving(says(whole(b"[1]"))) as server,
        endpoint(tokens()) as desk,
        proxying() as outer,
        proxying() as inner,
    ):
        url = f"http://inventory.invalid:{yarl.URL(server.url).port}"
        auth = login(desk, proxy_url=f"http://127.0.0.1:{inner.port}")
        async with asking(url, oauth2=auth, proxy_url=f"http://127.0.0.1:{outer.port}") as client:
            assert (await client.get(url, ())).body == b"[1]"
    assert [head.split()[0] for head in outer.heads] == ["GET"]
    assert [head.split()[0] for head in inner.heads] == ["POST"]


async def test_the_proxy_of_the_pages_is_none_for_tokens_as_in_prometheus() -> None:
    async with serving(says(whole(b"[1]"))) as server, endpoint(tokens()) as desk, proxying() as way:
        auth = {**login(desk), "token_url": desk.url}
        async with asking(server.url, oauth2=auth, proxy_url=f"http://127.0.0.1:{way.port}") as client:
            await client.get(server.url, ())
    assert [head.split()[0] for head in way.heads] == ["GET"]
    assert len(desk.asks) == 1


async def test_the_hosts_of_oauth2s_no_proxy_are_asked_directly_for_tokens() -> None:
    async with serving(says(whole(b"[1]"))) as server, endpoint(tokens()) as desk, proxying() as way:
        written = {"proxy_url": f"http://127.0.0.1:{way.port}", "no_proxy": "other.example"}
        async with asking(server.url, oauth2={**login(desk, **written), "token_url": desk.url}) as client:
            await client.get(server.url, ())
    assert (len(desk.asks), way.heads) == (1, [])


async def test_tokens_take_the_proxy_of_the_environment_only_if_oauth2_wants_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(says(whole(b"[1]"))) as server, endpoint(tokens()) as desk, proxying() as way:
        monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{way.port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        async with asking(server.url, oauth2=login(desk, proxy_from_environment=True)) as client:
            await client.get(server.url, ())
        async with asking(server.url, oauth2={**login(desk), "token_url": desk.url}) as client:
            await client.get(server.url, ())
    assert [head.split()[0] for head in way.heads] == ["POST"]
    assert len(desk.asks) == 2


async def test_a_tunnel_to_the_endpoint_has_oauth2s_headers_of_connect() -> None:
    answer = whole(b'{"access_token":"t1"}')
    async with (
        serving(says(whole(b"[1]"))) as server,
        serving(says(answer), certificate="localhost.pem") as desk,
        proxying() as way,
    ):
        auth = {
            **{"client_id": "me", "client_secret": CANARY[::-1], "tls_config": TLS},
            "token_url": f"https://login.invalid:{yarl.URL(desk.url).port}/token",
            "proxy_url": f"http://127.0.0.1:{way.port}",
            "proxy_connect_header": {"X-Zone": [CANARY]},
        }
        async with asking(server.url, oauth2=auth) as client:
            assert (await client.get(server.url, ())).body == b"[1]"
    (head,) = way.heads
    assert head.startswith("CONNECT login.invalid:")
    assert f"X-Zone: {CANARY}\r\n" in head
    assert "X-Zone" not in f"{desk.heads}{server.heads}"


def test_the_environment_of_a_token_endpoint_is_named_by_its_own_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"socks5://me:{CANARY}@p:1")
    auth = {"client_id": "me", "client_secret": "s", "token_url": "https://x", "proxy_from_environment": True}
    with pytest.raises(errors.ConfigError) as caught:
        asking("https://inventory.example", oauth2=auth)
    assert caught.value.path == "apis.tmf638.oauth2.proxy_from_environment"


# --- what goes wrong ---


async def refusal(
    url: str, kind: type[errors.SourceError], told: Told, port: int, host: str = "127.0.0.1"
) -> errors.SourceError:
    """The error behind a proxy with credentials, which are nowhere in it."""
    async with asking(url, told, proxy_url=f"http://me:{CANARY}@{host}:{port}", tls_config=TLS) as client:
        with pytest.raises(kind) as caught:
            await client.get(f"{url}/service", (("limit", "40"),))
    error = caught.value
    printed = "".join(traceback.format_exception(error))
    for secret in (CANARY, BASIC):
        assert secret not in f"{printed} {error.hint}"
    assert error.reason == "proxy"
    assert "limit=40" not in str(error)
    return error


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_f10_the_authentication_that_a_proxy_asks_for_is_named(scheme: str) -> None:
    asks = whole(b"", "Proxy-Authenticate: NTLM", status="407 Proxy Authentication Required")
    async with proxying(asks) as way:
        error = await refusal(f"{scheme}://inventory.invalid", errors.Refused, Told(), way.port)
    assert "asks for NTLM authentication" in str(error)
    assert "does not support NTLM" in error.hint


@pytest.mark.parametrize(
    ("scheme", "status"),
    [
        ("http", "407 Proxy Authentication Required"),
        ("https", "407 Proxy Authentication Required"),
        ("https", "403 Forbidden"),  # without TLS it cannot be told from the API's own
    ],
)
async def test_f10_a_proxy_that_refuses_us_is_reason_proxy_and_not_asked_again(
    scheme: str, status: str
) -> None:
    told = Told()
    async with proxying(whole(status=status)) as way:
        error = await refusal(f"{scheme}://inventory.invalid", errors.Refused, told, way.port)
    assert isinstance(error, errors.Refused)
    assert error.status == int(status[:3])
    assert "credentials" in error.hint
    assert told.failures == {"proxy": 1}


@pytest.mark.parametrize(
    ("scheme", "answer"),
    [
        ("https", whole(status="502 Bad Gateway")),
        ("https", whole(b"<html>", "Retry-After: 1", status="503 Service Unavailable")),
        ("http", whole(b"", "Proxy-Status: squid; error=connection_refused", status="502 Bad Gateway")),
        ("http", whole(b"", "X-Squid-Error: ERR_CONNECT_FAIL 111", status="503 Service Unavailable")),
    ],
)
async def test_f10_a_proxy_that_does_not_get_through_is_reason_proxy(scheme: str, answer: bytes) -> None:
    told = Told()
    async with proxying(answer) as way:
        error = await refusal(f"{scheme}://inventory.invalid", errors.Unreachable, told, way.port)
        assert f"the proxy http://127.0.0.1:{way.port}" in str(error)
    assert told.failures == {"proxy": 3}


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_f10_a_proxy_that_is_down_is_reason_proxy(scheme: str) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        error = await refusal(f"{scheme}://inventory.invalid", errors.Unreachable, Told(), port)
    assert "proxy_url" in error.hint


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_f10_a_proxy_whose_name_does_not_resolve_is_reason_proxy(scheme: str) -> None:
    error = await refusal(f"{scheme}://127.0.0.1:1", errors.Unreachable, Told(), 1, host="proxy.invalid")
    assert "cannot be resolved" in str(error)


@pytest.mark.parametrize(
    ("scheme", "answer", "kind"),
    [
        ("http", whole(b"no", status="407 Proxy Authentication Required"), errors.Refused),
        ("https", whole(b"no", status="407 Proxy Authentication Required"), errors.Refused),
        ("https", whole(status="502 Bad Gateway"), errors.Unreachable),
        ("http", whole(b"", "Proxy-Status: squid", status="502 Bad Gateway"), errors.Unreachable),
    ],
)
async def test_f10_a_proxy_between_us_and_tokens_is_blamed_by_its_own_key(
    scheme: str, answer: bytes, kind: type[errors.SourceError]
) -> None:
    async with serving(says(whole())) as server, proxying(answer) as way:
        auth = {
            **{
                "client_id": "me",
                "client_secret": CANARY[::-1],
                "token_url": f"{scheme}://login.invalid/token",
            },
            "proxy_url": f"http://me:{CANARY}@127.0.0.1:{way.port}",
            "proxy_connect_header": {"X-Zone": [CANARY]},
        }
        async with asking(server.url, oauth2=auth) as client:
            with pytest.raises(kind) as caught:
                await client.get(server.url, ())
    error = caught.value
    assert error.reason == "proxy"
    assert "apis.tmf638.oauth2" in error.hint
    printed = "".join(traceback.format_exception(error))
    for secret in (CANARY, CANARY[::-1], BASIC):
        assert secret not in f"{printed} {error.hint} {error!r}"
    assert server.heads == [], "without a token the API is not asked"


async def test_f10_a_proxy_that_gives_no_connection_is_reason_proxy() -> None:
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        # a full backlog: further SYNs are dropped
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for stuck in (first, second):
            stuck.setblocking(False)
            stuck.connect_ex(listener.getsockname())
        way = f"http://127.0.0.1:{listener.getsockname()[1]}"
        quick = asking("http://127.0.0.1:1", proxy_url=way, connect_timeout="100ms", retries=0)
        async with quick as client:
            with pytest.raises(errors.Unreachable) as caught:
                await client.get("http://127.0.0.1:1", ())
    assert caught.value.reason == "proxy"


async def test_f09_tls_to_the_proxy_is_checked() -> None:
    told = Told()
    async with serving(says(whole()), certificate="elsewhere.pem") as way:
        api = {"proxy_url": way.url, "tls_config": {"ca_file": CERTIFICATES / "ca.pem"}}
        async with asking("https://inventory.invalid", told, **api) as client:  # type: ignore[arg-type]
            with pytest.raises(errors.Unreachable, match="is not trusted: TLS failed"):
                await client.get("https://inventory.invalid", ())
    assert told.failures["proxy"] == 3
    assert way.heads == []


async def test_f09_tls_in_the_tunnel_is_checked() -> None:
    async with serving(says(whole()), certificate="elsewhere.pem") as server, proxying() as way:
        url = f"https://inventory.invalid:{yarl.URL(server.url).port}"
        api = {"proxy_url": f"http://127.0.0.1:{way.port}", "tls_config": TLS}
        async with asking(url, **api) as client:  # type: ignore[arg-type]
            with pytest.raises(errors.Unreachable) as caught:
                await client.get(url, ())
    assert caught.value.reason == "tls"
    assert server.heads == []


async def test_what_fails_behind_a_proxy_is_not_the_proxys_fault() -> None:
    async with serving(says(whole(status="502 Bad Gateway"))) as server, proxying() as way:
        async with asking(server.url, proxy_url=f"http://127.0.0.1:{way.port}", retries=0) as client:
            with pytest.raises(errors.Broken):
                await client.get(server.url, ())
