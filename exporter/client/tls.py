"""TLS of a connection to an API: an `ssl.SSLContext` from Prometheus' tls_config, and why a handshake failed.

The files it names are read when a client starts and whenever they have changed, in threads. Invariants:
without settings the system's authorities, the host's name and TLS 1.2 are required; open connections are not
affected by a rotation, later ones are; no message has a value of a certificate but the name that was asked
for. What a failed handshake means is read from OpenSSL's codes (`X509_V_ERR_*` in openssl/x509_vfy.h) and the
peer's alerts (RFC 8446, section 6.2).
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import structlog
from pydantic import SecretStr

from exporter import certificates, errors, files, settings

log = structlog.get_logger()

_VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
_OLD = {"TLS10", "TLS11"}


_Make = Callable[[], ssl.SSLContext]
"""Makes a context that trusts what was read."""

_Load = Callable[[ssl.SSLContext], None]
"""Makes a context show the certificate that was read."""


class _ReadFiles(NamedTuple):
    """What the files are, what is used of them from now on (no context: as before), and what is wrong."""

    stamps: tuple[files.Stamp, ...]
    context: ssl.SSLContext | None
    make: _Make | None
    load: _Load | None
    error: errors.ConfigError | None


_FIRST = 1.0
"""Seconds that the start waits for the files; after that the first request does."""


class Context:
    """The context of one `tls_config`, renewed when its files are; `path` is its dotted key.

    Making one waits for its files, up to a deadline. Raises `ConfigError` where they cannot be used at the
    start. Later what was read before stays in use, since a file may just be being written or its mount hang,
    and the log says so once: the authorities and the client certificate each on their own, so that new
    authorities are trusted while a certificate waits for its key.
    """

    def __init__(self, config: settings.TlsConfig | None, path: str) -> None:
        self._config, self._path = config, path
        self._files = _files(config)
        self._stamps: tuple[files.Stamp, ...] | None = None
        self._context: ssl.SSLContext | None = None
        self._make: _Make | None = None
        self._load: _Load | None = None
        self._problem: errors.ConfigError | None = None
        self._late = False
        self._calls = files.Calls(self._look, self._keep)
        try:
            found = files.within(_FIRST, self._look) if self._files else self._look()
        except TimeoutError:
            self._warn_late()
            return
        if found is not None:
            if found.error is not None:
                raise found.error
            self._use(found)

    @property
    def has_files(self) -> bool:
        """Whether certificates are read from files, which may change."""
        return bool(self._files)

    @property
    def server_name(self) -> str | None:
        """The name to expect in the certificate; None for the host's."""
        return self._config.server_name if self._config else None

    @property
    def authorities(self) -> str:
        """Which authorities are trusted, for messages."""
        if self._config is None or not (self._config.ca or self._config.ca_file):
            return "this machine's authorities"
        return f"the certificates of {self._config.ca_file or f'{self._path}.ca'}"

    def context(self) -> ssl.SSLContext:
        """The context for the next connection; raises `ConfigError` where the files never could be read."""
        if self._context is None and self._problem is not None:
            raise self._problem
        if self._context is None:
            named = ", ".join(str(file) for file in self._files)
            hint = "the file system they are on does not answer: is a mount or its server down?"
            raise errors.ConfigError(f"timeout reading {named}", path=self._path, hint=hint)
        return self._context

    async def refresh(self) -> None:
        """Makes `context` give one of the files as they are now, or the previous one if they are unusable."""
        if not self._files:
            return
        try:
            await self._calls.fresh()
        except TimeoutError:
            self._warn_late()

    def _look(self) -> _ReadFiles | None:
        """In a thread, for the files may not answer; None where they have not changed."""
        stamps = tuple(files.stamp(file) for file in self._files)
        if stamps == self._stamps:
            return None
        make, load, error = self._make, self._load, None
        try:
            make = _authorities(self._config, self._path)
        except errors.ConfigError as problem:
            error = problem
        try:
            load = _certificate(self._config, self._path)
        except errors.ConfigError as problem:
            error = problem
        is_new = make is not self._make or load is not self._load
        context = _context(self._config, make, load) if make and load and is_new else None
        return _ReadFiles(stamps, context, make, load, error)

    def _keep(self, found: _ReadFiles | None) -> None:
        self._late = False
        if found is None:
            return
        self._use(found)
        if found.error is not None:
            log.warning("certificate reload failed", error=str(found.error), hint=found.error.hint)
        else:
            log.info("certificates reloaded", setting=self._path)

    def _use(self, found: _ReadFiles) -> None:
        self._stamps, self._problem = found.stamps, found.error
        self._make, self._load = found.make, found.load
        self._context = found.context or self._context

    def _warn_late(self) -> None:
        if not self._late:
            log.warning("certificates cannot be read", setting=self._path, error="timeout reading its files")
        self._late = True


