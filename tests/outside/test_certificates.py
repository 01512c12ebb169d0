"""Certificates of private authorities: verified alike on every Python, and their flaws named."""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from exporter import errors, settings
from exporter.client import tls
from tests.outside import issuing
from tests.outside.issuing import ALWAYS, DAY, HERE, NOW, Extension, Issued, issue, written
from tests.source.certificates import CERTIFICATES
from tests.source.servers import asking, says, serving, whole
from tests.web.web_config.served import TLS, Folder, served

Shape = Callable[[], tuple[bytes, Issued, Sequence[Issued]]]
"""What stands in `ca_file`, the server's certificate, and what the server sends beside it."""


def easy_rsa() -> tuple[bytes, Issued, Sequence[Issued]]:
    """No keyUsage, basicConstraints that are not critical, an identifier with issuer and serial number."""
    root = issue("Easy-RSA CA", [issuing.NOT_CRITICAL])
    return root.pem, issue("api", [HERE, root.identifier, issuing.NO_AUTHORITY], root), ()


def without_identifiers() -> tuple[bytes, Issued, Sequence[Issued]]:
    root = issue("authority", [issuing.AN_AUTHORITY])
    return root.pem, issue("api", [HERE], root), ()


def intermediate_trusted() -> tuple[bytes, Issued, Sequence[Issued]]:
    root = issue("root", [issuing.AN_AUTHORITY])
    middle = issue("issuing", [issuing.AN_AUTHORITY], root)
    return middle.pem, issue("api", [HERE], middle), ()


def intermediate_trusted_and_sent() -> tuple[bytes, Issued, Sequence[Issued]]:
    root = issue("root", [issuing.AN_AUTHORITY])
    middle = issue("issuing", [issuing.AN_AUTHORITY], root)
    return middle.pem, issue("api", [HERE], middle), (middle, root)


def self_signed_pinned() -> tuple[bytes, Issued, Sequence[Issued]]:
    leaf = issue("api", [HERE])
    return leaf.pem, leaf, ()


def leaf_pinned() -> tuple[bytes, Issued, Sequence[Issued]]:
    leaf = issue("api", [HERE], issue("authority", [issuing.AN_AUTHORITY]))
    return leaf.pem, leaf, ()


BELIEVED = (
    easy_rsa,
    without_identifiers,
    intermediate_trusted,
    intermediate_trusted_and_sent,
    self_signed_pinned,
    leaf_pinned,
)


def chain(folder: Path, leaf: Issued, beside: Sequence[Issued]) -> str:
    return str(written(folder, "server.pem", leaf.key_pem, leaf.pem, *(one.pem for one in beside)))


@pytest.mark.parametrize("shape", BELIEVED)
async def test_o02_certificates_of_private_authorities_are_believed(shape: Shape, tmp_path: Path) -> None:
    authorities, leaf, beside = shape()
    ca_file = written(tmp_path, "ca.pem", authorities)
    async with serving(says(whole(b"[1]")), certificate=chain(tmp_path, leaf, beside)) as server:
        async with asking(server.url, tls_config={"ca_file": ca_file}) as client:
            assert (await client.get(server.url, ())).body == b"[1]"
        async with asking(server.url, tls_config={"ca": authorities.decode()}) as client:
            assert (await client.get(server.url, ())).body == b"[1]"


@pytest.mark.parametrize("shape", [easy_rsa, intermediate_trusted])
async def test_o02_the_token_endpoints_are_believed_alike(shape: Shape, tmp_path: Path) -> None:
    authorities, leaf, beside = shape()
    ca_file = written(tmp_path, "ca.pem", authorities)
    token = whole(b'{"access_token": "abc", "token_type": "Bearer"}', "Content-Type: application/json")
    async with (
        serving(says(token), certificate=chain(tmp_path, leaf, beside)) as endpoint,
        serving(says(whole(b"[1]"))) as server,
    ):
        oauth2 = {
            "client_id": "me",
            "client_secret": "secret",
            "token_url": f"{endpoint.url}/token",
            "tls_config": {"ca_file": ca_file},
        }
        async with asking(server.url, oauth2=oauth2) as client:
            assert (await client.get(server.url, ())).body == b"[1]"


@pytest.mark.parametrize("shape", BELIEVED)
async def test_o02_clients_certificates_are_believed_alike(shape: Shape, tmp_path: Path) -> None:
    authorities, leaf, beside = shape()
    folder = Folder(tmp_path)
    written(tmp_path, "clients.pem", authorities)
    strict = f"{TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: clients.pem\n"
    client = folder.client()
    client.load_cert_chain(chain(tmp_path, leaf, beside))
    async with served(folder.web(strict)) as there:
        assert (await there.get(tls=client))[0] == 200


def of(*extensions: Extension, valid: tuple[object, object] = ALWAYS) -> Shape:
    """A leaf with these extensions, whose authority is trusted."""

    def shape() -> tuple[bytes, Issued, Sequence[Issued]]:
        root = issue("authority", [issuing.AN_AUTHORITY])
        return root.pem, issue("127.0.0.1", extensions, root, valid), ()  # type: ignore[arg-type]

    return shape


def unknown() -> tuple[bytes, Issued, Sequence[Issued]]:
    return easy_rsa()[0], without_identifiers()[1], ()


def self_signed() -> tuple[bytes, Issued, Sequence[Issued]]:
    return easy_rsa()[0], self_signed_pinned()[1], ()


def root_sent() -> tuple[bytes, Issued, Sequence[Issued]]:
    root = issue("root", [issuing.AN_AUTHORITY])
    return easy_rsa()[0], issue("api", [HERE], root), (root,)


