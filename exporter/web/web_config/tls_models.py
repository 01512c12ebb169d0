"""What `tls_server_config` says: certificates, who must show one, and which TLS is spoken.

It opens no certificate; `tls_context` does. The rules that Python's ssl cannot carry out are refused here,
and listed in docs/web-configuration.md. Invariant: settings of TLS without a certificate are an error: what
was meant to be encrypted is never served in the clear.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from exporter.web.web_config.go_values import CURVES, NEW_SUITES, SUITES, VERIFY, VERSIONS, flag
from exporter.web.web_config.yaml import Part

T = TypeVar("T")

_KEYS = (
    *("cert", "cert_file", "key", "key_file", "client_ca", "client_ca_file", "client_auth_type"),
    *("min_version", "max_version", "prefer_server_cipher_suites"),
)
_SANS = "client_allowed_sans"
_LISTS = (_SANS, "cipher_suites", "curve_preferences")
_STRICT = "RequireAndVerifyClientCert"
_OLD = ("is a version that OpenSSL no longer speaks, and RFC 8996 forbids", "write TLS12 or TLS13")
_UNVERIFIED = (
    "asks for certificates and believes any, which Python's TLS cannot do",
    f"write {_STRICT} or VerifyClientCertIfGiven, and client_ca_file",
)
_ONE = "keep the first, or leave it out: then X25519 and the NIST curves are offered"


@dataclass(frozen=True, slots=True)
class Pem:
    """A PEM text, either in a file or written inline; `path` is its dotted key."""

    path: str
    file: Path | None
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class TlsServerConfig:
    """How connections are secured.

    `authorities` None means the system's. `sans` empty allows every certificate that is valid. `ciphers` is
    OpenSSL's list for TLS 1.2, `curve` its name of one curve; both are empty for OpenSSL's own choice.
    """

    certificate: Pem
    key: Pem
    authorities: Pem | None
    verify: ssl.VerifyMode
    sans: frozenset[str]
    versions: tuple[ssl.TLSVersion, ssl.TLSVersion]
    ciphers: str
    server_prefers: bool
    curve: str

    @property
    def files(self) -> tuple[Path, ...]:
        """The files it names."""
        named = (self.certificate, self.key, self.authorities)
        return tuple(pem.file for pem in named if pem is not None and pem.file is not None)


def read(part: Part) -> TlsServerConfig | None:
    """The settings of TLS; None where there are none. What is wrong is noted in the part."""
    written = [key for key in _KEYS if part.has(key)]
    lists = {key: part.texts(key) for key in _LISTS}
    part.finish()
    if not written and not any(found is not None for found in lists.values()):
        return None
    certificate, key, authorities = _required(part, "cert"), _required(part, "key"), _pem(part, "client_ca")
    verify = _chosen(part, "client_auth_type", VERIFY, _UNVERIFIED) or ssl.CERT_NONE
    ciphers = _ciphers(part, lists["cipher_suites"] or ())
    tls = TlsServerConfig(
        certificate,
        key,
        authorities,
        verify,
        _sans(part, verify, lists["client_allowed_sans"]),
        _versions(part, ciphers),
        ciphers or "",
        _preference(part),
        _curve(part, lists["curve_preferences"] or ()),
    )
    _check_clients(part, tls)
    return tls


def _pem(part: Part, key: str) -> Pem | None:
    text, name = part.text(key), part.text(f"{key}_file")
    if text and name:
        part.refuse(key, f"is written beside {key}_file", "keep one of them")
    if name:
        return Pem(f"{part.path}.{key}_file", part.file.parent / name)
    return Pem(f"{part.path}.{key}", None, text) if text else None


def _required(part: Part, key: str) -> Pem:
    found = _pem(part, key)
    if found is None:
        part.refuse(f"{key}_file", "is required for TLS", f"write the path of a PEM file, or {key} inline")
    return found or Pem(key, None)


def _chosen(part: Part, key: str, known: Mapping[str, T | None], cannot: tuple[str, str]) -> T | None:
    """What the word of a key stands for; None where it is not written, or noted as unknown or impossible."""
    word = part.text(key)
    if not word:
        return None
    found = known.get(word)
    if word not in known:
        usable = ", ".join(name for name, value in known.items() if value is not None)
        part.refuse(key, "is not one of the words known here", f"write one of {usable}")
    elif found is None:
        part.refuse(key, *cannot)
    return found


def _sans(part: Part, verify: ssl.VerifyMode, listed: tuple[str, ...] | None) -> frozenset[str]:
    if listed is None:
        return frozenset()
    if not listed:
        part.refuse(_SANS, "allows nobody", "list a name, or leave it out")
    elif verify != ssl.CERT_REQUIRED:
        part.refuse(_SANS, "needs clients to show a certificate", f"write client_auth_type: {_STRICT}")
    return frozenset(listed)


def _check_clients(part: Part, tls: TlsServerConfig) -> None:
    authorities, verify = tls.authorities, tls.verify
    if authorities and not part.has("client_auth_type"):
        part.refuse("client_auth_type", "is required beside client_ca", f"write {_STRICT}")
    elif authorities and verify == ssl.CERT_NONE:
        part.refuse("client_auth_type", "leaves client_ca unused", f"write {_STRICT}")
    elif verify == ssl.CERT_REQUIRED and not authorities and not tls.sans:
        part.refuse(
            "client_ca_file",
            "is required: without it whoever has a certificate of any public authority may come in",
            "write the path of your own authority's certificate",
        )


def _versions(part: Part, ciphers: str | None) -> tuple[ssl.TLSVersion, ssl.TLSVersion]:
    """The lowest and the highest version; where `_ciphers` found no suite for TLS 1.2, 1.3 alone."""
    new = ssl.TLSVersion.TLSv1_3
    only_new = ciphers == ""
    lowest = _chosen(part, "min_version", VERSIONS, _OLD) or ssl.TLSVersion.TLSv1_2
    highest = _chosen(part, "max_version", VERSIONS, _OLD) or new
    if lowest > highest:
        part.refuse("max_version", "is below min_version", "leave it out")
    elif only_new and highest < new:
        part.refuse("cipher_suites", "has none for TLS 1.2", "add one, or leave out max_version")
    return (new if only_new else lowest), highest


def _preference(part: Part) -> bool:
    text = part.text("prefer_server_cipher_suites")
    found = flag(text or "true")
    if found is None:
        part.refuse("prefer_server_cipher_suites", "must be true or false", "write true or false")
    return found is not False


def _ciphers(part: Part, listed: tuple[str, ...]) -> str | None:
    """OpenSSL's list, empty where only suites of TLS 1.3 are named; None where nothing is listed."""
    if not listed:
        return None
    for place, name in enumerate(listed):
        if name not in SUITES and name not in NEW_SUITES:
            mend = "write Go's names, like TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
            part.refuse(f"cipher_suites[{place}]", "is not a suite known here", mend)
    return ":".join(SUITES[name] for name in listed if name in SUITES)


def _curve(part: Part, listed: tuple[str, ...]) -> str:
    if len(listed) > 1:
        part.refuse("curve_preferences", "lists several, and Python's TLS can be held to one only", _ONE)
    elif listed and listed[0] not in CURVES:
        part.refuse("curve_preferences[0]", "is not a curve known here", f"write one of {', '.join(CURVES)}")
    elif listed:
        return CURVES[listed[0]]
    return ""
