"""Certificates in the shapes that private authorities issue; made at run time, their keys protect nothing."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Extension = tuple[x509.ExtensionType, bool]
"""An extension, and whether it is critical."""

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
ALWAYS = (NOW - 30 * DAY, NOW + 30 * DAY)
HERE: Extension = (
    x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    ),
    False,
)
"""The names of a server on loopback."""
AN_AUTHORITY: Extension = (x509.BasicConstraints(ca=True, path_length=None), True)
NOT_CRITICAL: Extension = (x509.BasicConstraints(ca=True, path_length=None), False)
NO_AUTHORITY: Extension = (x509.BasicConstraints(ca=False, path_length=None), False)
FOR_CLIENTS: Extension = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)


@dataclass(frozen=True)
class Issued:
    """A certificate and its key; `by` is the one that signed it, None where it did so itself."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    by: Issued | None

    @property
    def pem(self) -> bytes:
        """The certificate alone."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The key, without a password."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def identifier(self) -> Extension:
        """An authority key identifier that names it by key, issuer and serial number (as Easy-RSA)."""
        key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()).key_identifier
        issuer = [x509.DirectoryName(self.certificate.issuer)]
        return (x509.AuthorityKeyIdentifier(key, issuer, self.certificate.serial_number), False)


def issue(
    name: str,
    extensions: Sequence[Extension],
    by: Issued | None = None,
    valid: tuple[datetime.datetime, datetime.datetime] = ALWAYS,
) -> Issued:
    """A certificate with the common name `name` and exactly these extensions, signed by `by` or itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(
        issuer_name=by.certificate.subject if by else subject,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=valid[0],
        not_valid_after=valid[1],
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return Issued(builder.sign(by.key if by else key, hashes.SHA256()), key, by)


def written(folder: Path, name: str, *content: bytes) -> Path:
    """A file of these PEM texts."""
    file = folder / name
    file.write_bytes(b"".join(content))
    return file
