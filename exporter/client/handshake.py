"""What a failed TLS handshake means: the flaw of the certificate in plain words, and what to do about it.

Pure. It reads the codes of OpenSSL's verification (`X509_V_ERR_*` in openssl/x509_vfy.h) and the alerts of
the other side (RFC 8446, section 6.2). Which request failed is `error_mapping`'s. Invariant: no message holds
a value of a certificate but the name that was asked for.
"""

from __future__ import annotations

import re
import ssl
from typing import NamedTuple


class Verdict(NamedTuple):
    """Why the handshake failed, and what a person may do."""

    why: str
    hint: str


def verdict(error: BaseException, authorities: str, tls_config: str) -> Verdict:
    """The verdict on an exception of aiohttp or ssl.

    `authorities` says which are trusted, for the message ("the authorities of /etc/ca.pem"); `tls_config` is
    the dotted key of the settings of this connection.
    """
    found = _ssl_error(error)
    if isinstance(found, ssl.SSLCertVerificationError):
        why, hint = _of_certificate(found.verify_code, found.verify_message)
    else:
        why, hint = _of_reason(getattr(found, "reason", None) or type(error).__name__)
    named = {"authorities": authorities, "tls": tls_config}
    return Verdict(why.format(**named), hint.format(**named))


def _ssl_error(error: BaseException) -> BaseException:
    """The ssl module's exception, which aiohttp keeps in one of several places; its own has no codes."""
    places = (
        getattr(error, "certificate_error", None),
        getattr(error, "os_error", None),
        error,
        error.__cause__,
    )
    return next((place for place in places if isinstance(place, ssl.SSLError)), error)


_UNKNOWN = (
    "the server's certificate is signed by none of {authorities}",
    "write the certificate of its authority, or its own, as PEM into {tls}.ca_file; "
    "or let the server send the intermediate certificates as well",
)
_SELF_SIGNED = (
    "the server's certificate is self-signed, and not among {authorities}",
    "if it is the right one, write it as PEM into {tls}.ca_file",
)
_ROOT = (
    "the server's certificates end at an authority that is not among {authorities}",
    "if it is the right one, write that authority's certificate as PEM into {tls}.ca_file",
)
_NOT_YET = (
    "the server's certificate, or one that signed it, is not valid yet",
    "check the clock of this machine, then the dates of the server's certificates and of {tls}.ca_file",
)
_EXPIRED = (
    "the server's certificate, or one that signed it, has expired",
    "renew it at the server; if it is an authority's, the one of {tls}.ca_file too",
)
_NO_AUTHORITY = (
    "the server's certificate is signed by one that is not an authority's",
    "have it issued by an authority (basicConstraints CA:TRUE), or write it itself into {tls}.ca_file",
)
_WEAK = (
    "a certificate of the server has a key or a signature that is too weak",
    "have it issued again with RSA of 2048 bits or more, or ECDSA, and SHA-256",
)
_PURPOSE = (
    "the server's certificate is not meant for a server",
    "have it issued again with the extended key usage serverAuth",
)
_CONSTRAINT = (
    "the authority of the server's certificate may not sign for its name (nameConstraints)",
    "have it issued by an authority that may",
)
_CERTIFICATE: dict[int, tuple[str, str]] = {
    **dict.fromkeys((2, 20, 21, 27, 28, 33), _UNKNOWN),
    **dict.fromkeys(
        (7, 30, 31),
        (
            "the server's certificate is signed by an authority of the same name as one of {authorities}, "
            "but with another key",
            "write the authority's current certificate as PEM into {tls}.ca_file",
        ),
    ),
    9: _NOT_YET,
    10: _EXPIRED,
    18: _SELF_SIGNED,
    19: _ROOT,
    **dict.fromkeys((23,), ("the server's certificate is revoked", "have a new one issued")),
    **dict.fromkeys((24, 32, 37, 79), _NO_AUTHORITY),
    **dict.fromkeys(
        (25, 38, 41),
        (
            "more authorities signed each other for the server's certificate than one of them allows",
            "have it issued again, or write an intermediate certificate into {tls}.ca_file",
        ),
    ),
    26: _PURPOSE,
    **dict.fromkeys((47, 48, 49, 50, 51, 52, 53), _CONSTRAINT),
    **dict.fromkeys((66, 67, 68), _WEAK),
}


def _of_certificate(code: int, message: str) -> tuple[str, str]:
    if code in (62, 64):
        asked = re.search(r"'([^'{}]*)'", message)
        name = f" {asked[1]}" if asked else ""
        return (
            f"the server's certificate is not for the name{name}",
            "check the URL; the certificate must list this name or address among its subject alternative "
            "names, for its common name (CN) alone does not count; or write a name it lists into "
            "{tls}.server_name",
        )
    plain = message.replace("{", "").replace("}", "")
    return _CERTIFICATE.get(
        code,
        (
            f"the server's certificate cannot be verified: {plain}",
            "have it issued again without this flaw, or check {tls} (ca_file, server_name)",
        ),
    )


_OURS = "check {tls} (cert_file, key_file) and which authorities the server trusts"
_VERSION = (
    "the server and this exporter have no TLS version in common",
    "check {tls} (min_version, max_version) and the server's TLS versions",
)
_NO_TLS = ("the server does not speak TLS on this port", "check the port, or write http:// if that is meant")
_REASONS = {
    "CERTIFICATE_REQUIRED": (
        "the server asks for a client certificate",
        "write cert_file and key_file into {tls}",
    ),
    "UNKNOWN_CA": ("the server does not know the authority of our client certificate", _OURS),
    "BAD_CERTIFICATE": ("the server refused our client certificate, or there being none", _OURS),
    "UNSUPPORTED_CERTIFICATE": ("the server cannot use our client certificate", _OURS),
    "CERTIFICATE_REVOKED": ("the server says that our client certificate is revoked", _OURS),
    "CERTIFICATE_EXPIRED": ("the server says that our client certificate has expired", _OURS),
    "CERTIFICATE_UNKNOWN": ("the server refused our client certificate", _OURS),
    "ACCESS_DENIED": ("the server does not let our client certificate in", _OURS),
    "HANDSHAKE_FAILURE": (
        "the server ended the handshake",
        "does it ask for a client certificate, or for other TLS versions or ciphers? "
        "check {tls} (cert_file, min_version)",
    ),
    "UNRECOGNIZED_NAME": (
        "the server does not know the name it was asked for",
        "check the URL, and {tls}.server_name",
    ),
    "PROTOCOL_VERSION": _VERSION,
    "UNSUPPORTED_PROTOCOL": _VERSION,
    "NO_PROTOCOLS_AVAILABLE": _VERSION,
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "RECORD_LAYER_FAILURE": _NO_TLS,
    "HTTP_REQUEST": _NO_TLS,
    "UNSAFE_LEGACY_RENEGOTIATION_DISABLED": (
        "the server's TLS lacks secure renegotiation (RFC 5746)",
        "have the server, or what is in front of it, updated",
    ),
    "DH_KEY_TOO_SMALL": ("the server's Diffie-Hellman key is too short", "have the server's TLS updated"),
}


def _of_reason(reason: str) -> tuple[str, str]:
    """`reason` as the ssl module names it; alerts of the other side have ALERT_ or a version before it."""
    name = re.sub(r"^(?:SSLV3|TLSV1|TLSV13)_(?:ALERT_)?", "", reason)
    plain = re.sub(r"[{}]", "", reason)
    check = "check the certificates and {tls} (ca_file, server_name, cert_file, min_version)"
    return _REASONS.get(name, (plain, check))
