"""Certificates: ours, theirs, and both rotated while we run."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import ssl
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from exporter import errors, settings
from exporter.client import tls
from tests.source.certificates import CERTIFICATES
from tests.source.servers import Told, asking, says, serving, then_closes, whole

CA = CERTIFICATES / "ca.pem"
OURS = CERTIFICATES / "client.pem"


@pytest.mark.parametrize(
    "written",
    [
        {"cert_file": OURS, "key_file": OURS},
        {"cert": OURS.read_text(), "key": OURS.read_text()},
        {"cert_file": OURS, "key_file": OURS, "max_version": "TLS12"},
    ],
)
async def test_our_certificate_is_shown_to_an_api_that_wants_it(written: dict[str, object]) -> None:
    serve = serving(says(whole(b"[1]")), certificate="localhost.pem", clients="ca.pem")
    async with serve as server, asking(server.url, tls_config={"ca_file": CA, **written}) as client:
        assert (await client.get(server.url, ())).body == b"[1]"


def refuse_certificates(listener: socket.socket) -> None:
    """Ends handshakes with an alert about the client's certificate; asyncio's servers just hang up."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(CERTIFICATES / "other.pem"))
    context.load_cert_chain(CERTIFICATES / "localhost.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    with contextlib.suppress(OSError):  # until it is shut down
        while True:
            connection, _ = listener.accept()
            secured = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            with pytest.raises(ssl.SSLError):
                secured.do_handshake()
            with socket.socket(fileno=secured.detach()) as bare:
                while bare.recv(4096):
                    pass  # else a reset would overtake the alert


@pytest.mark.parametrize("version", ["TLS12", "TLS13"])
@pytest.mark.parametrize("shown", [{}, {"cert_file": OURS, "key_file": OURS}])
async def test_f09_an_api_that_refuses_our_certificate_is_reason_tls(
    version: str, shown: dict[str, object]
) -> None:
    told = Told()
    config = {"ca_file": CA, "max_version": version, "min_version": version, **shown}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        refusing = asyncio.create_task(asyncio.to_thread(refuse_certificates, listener))
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        async with asking(url, told, tls_config=config) as client:
            with pytest.raises(errors.Unreachable) as caught:
                await client.get(url, ())
        listener.shutdown(socket.SHUT_RDWR)
        await refusing
    assert caught.value.reason == "tls"
    assert "cert_file" in caught.value.hint
    assert told.retries == 0


async def test_f09_rotated_authorities_and_certificates_are_picked_up(tmp_path: Path) -> None:
    authorities, ours = tmp_path / "ca.pem", tmp_path / "client.pem"
    shutil.copy(CERTIFICATES / "other.pem", authorities)
    shutil.copy(CERTIFICATES / "elsewhere.pem", ours)
    config = {"ca_file": authorities, "cert_file": ours, "key_file": ours}
    serve = serving(then_closes(whole(b"[1]")), certificate="localhost.pem", clients="ca.pem")
    async with serve as server, asking(server.url, tls_config=config) as client:
        with pytest.raises(errors.Unreachable):
            await client.get(server.url, ())
        shutil.copy(CA, authorities)
        shutil.copy(OURS, ours)
        with capture_logs() as logs:
            assert (await client.get(server.url, ())).body == b"[1]"
    events = [entry["event"] for entry in logs if entry["log_level"] != "debug"]
    assert events == ["certificates reloaded"]


async def refreshed(security: tls.Context) -> ssl.SSLContext:
    await security.refresh()
    return security.context()


async def test_f09_a_file_that_cannot_be_used_leaves_the_former_in_use(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    shutil.copy(CA, file)
    security = tls.Context(settings.TlsConfig(ca_file=file), "apis.x.tls_config")
    first = security.context()
    assert await refreshed(security) is first
    with capture_logs() as logs:
        file.unlink()
        assert await refreshed(security) is first
        assert await refreshed(security) is first
        file.write_text("half a certif")
        assert await refreshed(security) is first
        shutil.copy(CA, file)
        assert await refreshed(security) is not first
    assert [entry["log_level"] for entry in logs] == ["warning", "warning", "info"]


async def test_without_settings_there_is_nothing_to_watch() -> None:
    security = tls.Context(None, "apis.x.tls_config")
    assert await refreshed(security) is security.context()
    assert security.server_name is None


async def test_f09_an_authority_that_changes_while_a_connection_is_made_costs_no_page(tmp_path: Path) -> None:
    """The file is replaced after it was read for the request and before the API shows its certificate."""
    file = tmp_path / "ca.pem"
    shutil.copyfile(CERTIFICATES / "other.pem", file)
    shown = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    shown.load_cert_chain(CERTIFICATES / "localhost.pem")
    connections = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        shutil.copyfile(CERTIFICATES / "ca.pem", file)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await writer.start_tls(shown)
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]")
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with asking(
            f"https://127.0.0.1:{port}", tls_config={"ca_file": str(file)}, retries=0
        ) as client:
            page = await client.get(f"https://127.0.0.1:{port}/", ())
    assert (page.status, page.body, connections) == (200, b"[]", 2)


async def test_f09_new_authorities_are_trusted_while_a_certificate_waits_for_its_key(tmp_path: Path) -> None:
    """A rotation replaces the certificate some time before its key, and the authorities in between."""
    files = {name: tmp_path / f"{name}.pem" for name in ("ca", "certificate", "key")}
    shutil.copy(CERTIFICATES / "other.pem", files["ca"])
    shutil.copy(OURS, files["certificate"])
    shutil.copy(OURS, files["key"])
    config = {"ca_file": files["ca"], "cert_file": files["certificate"], "key_file": files["key"]}
    serve = serving(then_closes(whole(b"[1]")), certificate="localhost.pem", clients="ca.pem")
    async with serve as server, asking(server.url, tls_config=config, retries=0) as client:
        with pytest.raises(errors.Unreachable):
            await client.get(server.url, ())
        shutil.copy(CERTIFICATES / "elsewhere.pem", files["certificate"])
        shutil.copy(CA, files["ca"])
        assert (await client.get(server.url, ())).body == b"[1]"


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
async def test_an_old_version_that_is_allowed_has_an_effect(version: str) -> None:
    old = ssl.TLSVersion[version]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = old, old
    context.load_cert_chain(CERTIFICATES / "localhost.pem")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(whole(b"[1]"))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as listener:
        url = f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        async with asking(url, tls_config={"ca_file": CA, "min_version": "TLS10"}) as client:
            assert (await client.get(url, ())).body == b"[1]"
        async with asking(url, retries=0, tls_config={"ca_file": CA}) as client:
            with pytest.raises(errors.Unreachable) as caught:
                await client.get(url, ())
    assert "min_version" in caught.value.hint


async def refused_by(answer: bytes, scheme: str) -> errors.SourceError:
    """The error with a server that reads the first bytes, gives this and ends the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(answer)
        with contextlib.suppress(ConnectionError, TimeoutError):
            await writer.drain()
            await asyncio.wait_for(reader.read(), 1)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listener:
        url = f"{scheme}://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        async with asking(url, retries=0, basic_auth={"username": "u", "password": "c4n4ry"}) as client:
            with pytest.raises(errors.SourceError) as caught:
                await client.get(url, ())
    return caught.value


async def test_a_server_without_secure_renegotiation_is_named() -> None:
    # a ServerHello of TLS 1.2 without the extension of RFC 5746
    body = b"\x03\x03" + bytes(32) + b"\x00" + b"\xc0\x2f" + b"\x00"
    hello = b"\x02" + len(body).to_bytes(3, "big") + body
    error = await refused_by(b"\x16\x03\x03" + len(hello).to_bytes(2, "big") + hello, "https")
    assert error.reason == "tls"
    assert "RFC 5746" in str(error)
    assert "certificate" not in f"{error}{error.hint}"


@pytest.mark.parametrize(
    "answer",
    [whole(b"", status="400 Bad Request"), b"<html>Bad request</html>", b"SSH-2.0-OpenSSH_9.2\r\n"],
)
async def test_https_to_a_port_without_tls_is_named(answer: bytes) -> None:
    error = await refused_by(answer, "https")
    assert error.reason == "tls"
    assert "does not speak TLS on this port" in str(error)
    assert "http://" in error.hint


async def test_https_to_a_port_that_hangs_up_asks_whether_it_speaks_tls() -> None:
    error = await refused_by(b"", "https")
    assert "does the server speak TLS on this port?" in error.hint


@pytest.mark.parametrize("alert", [b"\x15\x03\x01\x00\x02\x02\x46", b"\x15\x03\x03\x00\x02\x01\x00"])
async def test_http_to_a_port_with_tls_is_named(alert: bytes) -> None:
    error = await refused_by(alert, "http")
    assert "the server speaks TLS on this port" in str(error)
    assert "write https:// into apis.tmf638.url" in error.hint


async def test_http_to_a_port_with_tls_that_hangs_up_asks_whether_it_does() -> None:
    async with serving(says(whole()), certificate="localhost.pem") as server:
        url = server.url.replace("https://", "http://")
        async with asking(url, retries=0) as client:
            with pytest.raises(errors.SourceError) as caught:
                await client.get(url, ())
    assert "https://" in caught.value.hint
