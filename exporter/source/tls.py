"""How a connection to an API is secured: an `ssl.SSLContext` from Prometheus' tls_config.

Reads the files it names when a client begins and whenever they have changed. What a failed handshake means is
`failure`'s. Invariants: without settings the system's authorities, the host's name and TLS 1.2 are insisted
on; connections that stand are not affected by a rotation, later ones are.
"""

from __future__ import annotations

import ssl
from pathlib import Path

import structlog
from pydantic import SecretStr

from exporter import certificates, errors, settings

log = structlog.get_logger()

_VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}


class Security:
    """The context of one `tls_config`, renewed when its files are; `path` is its dotted key.

    Raises `ConfigError` where the files cannot be used at the start. Later the former context stays in use,
    since a file may just be being written, and the log says so once.
    """

    def __init__(self, config: settings.TlsConfig | None, path: str) -> None:
        self._config, self._path = config, path
        self._state = _state(config)
        self._context = context(config, path)

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
        """The context for the next connection."""
        state = _state(self._config)
        if state != self._state:
            self._state = state
            try:
                self._context = context(self._config, self._path)
                log.info("certificates read again", setting=self._path)
            except errors.ConfigError as error:
                log.warning("the former certificates stay in use", error=str(error), mend=error.mend)
        return self._context


def _state(config: settings.TlsConfig | None) -> tuple[tuple[int, ...], ...]:
    """What changes when a file of the settings does; nothing of it where the file is not there."""
    if config is None:
        return ()
    files = [file for file in (config.ca_file, config.cert_file, config.key_file) if file]
    return tuple(_stamp(file) for file in files)


def _stamp(file: Path) -> tuple[int, ...]:
    try:
        found = file.stat()
    except OSError:
        return ()
    return (found.st_mtime_ns, found.st_size, found.st_ino)


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
    authorities = _pem(config.ca, config.ca_file, f"{path}.ca")
    if not authorities:
        return certificates.verified(ssl.create_default_context())
    try:
        return certificates.verified(ssl.create_default_context(cadata=authorities))
    except (ssl.SSLError, ValueError) as error:
        named = f"{config.ca_file} holds" if config.ca_file else "holds"
        raise errors.ConfigError(
            f"{named} no certificates",
            path=f"{path}.ca_file" if config.ca_file else f"{path}.ca",
            mend="write authorities as PEM into ca or ca_file",
        ) from error


def _pem(written: SecretStr | None, file: Path | None, key: str) -> str:
    """What stands at the key `key`, or in the file that `key`_file names; empty where neither is written."""
    if file is None:
        return settings.read_secret(written, None, key)
    return settings.read_pem(file, f"{key}_file")


def _show_certificate(secured: ssl.SSLContext, config: settings.TlsConfig, path: str) -> None:
    certificate = _pem(config.cert, config.cert_file, f"{path}.cert")
    key = _pem(config.key, config.key_file, f"{path}.key")
    try:
        certificates.load_chain(
            secured, config.cert_file or certificate.encode(), config.key_file or key.encode()
        )
    except (OSError, ValueError) as error:
        raise errors.ConfigError(
            f"certificate and key cannot be used together: {certificates.chain_flaw(error)}",
            path=f"{path}.cert_file" if config.cert_file else f"{path}.cert",
            mend="write a PEM certificate and its own PEM key, without a password",
        ) from error
