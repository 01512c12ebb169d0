"""TLS as the web configuration says: an `ssl.SSLContext`, and the check of a client's names.

Opens the files of certificates. A client whose certificate has none of the allowed names fails in the
handshake, before it can send a request, as with exporter-toolkit. Invariant: nothing weaker than TLS 1.2 is
spoken, and a key with a password is refused, not asked for.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from pydantic import SecretStr

from exporter import certificates, files, settings
from exporter.errors import ConfigError
from exporter.web.web_config.models import TlsServerConfig

_KEY = "tls_server_config"
_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_CURVES = {"X25519": "X25519", "CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1"}
_VERIFY = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}


def context(config: TlsServerConfig, file: Path) -> ssl.SSLContext:
    """The context for connections from now on; `file` is the web configuration file, for messages.

    Raises ConfigError where a certificate or a key cannot be read or used.
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
        made.set_ecdh_curve(_CURVES[curve])
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
            "holds no certificates that can be used",
            file=str(file),
            path=f"{_KEY}.client_ca_file" if config.client_ca_file else f"{_KEY}.client_ca",
            hint="write the authority's certificates as PEM",
        ) from error


def _read(file: Path) -> bytes:
    """The content as UTF-8: remarks around certificates may be in any encoding."""
    return files.read(file).decode(errors="replace").encode()


def _pem(config: TlsServerConfig, key: str, file: Path) -> str:
    """What is written at the key `key`, or in the file that `key`_file names."""
    path: Path | None = getattr(config, f"{key}_file")
    written: SecretStr | None = getattr(config, key)
    if path is None:
        return written.get_secret_value() if written else ""
    try:
        return settings.read_pem(path, f"{_KEY}.{key}_file", _read)
    except ConfigError as error:
        raise ConfigError(error.problem, file=str(file), path=error.path, hint=error.hint) from error
