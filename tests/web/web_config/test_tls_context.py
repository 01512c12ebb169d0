"""TLS with real clients: who is refused in the handshake, and who comes in."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from pathlib import Path

import pytest
import trustme

from exporter import certificates
from exporter.errors import ConfigError
from exporter.web.web_config import reloader

from .served import ALICE, STRICT, TLS, USERS, Folder, Served, served, write


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


async def connected(there: Served, tls: ssl.SSLContext) -> ssl.SSLObject:
    """The connection of a client that was let in: one request is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", there.port, ssl=tls)
    try:
        writer.write(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
        if not (await reader.read(12)).startswith(b"HTTP/1.1 200"):
            raise ConnectionResetError("the server closed")
        found: ssl.SSLObject = writer.get_extra_info("ssl_object")
        return found
    finally:
        writer.transport.abort()


async def refused(there: Served, tls: ssl.SSLContext) -> None:
    with pytest.raises(OSError):
        await connected(there, tls)


def speaking(folder: Folder, version: ssl.TLSVersion) -> ssl.SSLContext:
    """A client of that version only, which would do anything to be let in."""
    client = folder.client()
    client.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        client.minimum_version = client.maximum_version = version
    return client


async def test_a_client_is_served_over_tls_with_nothing_but_a_certificate(folder: Folder) -> None:
    async with served(folder.web(TLS)) as there:
        status, text, _ = await there.get(tls=folder.client())
        assert status == 200
        assert text


async def test_certificates_may_be_written_inline(folder: Folder) -> None:
    lines = ["tls_server_config:", "  client_auth_type: RequireAndVerifyClientCert"]
    for key, file in (("cert", "server.crt"), ("key", "server.key"), ("client_ca", "ca.crt")):
        content = (folder.path / file).read_text().splitlines()
        lines += [f"  {key}: |", *(f"    {line}" for line in content)]
    async with served(folder.web("\n".join(lines))) as there:
        assert (await there.get(tls=folder.client("prometheus")))[0] == 200
        await refused(there, folder.client())


async def test_plain_http_is_not_answered_where_tls_is_set(folder: Folder) -> None:
    async with served(folder.web(TLS)) as there:
        reader, writer = await asyncio.open_connection("127.0.0.1", there.port)
        writer.write(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200" not in await reader.read()
        writer.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
async def test_old_versions_of_tls_are_refused(folder: Folder, version: ssl.TLSVersion) -> None:
    async with served(folder.web(TLS)) as there:
        await refused(there, speaking(folder, version))


@pytest.mark.parametrize(
    ("rules", "spoken"),
    [("", "23"), ("  min_version: TLS13\n", "3"), ("  max_version: TLS12\n", "2")],
)
async def test_only_the_versions_of_the_file_are_spoken(folder: Folder, rules: str, spoken: str) -> None:
    versions = {"2": ssl.TLSVersion.TLSv1_2, "3": ssl.TLSVersion.TLSv1_3}
    async with served(folder.web(f"{TLS}{rules}")) as there:
        for name, version in versions.items():
            if name in spoken:
                assert (await connected(there, speaking(folder, version))).version() == f"TLSv1.{name}"
            else:
                await refused(there, speaking(folder, version))


async def test_only_the_suites_of_the_file_are_used_and_the_server_prefers(folder: Folder) -> None:
    suites = "[TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]"
    rules = f"{TLS}  max_version: TLS12\n  cipher_suites: {suites}\n"
    client = folder.client()
    client.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256")
    for prefers, used in (("true", "AES128-GCM-SHA256"), ("false", "AES256-GCM-SHA384")):
        async with served(folder.web(f"{rules}  prefer_server_cipher_suites: {prefers}\n")) as there:
            suite = (await connected(there, client)).cipher()
            assert suite is not None
            assert suite[0] == f"ECDHE-ECDSA-{used}"
    client.set_ciphers("ECDHE-ECDSA-CHACHA20-POLY1305")
    async with served(folder.web(rules)) as there:
        await refused(there, client)


async def test_where_only_suites_of_tls_13_are_listed_nothing_else_is_spoken(folder: Folder) -> None:
    async with served(folder.web(f"{TLS}  cipher_suites: [TLS_AES_128_GCM_SHA256]\n")) as there:
        await refused(there, speaking(folder, ssl.TLSVersion.TLSv1_2))
        await connected(there, folder.client())


async def test_only_the_curve_of_the_file_is_used(folder: Folder) -> None:
    client = folder.client()
    client.set_ecdh_curve("prime256v1")
    async with served(folder.web(f"{TLS}  curve_preferences: [CurveP256]\n")) as there:
        await connected(there, client)
    async with served(folder.web(f"{TLS}  curve_preferences: [CurveP521]\n")) as there:
        await refused(there, client)


async def test_a_curve_that_cannot_be_set_is_an_error_of_the_configuration(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As X25519 is with Python 3.11.2, and as some are with the OpenSSL of other distributions."""
    monkeypatch.setitem(reloader._CURVES, "X25519", "unknown-to-openssl")
    with pytest.raises(ConfigError, match="X25519 cannot be set") as caught:
        async with served(folder.web(f"{TLS}  curve_preferences: [X25519]\n")):
            raise AssertionError("it is served all the same")
    assert caught.value.path == "tls_server_config.curve_preferences"
    assert "leave it out" in caught.value.hint


async def test_a_client_that_offers_http_2_is_answered_in_http_1(folder: Folder) -> None:
    client = folder.client()
    client.set_alpn_protocols(["h2", "http/1.1"])
    async with served(folder.web(f"{TLS}http_server_config: {{http2: true}}\n")) as there:
        assert (await connected(there, client)).selected_alpn_protocol() == "http/1.1"


async def test_a_client_without_a_certificate_or_with_a_wrong_one_is_refused(folder: Folder) -> None:
    async with served(folder.web(STRICT)) as there:
        await connected(there, folder.client("prometheus.example.net"))
        await refused(there, folder.client())
        await refused(there, folder.client("prometheus.example.net", by=trustme.CA()))
        await connected(there, folder.client("prometheus.example.net"))


async def test_a_certificate_that_may_be_left_out_must_be_right_if_it_is_shown(folder: Folder) -> None:
    rules = f"{TLS}  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ca.crt\n"
    async with served(folder.web(rules)) as there:
        await connected(there, folder.client())
        await connected(there, folder.client("prometheus.example.net"))
        await refused(there, folder.client("prometheus.example.net", by=trustme.CA()))


async def test_without_an_authority_those_of_the_system_are_asked(folder: Folder) -> None:
    rules = f"{TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_allowed_sans: [prometheus]\n"
    async with served(folder.web(rules)) as there:
        await refused(there, folder.client("prometheus"))


@pytest.mark.parametrize(
    ("allowed", "shown"),
    [
        ("prometheus.example.net", "prometheus.example.net"),
        ("192.0.2.7", "192.0.2.7"),
        ("2001:DB8:0::7", "2001:db8::7"),
        ("ops@example.net", "ops@example.net"),
        ("[other.example.net, prometheus.example.net]", "prometheus.example.net"),
    ],
)
async def test_a_certificate_with_an_allowed_name_comes_in(folder: Folder, allowed: str, shown: str) -> None:
    names = allowed if allowed.startswith("[") else f'["{allowed}"]'
    async with served(folder.web(f"{STRICT}  client_allowed_sans: {names}\n")) as there:
        await connected(there, folder.client("another.example.net", shown))
        await refused(there, folder.client("another.example.net"))
        await refused(there, folder.client(f"x{shown}" if "@" in shown else "198.51.100.1"))


async def test_names_and_passwords_are_both_needed_where_both_are_set(folder: Folder) -> None:
    async with served(folder.web(f"{STRICT}  client_allowed_sans: [prometheus]\n{USERS}")) as there:
        client = folder.client("prometheus")
        assert (await there.get(tls=client, auth=ALICE))[0] == 200
        assert (await there.get(tls=client))[0] == 401
        await refused(there, folder.client("stranger"))


async def test_remarks_around_the_certificates_of_authorities_may_be_in_any_encoding(folder: Folder) -> None:
    authority = (folder.path / "ca.crt").read_bytes()
    write(
        folder.path / "ca.crt", b"".join((b"caf\xe9\n", authority, b"\xff\n", trustme.CA().cert_pem.bytes()))
    )
    async with served(folder.web(STRICT)) as there:
        await connected(there, folder.client("prometheus"))
        await refused(there, folder.client("prometheus", by=trustme.CA()))


def test_names_of_every_kind_are_compared_and_a_certificate_may_have_none() -> None:
    shown = {
        "subjectAltName": (
            ("DNS", "a.example.net"),
            ("IP Address", "2001:DB8:0:0:0:0:0:7\n"),
            ("URI", "spiffe://example.net/prometheus"),
            ("email", "ops@example.net"),
        )
    }
    assert certificates.names(shown) == {
        "a.example.net",
        "2001:db8::7",
        "spiffe://example.net/prometheus",
        "ops@example.net",
    }
    assert certificates.names({}) == frozenset()
