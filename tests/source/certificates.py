"""Certificates of servers that live for one test, made at run time; their keys protect nothing.

All are signed by `ca.pem`. `localhost.pem` is good, `expired.pem` ended in 2021, `elsewhere.pem` is for
`elsewhere.example`, `locked.pem` has its key under a password, `client.pem` is for whoever asks. The
authority `other.pem` has signed none of them; `broken.pem` is PEM of nothing.
"""

from __future__ import annotations

import atexit
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization

_FOLDER = tempfile.TemporaryDirectory()
atexit.register(_FOLDER.cleanup)

CERTIFICATES = Path(_FOLDER.name)


def _locked(one: trustme.LeafCert) -> bytes:
    key = serialization.load_pem_private_key(one.private_key_pem.bytes(), None)
    under = serialization.BestAvailableEncryption(b"a password")
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    chain = b"".join(part.bytes() for part in one.cert_chain_pems)
    return b"".join((key.private_bytes(pem, pkcs8, under), chain))


def _make() -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(CERTIFICATES / "ca.pem"))
    trustme.CA().cert_pem.write_to_path(str(CERTIFICATES / "other.pem"))
    here = authority.issue_cert("127.0.0.1", "localhost")
    made = {
        "localhost": here,
        "elsewhere": authority.issue_cert("elsewhere.example"),
        "expired": authority.issue_cert(
            "127.0.0.1",
            not_before=datetime(2020, 1, 1, tzinfo=UTC),
            not_after=datetime(2021, 1, 1, tzinfo=UTC),
        ),
        "client": authority.issue_cert("exporter@example.net"),
    }
    for name, one in made.items():
        one.private_key_and_cert_chain_pem.write_to_path(str(CERTIFICATES / f"{name}.pem"))
    (CERTIFICATES / "locked.pem").write_bytes(_locked(here))
    (CERTIFICATES / "broken.pem").write_text(
        "-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n"
    )


_make()