def by_no_authority() -> tuple[bytes, Issued, Sequence[Issued]]:
    root = issue("root", [issuing.NO_AUTHORITY])
    return root.pem, issue("api", [HERE], root), ()


ELSEWHERE: Extension = (
    issuing.x509.SubjectAlternativeName([issuing.x509.DNSName("elsewhere.example")]),
    False,
)
REFUSED = {
    "common name only": (of(), "is not for the name 127.0.0.1", "its common name (CN) alone does not count"),
    "wrong host": (of(ELSEWHERE), "is not for the name 127.0.0.1", "apis.tmf638.tls_config.server_name"),
    "expired": (of(HERE, valid=(NOW - 9 * DAY, NOW - DAY)), "has expired", "renew it at the server"),
    "not yet valid": (of(HERE, valid=(NOW + DAY, NOW + 9 * DAY)), "is not valid yet", "check the clock"),
    "for clients": (of(HERE, issuing.FOR_CLIENTS), "is not meant for a server", "serverAuth"),
    "unknown authority": (unknown, "is signed by none of the certificates of ", "tls_config.ca_file"),
    "self-signed": (self_signed, "is self-signed, and not among the certificates of ", "tls_config.ca_file"),
    "root sent": (root_sent, "end at an authority that is not among the certificates of ", "ca_file"),
    "no authority": (by_no_authority, "is signed by one that is not an authority's", "CA:TRUE"),
}


@pytest.mark.parametrize("flaw", REFUSED)
async def test_o02_a_refused_certificate_is_told_with_its_flaw(flaw: str, tmp_path: Path) -> None:
    shape, why, hint = REFUSED[flaw]
    authorities, leaf, beside = shape()
    ca_file = written(tmp_path, "ca.pem", authorities)
    async with serving(says(whole(b"[1]")), certificate=chain(tmp_path, leaf, beside)) as server:
        async with asking(server.url, tls_config={"ca_file": ca_file}) as client:
            with pytest.raises(errors.Unreachable) as caught:
                await client.get(server.url, ())
    assert caught.value.reason == "tls"
    assert why in str(caught.value)
    assert hint in caught.value.hint
    if "certificates of" in why:
        assert str(ca_file) in str(caught.value)


@pytest.mark.parametrize(
    "config", [None, settings.TlsConfig(), settings.TlsConfig(ca_file=CERTIFICATES / "ca.pem")]
)
def test_o02_the_flags_are_the_same_on_every_python(config: settings.TlsConfig | None) -> None:
    flags = tls.context(config, "apis.x.tls_config").verify_flags
    assert flags == ssl.VERIFY_X509_TRUSTED_FIRST | ssl.VERIFY_X509_PARTIAL_CHAIN


OURS = (CERTIFICATES / "client.pem").read_text()


def without_temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise FileNotFoundError(2, "No usable temporary directory found")

    for name in ("TemporaryDirectory", "NamedTemporaryFile", "mkdtemp", "mkstemp", "gettempdir"):
        monkeypatch.setattr(tempfile, name, refuse)


@pytest.mark.parametrize(
    "written_as",
    [
        {"cert": OURS, "key": OURS},
        {"cert_file": CERTIFICATES / "client.pem", "key": OURS},
        {"cert_file": CERTIFICATES / "client.pem", "key_file": CERTIFICATES / "client.pem"},
    ],
)
async def test_o07_a_client_certificate_needs_no_temporary_file(
    written_as: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    without_temporary_files(monkeypatch)
    config = {"ca_file": CERTIFICATES / "ca.pem", **written_as}
    serve = serving(says(whole(b"[1]")), certificate="localhost.pem", clients="ca.pem")
    async with serve as server, asking(server.url, tls_config=config) as client:
        assert (await client.get(server.url, ())).body == b"[1]"


async def test_o07_the_web_sides_certificate_needs_none_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(tmp_path)
    without_temporary_files(monkeypatch)
    lines = ["tls_server_config:"]
    for key, file in (("cert", "server.crt"), ("key", "server.key")):
        lines += [f"  {key}: |", *(f"    {line}" for line in (tmp_path / file).read_text().splitlines())]
    async with served(folder.web("\n".join(lines))) as there:
        assert (await there.get(tls=folder.client()))[0] == 200


def test_o07_without_memfd_and_temporary_files_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    without_temporary_files(monkeypatch)
    monkeypatch.delattr(os, "memfd_create", raising=False)
    with pytest.raises(errors.ConfigError) as caught:
        tls.context(settings.TlsConfig(cert=OURS, key=OURS), "apis.x.tls_config")
    assert "write it into files" in str(caught.value)


async def test_o07_a_read_only_system_without_a_temporary_folder(tmp_path: Path) -> None:
    """As a container with a read-only root and no /tmp: nothing is written, and no traceback appears."""
    config = tmp_path / "config.yaml"
    inline = "".join(f"        {line}\n" for line in OURS.splitlines())
    config.write_text(
        "apis:\n  tmf638:\n    url: https://127.0.0.1:1/api\n    tls_config:\n"
        f"      cert: |\n{inline}      key: |\n{inline}"
    )
    (tmp_path / "sitecustomize.py").write_text(BROKEN)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "exporter", "once", "--config.file", str(config)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "TMPDIR": "/nonexistent", "PYTHONPATH": str(tmp_path)},
    )
    _, err = await process.communicate()
    assert process.returncode == 1
    assert b"Traceback" not in err
    assert b"cannot connect" in err


BROKEN = """
import tempfile
def refuse(*_, **__):
    raise FileNotFoundError(2, "No usable temporary directory found")
tempfile.gettempdir = tempfile.mkstemp = tempfile.mkdtemp = tempfile._get_default_tempdir = refuse
"""
