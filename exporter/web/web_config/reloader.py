"""Reads the web configuration file and its certificates, again when they change, and makes the TLS context.

Their stamps are compared for each request and handshake, in a thread (a quarter of a millisecond). If a
new file cannot be used, or a mount hangs, the previous configuration stays in use; if a certificate cannot be
used, only the previous TLS does, so that removed users stay out. The log has it once. Open connections are
not affected. Nothing weaker than TLS 1.2 is spoken. A client with a certificate that has none of the allowed
names fails in the handshake, as with exporter-toolkit.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog
from pydantic import SecretStr

from exporter import certificates, files, settings
from exporter.errors import ConfigError
from exporter.web.web_config import models
from exporter.web.web_config.models import TlsServerConfig, WebConfig

_RETRY = 10.0
"""Seconds after which a file that could not be used is read again although it seems unchanged."""

DEADLINE = 0.8
"""Seconds that a request or a handshake waits for the files; then it uses the previous ones."""

_KEY = "tls_server_config"
_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_CURVES = {"X25519": "X25519", "CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1"}
_VERIFY = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _ReadConfig:
    """What was read: the configuration and TLS to use from now on, and the error, if any."""

    seen: Mapping[Path, files.Stamp]
    config: WebConfig
    context: ssl.SSLContext | None
    error: ConfigError | None = None


class Reloader:
    """The configuration of a file, None for an empty one, and its TLS.

    The constructor waits for the file, up to a deadline, and raises ConfigError if it cannot be used. `clock`
    returns seconds; each refresh waits at most `deadline` seconds.
    """

    def __init__(
        self, file: Path | None, clock: Callable[[], float] = time.monotonic, deadline: float = DEADLINE
    ) -> None:
        self._file, self._clock = file, clock
        self._seen: Mapping[Path, files.Stamp] = {}
        self._logged, self._tried, self._late = "", 0.0, False
        self._calls = files.Calls(self._look, self._keep, deadline)
        self.config = WebConfig()
        self._context: ssl.SSLContext | None = None
        if file is not None:
            self._begin(file)

    def _begin(self, file: Path) -> None:
        try:
            found = files.within(files.DEADLINE, lambda: self._read(file))
        except TimeoutError as error:
            hint = "the file system that it, or a file it names, is on does not answer"
            raise ConfigError("timeout reading it", file=str(file), hint=hint) from error
        if found.error is not None:
            raise found.error
        self._seen, self.config, self._context = found.seen, found.config, found.context

    @property
    def encrypted(self) -> bool:
        """Whether connections are encrypted, which never changes."""
        return self._context is not None

    async def context(self) -> ssl.SSLContext:
        """The TLS for a connection that begins now; raises RuntimeError if they are not encrypted."""
        await self.refresh()
        if self._context is None:
            raise RuntimeError("connections are not encrypted")
        return self._context

    async def refresh(self) -> WebConfig:
        """The configuration as it is now, read again if it changed; `config` is that of the last call."""
        if self._file is not None:
            try:
                await self._calls.fresh()
            except TimeoutError:
                if not self._late:
                    said = f"{self._file}: timeout reading it or a file it names"
                    log.error("web configuration reload failed", error=said)  # noqa: TRY400
                self._late = True
        return self.config

    def _look(self) -> _ReadConfig | None:
        """Runs in a thread, because a file may hang; None if nothing has changed."""
        return self._read(self._file) if self._file is not None and self._is_due() else None

    def _read(self, file: Path) -> _ReadConfig:
        # The stamp is taken before the file is read, so that a write in between is seen the next time.
        seen = {file: files.stamp(file)}
        usable, context = self.config, self._context
        try:
            found = models.load(file)
            seen |= {path: files.stamp(path) for path in found.tls_server_config.files}
            if self._seen:
                _compare(self.config, found, file)
            usable = found.model_copy(update={"tls_server_config": self.config.tls_server_config})
            context = tls_context(found.tls, file) if found.tls else None
        except ConfigError as error:
            return _ReadConfig(seen, usable, context, error)
        return _ReadConfig(seen, found, context)

    def _keep(self, found: _ReadConfig | None) -> None:
        self._late = False
        if found is None:
            return
        self._tried = self._clock()
        self._seen, self.config, self._context = found.seen, found.config, found.context
        if found.error is not None:
            self._log_once(found.error)
        else:
            self._logged = ""
            log.info("web configuration reloaded", file=str(self._file))

    def _is_due(self) -> bool:
        if self._logged and self._clock() - self._tried >= _RETRY:
            return True
        return any(files.stamp(path) != seen for path, seen in self._seen.items())

    def _log_once(self, error: ConfigError) -> None:
        """Logs each error once, however often the file is read."""
        if str(error) != self._logged:
            log.error("web configuration reload failed", error=str(error))
        self._logged = str(error)


def _compare(old: WebConfig, new: WebConfig, file: Path) -> None:
    """Raises ConfigError if TLS would be added or removed, or a protection removed altogether.

    A file that is being written may lack its end: no unauthenticated client may get in at such a moment.
    """
    before, after, path = old.tls_server_config, new.tls_server_config, ""
    what = "cannot be taken away while the exporter runs"
    if (old.tls is None) != (new.tls is None):
        path, what = "tls_server_config", "cannot be added or taken away while the exporter runs"
    elif old.users and not new.users:
        path = "basic_auth_users"
    elif before.client_auth_type == models.STRICT != after.client_auth_type:
        path = "tls_server_config.client_auth_type"
    elif before.client_allowed_sans and not after.client_allowed_sans:
        path = "tls_server_config.client_allowed_sans"
    if path:
        raise ConfigError(what, file=str(file), path=path, hint="restart it if that is what you want")


def tls_context(config: TlsServerConfig, file: Path) -> ssl.SSLContext:
    """The TLS context; `file` is the web configuration file, for messages.

    Raises ConfigError if a certificate or a key cannot be read or used. A key with a password is refused.
    """
    made = certificates.verified(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    made.minimum_version = _VERSIONS[config.lowest_version]
    made.maximum_version = _VERSIONS[config.max_version]
    made.options |= ssl.OP_NO_RENEGOTIATION
    if not config.prefer_server_cipher_suites:
        made.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if config.openssl_ciphers:
        made.set_ciphers(config.openssl_ciphers)
    for curve in config.curve_preferences:
        _set_curve(made, curve, file)
    made.set_alpn_protocols(["http/1.1"])
    pems = {key: _pem(config, key, file) for key in ("cert", "key")}
    certificates.show(
        made,
        config.cert_file or pems["cert"].encode(),
        config.key_file or pems["key"].encode(),
        file=str(file),
        path=_KEY,
    )
    _verify_clients(made, config, file)
    return made


def _set_curve(made: ssl.SSLContext, curve: str, file: Path) -> None:
    try:
        made.set_ecdh_curve(_CURVES[curve])
    except (ssl.SSLError, ValueError) as error:  # Python 3.11.2 can set the NIST curves only
        raise ConfigError(
            f"{curve} cannot be set with this Python and its OpenSSL",
            file=str(file),
            path="tls_server_config.curve_preferences",
            hint="leave it out: then OpenSSL chooses, X25519 first",
        ) from error


def _verify_clients(made: ssl.SSLContext, config: TlsServerConfig, file: Path) -> None:
    made.verify_mode = _VERIFY[config.client_auth_type]
    if made.verify_mode == ssl.CERT_NONE:
        return
    if config.has_client_ca:
        _trust(made, config, file)
    else:
        made.load_default_certs(ssl.Purpose.CLIENT_AUTH)
    if config.client_allowed_sans:
        certificates.require_name(made, config.client_allowed_sans)


def _trust(made: ssl.SSLContext, config: TlsServerConfig, file: Path) -> None:
    pem = _pem(config, "client_ca", file)
    try:
        made.load_verify_locations(cadata=certificates.authorities(pem))
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(
            "has no certificates that can be used",
            file=str(file),
            path=f"{_KEY}.client_ca_file" if config.client_ca_file else f"{_KEY}.client_ca",
            hint="write the authority's certificates as PEM",
        ) from error


def _read(file: Path) -> bytes:
    """The content as UTF-8: comments around certificates may be in any encoding."""
    return files.read(file).decode(errors="replace").encode()


def _pem(config: TlsServerConfig, key: str, file: Path) -> str:
    """The value of the key `key`, or the content of the file of `key`_file."""
    path: Path | None = getattr(config, f"{key}_file")
    written: SecretStr | None = getattr(config, key)
    if path is None:
        return written.get_secret_value() if written else ""
    try:
        return settings.read_pem(path, f"{_KEY}.{key}_file", _read)
    except ConfigError as error:
        raise ConfigError(error.problem, file=str(file), path=error.path, hint=error.hint) from error
