"""How a connection to an API is secured: an `ssl.SSLContext` from Prometheus' tls_config.

Reads the files it names when a client begins and whenever they have changed, in threads. What a failed
handshake means is `handshake`'s. Invariants: without settings the system's authorities, the host's name and
TLS 1.2 are insisted on; connections that stand are not affected by a rotation, later ones are.
"""

from __future__ import annotations

import ssl
from pathlib import Path

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


_Found = tuple[tuple[files.Stamp, ...], ssl.SSLContext | errors.ConfigError] | None
"""What the files were, and what was made of them; None where they have not changed."""


_FIRST = 1.0
"""Seconds that the start waits for the files; after that the first request does."""


class Security:
    """The context of one `tls_config`, renewed when its files are; `path` is its dotted key.

    Making one waits for its files, up to a deadline. Raises `ConfigError` where they cannot be used at the
    start. Later the former context stays in use, since a file may just be being written or its mount hang,
    and the log says so once.
    """

    def __init__(self, config: settings.TlsConfig | None, path: str) -> None:
        self._config, self._path = config, path
        self._files = _files(config)
        self._state: tuple[files.Stamp, ...] | None = None
        self._context: ssl.SSLContext | None = None
        self._problem: errors.ConfigError | None = None
        self._late = False
        self._calls = files.Calls(self._look, self._keep)
        try:
            found = files.within(_FIRST, self._look) if self._files else self._look()
        except TimeoutError:
            self._say_late()
            return
        if found is not None:
            self._state, made = found
            if isinstance(made, errors.ConfigError):
                raise made
            self._context = made

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
        """Makes `context` give one of the files as they are now, or the former if they cannot be used."""
        if not self._files:
            return
        try:
            await self._calls.fresh()
        except TimeoutError:
            self._say_late()

    def _look(self) -> _Found:
        """In a thread, for the files may not answer."""
        state = tuple(files.stamp(file) for file in self._files)
        if state == self._state:
            return None
        try:
            return state, context(self._config, self._path)
        except errors.ConfigError as error:
            return state, error

    def _keep(self, found: _Found) -> None:
        self._late = False
        if found is None:
            return
        self._state, made = found
        self._problem = made if isinstance(made, errors.ConfigError) else None
        if isinstance(made, errors.ConfigError):
            log.warning("certificate reload failed", error=str(made), hint=made.hint)
            return
        self._context = made
        log.info("certificates reloaded", setting=self._path)

    def _say_late(self) -> None:
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
    if config is None:
        return certificates.verified(ssl.create_default_context())
    secured = _trusting(config, path)
    if config.insecure_skip_verify:
        secured.check_hostname = False
        secured.verify_mode = ssl.CERT_NONE
    if config.min_version:
        secured.minimum_version = _VERSIONS[config.min_version]
    if config.max_version:
        secured.maximum_version = _VERSIONS[config.max_version]
    if config.cert or config.cert_file:
        _show_certificate(secured, config, path)
    return secured


def _trusting(config: settings.TlsConfig, path: str) -> ssl.SSLContext:
    pem = _pem(config.ca, config.ca_file, f"{path}.ca")
    if not pem:
        return certificates.verified(ssl.create_default_context())
    try:
        return certificates.verified(ssl.create_default_context(cadata=certificates.authorities(pem)))
    except (ssl.SSLError, ValueError) as error:
        named = f"{config.ca_file} holds" if config.ca_file else "holds"
        raise errors.ConfigError(
            f"{named} no certificates",
            path=f"{path}.ca_file" if config.ca_file else f"{path}.ca",
            hint="write authorities as PEM into ca or ca_file",
        ) from error


def _pem(written: SecretStr | None, file: Path | None, key: str) -> str:
    """What stands at the key `key`, or in the file that `key`_file names; empty where neither is written."""
    if file is None:
        return settings.read_secret(written, None, key)
    return settings.read_pem(file, f"{key}_file")


def _show_certificate(secured: ssl.SSLContext, config: settings.TlsConfig, path: str) -> None:
    certificate = _pem(config.cert, config.cert_file, f"{path}.cert")
    key = _pem(config.key, config.key_file, f"{path}.key")
    certificates.show(
        secured,
        config.cert_file or certificate.encode(),
        config.key_file or key.encode(),
        path=f"{path}.cert_file" if config.cert_file else f"{path}.cert",
    )
