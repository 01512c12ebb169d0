"""The client against servers that misbehave on real sockets."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import ssl
import struct
import traceback
import zlib
from pathlib import Path

import pytest

from exporter import errors
from tests.source.certificates import CERTIFICATES
from tests.source.servers import (
    Server,
    Told,
    asking,
    says,
    serving,
    then_closes,
    then_resets,
    whole,
)

CANARY = "c4n4ry-s3cret"
PARAMS = (("@type", "element"), ("limit", "40"))


async def refusal(
    url: str, kind: type[errors.SourceError], told: Told | None = None, **api: object
) -> errors.SourceError:
    """The error with which a page of `url` cannot be got; no secret is anywhere in it."""
    api.setdefault("basic_auth", {"username": "monitor", "password": CANARY})
    async with asking(url, told, **api) as client:  # type: ignore[arg-type]
        with pytest.raises(kind) as caught:
            await client.get(f"{url}/service", PARAMS)
    error = caught.value
    printed = "".join(traceback.format_exception(error))
    assert CANARY not in f"{printed} {error.hint}"
    assert "limit=40" not in str(error)
    return error


async def test_a_page_is_what_the_server_sent_and_what_it_was_asked() -> None:
    told = Told()
    answer = whole(b'[{"id":1}]', "X-Total-Count: 7", status="206 Partial")
    async with serving(says(answer)) as server, asking(server.url, told) as client:
        page = await client.get(f"{server.url}/service", PARAMS)
    assert (page.status, page.body, page.params) == (206, b'[{"id":1}]', PARAMS)
    assert page.headers["x-total-count"] == "7"
    assert page.url == f"{server.url}/service"
    assert 0 <= page.seconds < 5
    head = server.heads[0]
    assert head.startswith("GET /service?@type=element&limit=40 HTTP/1.1\r\n")
    assert "Accept: application/json\r\n" in head
    assert "Accept-Encoding: gzip, deflate\r\n" in head
    assert "User-Agent: ses-inventory-exporter/" in head
    assert "Authorization" not in head
    assert told.codes == {"206": 1}
    assert not told.failures


async def test_there_are_never_more_connections_than_the_setting_allows() -> None:
    now, most = 0, 0

    async def script(server: Server, head: str, writer: asyncio.StreamWriter) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.005)
        now -= 1
        writer.write(whole())

    async with serving(script) as server, asking(server.url, limits={"concurrency": 3}) as client:
        await asyncio.gather(*(client.get(server.url, ()) for _ in range(20)))
        assert most == 3


async def test_waiting_for_other_requests_is_not_part_of_the_timeout() -> None:
    async def script(server: Server, head: str, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        writer.write(whole())

    async with serving(script) as server:
        client = asking(
            server.url, timeout="300ms", connect_timeout="200ms", limits={"concurrency": 1}, retries=0
        )
        async with client:
            pages = await asyncio.gather(*(client.get(server.url, ()) for _ in range(5)))
    assert len(pages) == 5


async def test_a_client_outside_of_its_context_is_a_bug() -> None:
    client = asking("http://127.0.0.1:1")
    with pytest.raises(RuntimeError, match="outside"):
        await client.get("http://127.0.0.1:1", ())
    await client.__aexit__(None, None, None)


# --- the network ---


async def test_f01_a_name_that_does_not_resolve_is_reason_dns_and_not_tried_again() -> None:
    told = Told()
    error = await refusal("http://inventory.invalid", errors.Unreachable, told)
    assert error.reason == "dns"
    assert "inventory.invalid" in str(error)
    assert told.retries == 0


async def test_f02_a_refused_connection_is_tried_again_and_then_reason_connect() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        told = Told()
        error = await refusal(f"http://127.0.0.1:{reserved.getsockname()[1]}", errors.Unreachable, told)
    assert error.reason == "connect"
    assert "apis.tmf638.url" in error.hint
    assert (told.retries, told.failures) == (2, {"connect": 3})


async def test_f03_a_connection_that_never_comes_about_ends_at_the_connect_timeout() -> None:
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        # a full backlog: further SYNs are dropped
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for client in (first, second):
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        error = await refusal(url, errors.Unreachable, connect_timeout="100ms", retries=0)
    assert error.reason == "timeout"
    assert "connect_timeout" in error.hint


@pytest.mark.parametrize("encoding", ["", "gzip"])
async def test_f04_a_reset_in_the_middle_of_a_body_is_followed_by_the_same_page_again(encoding: str) -> None:
    body = b'[{"id":1},{"id":2}]'
    torn = whole(body * 10)[:-20]
    told = Told()
    async with serving(then_resets(torn, whole(body))) as server, asking(server.url, told) as client:
        assert (await client.get(server.url, PARAMS)).body == body
    assert server.heads[0] == server.heads[1]
    assert (told.retries, told.failures) == (1, {"reset": 1})


async def test_f04_a_reset_every_time_is_reason_reset() -> None:
    def script(server: Server, head: str, writer: asyncio.StreamWriter) -> object:
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        return asyncio.sleep(0)

    async with serving(script) as server:  # type: ignore[arg-type]
        assert (await refusal(server.url, errors.Unreachable)).reason == "reset"


SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n[]"
UNCHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n"


@pytest.mark.parametrize("answer", [SHORT, UNCHUNKED])
async def test_f05_a_body_that_ends_too_soon_is_a_failure_even_if_it_parses(answer: bytes) -> None:
    async with serving(then_closes(answer)) as server:
        assert (await refusal(server.url, errors.Unreachable)).reason == "reset"


async def test_f06_a_server_that_drips_is_cut_off_by_the_total_timeout() -> None:
    async def drip(server: Server, head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n[")
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)

    told = Told()
    async with serving(drip) as server:
        error = await refusal(server.url, errors.Unreachable, told, timeout="150ms", retries=0)
    assert error.reason == "timeout"
    assert told.codes == {"200": 1}


async def test_f07_a_server_that_accepts_and_never_answers_is_reason_timeout() -> None:
    async def silence(server: Server, head: str, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    told = Told()
    async with serving(silence) as server:
        error = await refusal(server.url, errors.Unreachable, told, timeout="100ms", retries=1)
    assert error.reason == "timeout"
    assert "apis.tmf638.timeout" in error.hint
    assert (told.retries, told.codes) == (1, {})


async def test_f08_a_kept_connection_that_has_died_is_replaced_by_a_fresh_one() -> None:
    async with serving(then_closes(whole())) as server, asking(server.url, retries=1) as client:
        await client.get(server.url, ())
        await asyncio.sleep(0.02)
        assert (await client.get(server.url, ())).status == 200


@pytest.mark.parametrize(
    ("certificate", "tls"),
    [
        ("localhost.pem", {}),
        ("expired.pem", {"ca_file": CERTIFICATES / "ca.pem"}),
        ("elsewhere.pem", {"ca_file": CERTIFICATES / "ca.pem"}),
        ("localhost.pem", {"ca_file": CERTIFICATES / "ca.pem", "server_name": "inventory.example"}),
    ],
)
async def test_f09_tls_fails_closed_and_once(certificate: str, tls: dict[str, object]) -> None:
    told = Told()
    async with serving(says(whole()), certificate=certificate) as server:
        error = await refusal(server.url, errors.Unreachable, told, tls_config=tls)
    assert error.reason == "tls"
    assert "tls_config" in error.hint
    assert (told.retries, server.heads) == (0, [])


async def test_f09_a_server_that_resets_the_handshake_is_asked_again() -> None:
    tls = {"insecure_skip_verify": True, "min_version": "TLS13"}
    told = Told()
    async with serving(says(whole()), certificate="localhost.pem", newest=ssl.TLSVersion.TLSv1_2) as server:
        error = await refusal(server.url, errors.Unreachable, told, tls_config=tls)
    assert (error.reason, told.retries) == ("reset", 2)
    assert "min_version" in error.hint


async def test_f09_a_server_that_refuses_our_protocol_is_reason_tls() -> None:
    async def alert(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(b"\x15\x03\x03\x00\x02\x02\x46")  # fatal, protocol_version (RFC 8446, section 6)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(alert, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        error = await refusal(f"https://127.0.0.1:{port}", errors.Unreachable)
    assert error.reason == "tls"


@pytest.mark.parametrize(
    ("certificate", "tls"),
    [
        ("localhost.pem", {"ca_file": CERTIFICATES / "ca.pem", "min_version": "TLS13"}),
        ("localhost.pem", {"ca_file": CERTIFICATES / "ca.pem", "max_version": "TLS12"}),
        ("localhost.pem", {"ca": (CERTIFICATES / "ca.pem").read_text()}),
        ("elsewhere.pem", {"ca_file": CERTIFICATES / "ca.pem", "server_name": "elsewhere.example"}),
        ("expired.pem", {"insecure_skip_verify": True}),
        (
            "localhost.pem",
            {
                "ca_file": CERTIFICATES / "ca.pem",
                "cert_file": CERTIFICATES / "localhost.pem",
                "key_file": CERTIFICATES / "localhost.pem",
            },
        ),
    ],
)
async def test_f09_tls_works_as_it_is_configured(certificate: str, tls: dict[str, object]) -> None:
    serve = serving(says(whole()), certificate=certificate)
    async with serve as server, asking(server.url, tls_config=tls) as client:
        assert (await client.get(server.url, ())).status == 200


@pytest.mark.parametrize(
    ("tls", "key"),
    [
        ({"ca_file": "missing.pem"}, "apis.tmf638.tls_config.ca_file"),
        ({"ca_file": __file__}, "apis.tmf638.tls_config.ca_file"),
        ({"ca_file": CERTIFICATES / "broken.pem"}, "apis.tmf638.tls_config.ca_file"),
        ({"ca": "no certificate"}, "apis.tmf638.tls_config.ca"),
        ({"cert": "no certificate", "key": CANARY}, "apis.tmf638.tls_config.cert"),
        (
            {"cert_file": CERTIFICATES / "locked.pem", "key_file": CERTIFICATES / "locked.pem"},
            "apis.tmf638.tls_config.cert_file",
        ),
    ],
)
async def test_f09_a_certificate_that_cannot_be_used_is_an_error_of_the_settings(
    tls: object, key: str
) -> None:
    with pytest.raises(errors.ConfigError) as caught:
        await asking("https://127.0.0.1:1", tls_config=tls).__aenter__()
    assert caught.value.path == key
    assert CANARY not in "".join(traceback.format_exception(caught.value))


# --- HTTP ---


async def test_a_password_is_sent_as_basic_authentication() -> None:
    written = {"username": "müller", "password": "a:b"}
    async with serving(says(whole())) as server, asking(server.url, basic_auth=written) as client:
        await client.get(server.url, ())
    assert "Authorization: Basic bcO8bGxlcjphOmI=\r\n" in server.heads[0]


async def test_credentials_are_sent_with_their_type() -> None:
    written = {"type": "Token", "credentials": "t0k"}
    async with serving(says(whole())) as server, asking(server.url, authorization=written) as client:
        await client.get(server.url, ())
    assert "Authorization: Token t0k\r\n" in server.heads[0]


async def test_f12_a_401_is_tried_once_more_with_a_rotated_password(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("old")

    async def rotate(server: Server, head: str, writer: asyncio.StreamWriter) -> None:
        file.write_text("new")
        old = "Basic bW9uaXRvcjpvbGQ=" in head
        writer.write(whole(status="401 Unauthorized") if old else whole(b"[1]"))

    told = Told()
    written = {"username": "monitor", "password_file": file}
    async with serving(rotate) as server, asking(server.url, told, basic_auth=written) as client:
        assert (await client.get(server.url, ())).body == b"[1]"
    assert len(server.heads) == 2
    assert (told.codes, told.failures, told.retries) == ({"401": 1, "200": 1}, {}, 0)


async def test_f62_a_password_file_that_has_gone_is_reason_auth_and_named(tmp_path: Path) -> None:
    auth = {"username": "monitor", "password_file": tmp_path / "gone"}
    error = await refusal("http://127.0.0.1:1", errors.Refused, basic_auth=auth)
    assert error.reason == "auth"
    assert "gone" in str(error)
    assert "apis.tmf638.basic_auth.password_file" in str(error)


async def test_f16_the_wait_a_server_asks_for_is_waited_for() -> None:
    busy = whole(b"", "Retry-After: 0.2", status="429 Too Many Requests")
    async with serving(says(busy, whole())) as server, asking(server.url) as client:
        began = asyncio.get_running_loop().time()
        await client.get(server.url, ())
        assert asyncio.get_running_loop().time() - began >= 0.2


@pytest.mark.parametrize("answer", [b"HTTP/1.1 204 No Content\r\n\r\n", whole(b"")])
async def test_f20_an_answer_without_a_body_is_a_failure_after_its_retries(answer: bytes) -> None:
    async with serving(says(answer)) as server:
        error = await refusal(server.url, errors.Malformed)
    assert (error.reason, len(server.heads)) == ("empty", 3)


async def test_a_body_of_blanks_is_no_empty_list() -> None:
    async with serving(says(whole(b" " * 99))) as server:
        error = await refusal(server.url, errors.Malformed)
    assert (error.reason, len(server.heads)) == ("json", 1)


BODY = json.dumps([{"id": str(number)} for number in range(500)]).encode()


async def test_a_compressed_body_is_decompressed() -> None:
    answer = whole(gzip.compress(BODY, mtime=0), "Content-Encoding: gzip")
    async with serving(says(answer)) as server, asking(server.url) as client:
        assert (await client.get(server.url, ())).body == BODY


@pytest.mark.parametrize(
    "answer",
    [
        whole(b"?" * 300, "Content-Encoding: gzip"),
        whole(b"\x1b\x03" * 150, "Content-Encoding: br"),
        whole(b"?" * 300, "Content-Encoding: gzip, gzip"),
        whole(gzip.compress(gzip.compress(BODY, mtime=0)[:-9], mtime=0), "Content-Encoding: gzip"),
        whole(bytes([*gzip.compress(BODY, mtime=0)[:200], *b"?" * 300]), "Content-Encoding: gzip"),
    ],
)
async def test_f23_a_wrong_content_encoding_is_a_failure(answer: bytes) -> None:
    async with serving(says(answer)) as server:
        assert (await refusal(server.url, errors.Malformed)).reason == "encoding"


async def test_f23_a_compressed_body_that_lacks_its_end_is_a_failure() -> None:
    answer = whole(gzip.compress(BODY, mtime=0)[:-30], "Content-Encoding: gzip")
    async with serving(says(answer)) as server:
        assert (await refusal(server.url, errors.Malformed)).reason == "encoding"


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(BODY, mtime=0), "x-gzip"),
        (gzip.compress(BODY[:99], mtime=0) + gzip.compress(BODY[99:]), "gzip"),
        (zlib.compress(BODY), "deflate"),
        (zlib.compress(BODY)[2:-4], "Deflate"),
        (BODY, "identity"),
    ],
)
async def test_every_way_to_compress_that_servers_mean_is_understood(body: bytes, encoding: str) -> None:
    answer = whole(body, f"Content-Encoding: {encoding}")
    async with serving(says(answer)) as server, asking(server.url) as client:
        assert (await client.get(server.url, ())).body == BODY


async def test_f24_64_kilobytes_of_headers_are_a_failure_and_no_crash() -> None:
    answer = whole(b"[]", f"X-Long: {'x' * 65536}")
    async with serving(says(answer)) as server:
        assert (await refusal(server.url, errors.Malformed)).reason == "too_large"


async def test_an_answer_that_is_not_http_is_a_failure() -> None:
    async with serving(says(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")) as server:
        error = await refusal(server.url, errors.Malformed)
    assert error.reason == "encoding"
    assert "not HTTP" in str(error)


async def test_f55_a_bomb_is_cut_off_at_the_cap() -> None:
    bomb = gzip.compress(b" " * (32 << 20))
    async with serving(says(whole(bomb, "Content-Encoding: gzip"))) as server:
        error = await refusal(server.url, errors.Malformed, limits={"bytes": "1MiB"})
    assert (error.reason, len(server.heads)) == ("too_large", 1)
    assert "limits.bytes" in error.hint


@pytest.mark.parametrize(
    "answer", [whole(b"[" * 1024), whole(gzip.compress(b"[" * 1024, mtime=0), "Content-Encoding: gzip")]
)
async def test_f41_a_body_that_is_just_as_large_as_the_cap_is_taken(answer: bytes) -> None:
    async with (
        serving(says(answer)) as server,
        asking(server.url, limits={"bytes": 1024}) as client,
    ):
        assert len((await client.get(server.url, ())).body) == 1024


async def test_a_request_that_is_cancelled_stays_cancelled() -> None:
    async def silence(server: Server, head: str, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async with serving(silence) as server, asking(server.url) as client:
        task = asyncio.create_task(client.get(server.url, ()))
        while not server.heads:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