def _files(config: settings.TlsConfig | None) -> tuple[Path, ...]:
    if config is None:
        return ()
    return tuple(file for file in (config.ca_file, config.cert_file, config.key_file) if file)


def context(config: settings.TlsConfig | None, path: str) -> ssl.SSLContext:
    """The context for `config`, which the operator wrote at `path` (a dotted key, for messages).

    Raises `ConfigError` where a certificate or a key cannot be read or used.
    """
    return _context(config, _authorities(config, path), _certificate(config, path))


def _context(config: settings.TlsConfig | None, make: _Make, load: _Load) -> ssl.SSLContext:
    made = make()
    if config and _OLD & {config.min_version, config.max_version}:
        made.set_ciphers("DEFAULT:@SECLEVEL=0")  # else OpenSSL 3 allows no signature of these versions
    load(made)
    if config is None:
        return made
    if config.insecure_skip_verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if config.min_version:
        made.minimum_version = _VERSIONS[config.min_version]
    if config.max_version:
        made.maximum_version = _VERSIONS[config.max_version]
    return made


def _authorities(config: settings.TlsConfig | None, path: str) -> _Make:
    """Reads the authorities and tries them; raises `ConfigError`."""
    pem = _pem(config.ca, config.ca_file, f"{path}.ca") if config else ""

    def make() -> ssl.SSLContext:
        if config is None or not pem:
            return certificates.verified(ssl.create_default_context())
        try:
            return certificates.verified(ssl.create_default_context(cadata=certificates.authorities(pem)))
        except (ssl.SSLError, ValueError) as error:
            named = f"{config.ca_file} has" if config.ca_file else "has"
            raise errors.ConfigError(
                f"{named} no certificates",
                path=f"{path}.ca_file" if config.ca_file else f"{path}.ca",
                hint="write authorities as PEM into ca or ca_file",
            ) from error

    make()
    return make


def _certificate(config: settings.TlsConfig | None, path: str) -> _Load:
    """Reads the client certificate and tries it; raises `ConfigError`."""
    if config is None or not (config.cert or config.cert_file):
        return _no_certificate
    certificate = _pem(config.cert, config.cert_file, f"{path}.cert").encode()
    key = _pem(config.key, config.key_file, f"{path}.key").encode()
    dotted = f"{path}.cert_file" if config.cert_file else f"{path}.cert"

    def load(made: ssl.SSLContext) -> None:
        certificates.show(made, certificate, key, path=dotted)

    load(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    return load


def _no_certificate(made: ssl.SSLContext) -> None:
    """Where the settings name none."""


def _pem(written: SecretStr | None, file: Path | None, key: str) -> str:
    """The value of the key `key`, or in the file that `key`_file names; empty where neither is written."""
    if file is None:
        return settings.read_secret(written, None, key)
    return settings.read_pem(file, f"{key}_file")


class Explanation(NamedTuple):
    """Why the handshake failed, and what a person may do."""

    why: str
    hint: str


def explain(error: BaseException, authorities: str, tls_config: str) -> Explanation:
    """The explain on an exception of aiohttp or ssl.

    `authorities` says which are trusted, for the message ("the authorities of /etc/ca.pem"); `tls_config` is
    the dotted key of the settings of this connection.
    """
    found = _ssl_error(error)
    if isinstance(found, ssl.SSLCertVerificationError):
        why, hint = _of_certificate(found.verify_code, found.verify_message)
    else:
        why, hint = _of_reason(getattr(found, "reason", None) or type(error).__name__)
    named = {"authorities": authorities, "tls": tls_config}
    return Explanation(why.format(**named), hint.format(**named))


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


_CLIENT_CERTIFICATE = "check {tls} (cert_file, key_file) and which authorities the server trusts"
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
    "UNKNOWN_CA": (
        "the server does not know the authority of the client certificate of the exporter",
        _CLIENT_CERTIFICATE,
    ),
    "BAD_CERTIFICATE": (
        "the server refused the client certificate of the exporter, or there being none",
        _CLIENT_CERTIFICATE,
    ),
    "UNSUPPORTED_CERTIFICATE": (
        "the server cannot use the client certificate of the exporter",
        _CLIENT_CERTIFICATE,
    ),
    "CERTIFICATE_REVOKED": (
        "the server says that the client certificate of the exporter is revoked",
        _CLIENT_CERTIFICATE,
    ),
    "CERTIFICATE_EXPIRED": (
        "the server says that the client certificate of the exporter has expired",
        _CLIENT_CERTIFICATE,
    ),
    "CERTIFICATE_UNKNOWN": ("the server refused the client certificate of the exporter", _CLIENT_CERTIFICATE),
    "ACCESS_DENIED": (
        "the server does not let the client certificate of the exporter in",
        _CLIENT_CERTIFICATE,
    ),
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
