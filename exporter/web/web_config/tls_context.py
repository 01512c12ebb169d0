"""TLS as the rules say: an `ssl.SSLContext`, and the check of a client's names.

Opens the files of certificates. A client whose certificate has none of the allowed names fails in the
handshake, before it can ask anything, as with exporter-toolkit. When contexts are made anew is `reloader`'s.
Invariant: nothing weaker than TLS 1.2 is spoken, and a key with a password is refused, not asked for.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exporter import certificates, files
from exporter.errors import ConfigError
from exporter.web.web_config.tls_models import Pem, TlsServerConfig
from exporter.web.web_config.yaml import cause, shown

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def context(tls: TlsServerConfig, file: Path) -> ssl.SSLContext:
    """The context for connections from now on; `file` is the web configuration file, for messages.

    Raises ConfigError where a certificate or a key cannot be read or used.
    """
    made = certificates.verified(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    made.minimum_version, made.maximum_version = tls.versions
    made.options |= ssl.OP_NO_RENEGOTIATION
    if not tls.server_prefers:
        made.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if tls.ciphers:
        made.set_ciphers(tls.ciphers)
    if tls.curve:
        made.set_ecdh_curve(tls.curve)
    made.set_alpn_protocols(["http/1.1"])
    _show(made, tls, file)
    _ask(made, tls, file)
    return made


def _show(made: ssl.SSLContext, tls: TlsServerConfig, file: Path) -> None:
    """Has the exporter's own certificate shown."""
    content = {pem: _content(pem, file) for pem in (tls.certificate, tls.key)}
    certificate, key = (pem.file or content[pem] for pem in (tls.certificate, tls.key))
    try:
        certificates.load_chain(made, certificate, key)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"certificate and key cannot be used together: {certificates.chain_flaw(error)}",
            file=str(file),
            path="tls_server_config",
            mend="write a PEM certificate and its own PEM key, without a password",
        ) from error


def _ask(made: ssl.SSLContext, tls: TlsServerConfig, file: Path) -> None:
    """Has clients asked for theirs."""
    made.verify_mode = tls.verify
    if tls.verify == ssl.CERT_NONE:
        return
    if tls.authorities is None:
        made.load_default_certs(ssl.Purpose.CLIENT_AUTH)
    else:
        _trust(made, tls.authorities, file)
    if tls.sans:
        made.sslobject_class = _only(tls.sans)


def _trust(made: ssl.SSLContext, pem: Pem, file: Path) -> None:
    # Only the certificates: around them a file may hold remarks, in any encoding.
    found = b"\n".join(_CERTIFICATE.findall(_content(pem, file)))
    try:
        made.load_verify_locations(cadata=found.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        mend = "write the authority's certificates as PEM"
        raise ConfigError(
            "holds no certificates that can be used", file=str(file), path=pem.path, mend=mend
        ) from error


def _content(pem: Pem, file: Path) -> bytes:
    if pem.file is None:
        return pem.text.encode(errors="replace")
    try:
        content = files.whole(pem.file)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{shown(pem.file)} cannot be read: {cause(error)}",
            file=str(file),
            path=pem.path,
            mend="relative paths begin at the folder of this file; the user of the exporter must read it",
        ) from error
    if b"-----BEGIN " not in content:
        mend = "name a file in PEM, which begins with -----BEGIN"
        raise ConfigError(f"{shown(pem.file)} holds no PEM", file=str(file), path=pem.path, mend=mend)
    return content


def _only(sans: frozenset[str]) -> type[ssl.SSLObject]:
    """A connection whose handshake succeeds only for a certificate with one of these names."""

    class Known(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            if not names(self.getpeercert() or {}) & wanted:
                raise ssl.SSLCertVerificationError("the client's certificate has none of client_allowed_sans")

    wanted = frozenset(_canonical(name) for name in sans)
    return Known


def names(certificate: Mapping[str, Any]) -> frozenset[str]:
    """The alternative names of a peer's certificate (as `getpeercert` gives it): DNS, IP, e-mail, URI."""
    return frozenset(_canonical(str(value)) for _, value in certificate.get("subjectAltName", ()))


def _canonical(name: str) -> str:
    """Addresses have many spellings, OpenSSL's among them; all else is compared as it is."""
    try:
        return str(ipaddress.ip_address(name.strip()))
    except ValueError:
        return name
