"""The web configuration file as pydantic models: the keys of exporter-toolkit, with values as Go reads them.

The format is docs/web-configuration.md of exporter-toolkit 0.15; what Python's ssl cannot do is refused here,
and listed in this project's page of that name. No certificate is opened. Invariant: a `WebConfig` can be
carried out as it stands, and no secret is in its repr.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import bcrypt
import yaml
from pydantic import BeforeValidator, Field, SecretStr, model_validator

from exporter.settings import sources
from exporter.settings.api_models import pair_flaws
from exporter.settings.base import Block, Flaw, checked, refusal, validated
from exporter.settings.types import CENTURY, sum_durations

TLS13_SUITES = frozenset(("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"))
"""Always on, whatever the list says, in Go as well; they may be listed."""

TLS12_SUITES: Mapping[str, str] = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "TLS_RSA_WITH_AES_128_CBC_SHA": "AES128-SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA": "AES256-SHA",
}
"""Go's names of the suites that it calls secure, or did until 1.22, and OpenSSL's."""

HEADERS: Mapping[str, tuple[str, ...]] = {
    "Content-Security-Policy": (),
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
}
"""The headers that may be set, and the values of those that have only a few."""

MAX_COST = 18
"""The greatest cost of a bcrypt hash: one check takes a quarter of a minute, and a stop waits for it."""

_HASH = re.compile(r"\$2[aby]\$(?P<cost>\d\d)\$(?P<salt>[./A-Za-z0-9]{22})[./A-Za-z0-9]{31}", re.ASCII)
_TRUE, _FALSE = ("y", "yes", "true", "on"), ("n", "no", "false", "off")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
STRICT = "RequireAndVerifyClientCert"
_NOT_TEXT = Flaw("must be text", "put it in quotes")
_IMPOSSIBLE = {
    **dict.fromkeys(
        ("TLS10", "TLS11"),
        Flaw("is a version that OpenSSL no longer speaks, and RFC 8996 forbids", "write TLS12 or TLS13"),
    ),
    **dict.fromkeys(
        ("RequestClientCert", "RequireClientCert", "RequireAnyClientCert"),
        Flaw(
            "asks for certificates without verifying them, which Python's TLS cannot do",
            f"write {STRICT} or VerifyClientCertIfGiven, and client_ca_file",
        ),
    ),
}
"""What exporter-toolkit accepts and OpenSSL 3 or Python's ssl cannot do."""


def flag(written: object) -> bool:
    """A YAML 1.1 boolean, which is what Go's YAML reads."""
    text = str(written).lower()
    if text not in _TRUE and text not in _FALSE:
        raise refusal(Flaw("must be true or false", "write true or false"))
    return text in _TRUE


def seconds(written: object) -> float:
    """A Go duration (`1s`, `250ms`, `1m30s`, `0`) in seconds; not negative, without days."""
    if isinstance(written, (Mapping, list)):
        raise refusal(_NOT_TEXT)
    found = 0.0 if str(written) == "0" else sum_durations(str(written), _UNITS)
    if found is None or found > CENTURY:
        raise refusal(Flaw("is not a duration", "write it like 1s, 250ms or 1m30s, or 0 for no limit"))
    return found


def _possible(written: object) -> str:
    if not isinstance(written, str):
        raise refusal(_NOT_TEXT)
    if written in _IMPOSSIBLE:
        raise refusal(_IMPOSSIBLE[written])
    return written


def _suite_flaws(name: str) -> Iterator[Flaw]:
    if name not in TLS12_SUITES and name not in TLS13_SUITES:
        hint = "write Go's names, like TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
        yield Flaw("is not a suite known here", hint)


def _curve_flaws(names: tuple[str, ...]) -> Iterator[Flaw]:
    if len(names) > 1:
        hint = "keep the first, or leave it out: then X25519 and the NIST curves are offered"
        yield Flaw("lists several, and Python's TLS can be limited to one only", hint)


def _header_flaws(headers: Mapping[str, str | None]) -> Iterator[Flaw]:
    for name, value in headers.items():
        values = HEADERS.get(name)
        if values is None:
            yield Flaw("is a header that cannot be set", f"write one of {', '.join(HEADERS)}", (name,))
        elif values and (value or "") not in values:
            yield Flaw("has a value it cannot have", f"write {' or '.join(values)}", (name,))
        elif re.search(r"[^\x20-\x7e]", value or ""):
            yield Flaw(
                "has a character that is not allowed in a header", "write plain ASCII, on one line", (name,)
            )


def _user_flaws(users: Mapping[str, SecretStr | None]) -> Iterator[Flaw]:
    for name, text in users.items():
        parts = _HASH.fullmatch(text.get_secret_value() if text else "")
        if ":" in name:
            yield Flaw("is a user name with a colon", "HTTP cannot send such a name", (name,))
        elif not parts or not _is_usable(parts["salt"]):
            hint = "write what `htpasswd -nBC 10 USER` prints after the colon"
            yield Flaw("is not a bcrypt hash", hint, (name,))
        elif not 4 <= int(parts["cost"]) <= MAX_COST:
            hint = f"choose a cost from 4 to {MAX_COST}; 10 is usual"
            yield Flaw("is a hash of a cost that cannot be used", hint, (name,))


def _is_usable(salt: str) -> bool:
    """Whether bcrypt accepts it: its last character has fewer bits than it could."""
    try:
        bcrypt.hashpw(b"", f"$2b$04${salt}".encode())
    except ValueError:
        return False
    return True


Flag = Annotated[bool, BeforeValidator(flag)]
Version = Annotated[Literal["TLS12", "TLS13"], BeforeValidator(_possible)]
ClientAuthType = Annotated[
    Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"],
    BeforeValidator(_possible),
]
Curve = Literal["X25519", "CurveP256", "CurveP384", "CurveP521"]
Suite = Annotated[str, checked(_suite_flaws)]


class GoBlock(Block):
    """A mapping of known keys. The empty text is Go's zero value: such a key counts as not written."""

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, written: Any) -> Any:
        if not isinstance(written, Mapping):
            return written
        return {key: value for key, value in written.items() if value != "" or key not in cls.model_fields}


class TlsServerConfig(GoBlock):
    """How connections are secured. TLS settings without a certificate are an error, never plain HTTP."""

    cert: SecretStr | None = None
    cert_file: Path | None = None
    key: SecretStr | None = None
    key_file: Path | None = None
    client_ca: SecretStr | None = None
    client_ca_file: Path | None = None
    client_auth_type: ClientAuthType = "NoClientCert"
    client_allowed_sans: tuple[str, ...] = ()
    min_version: Version = "TLS12"
    max_version: Version = "TLS13"
    cipher_suites: tuple[Suite, ...] = ()
    prefer_server_cipher_suites: Flag = True
    curve_preferences: Annotated[tuple[Curve, ...], checked(_curve_flaws)] = ()

    def flaws(self) -> Iterator[Flaw]:
        """What is wrong with the values in combination."""
        if not self.model_fields_set:
            return
        yield from pair_flaws(self, "cert", "key", "client_ca")
        yield from self._missing()
        yield from self._client_flaws()
        if self.min_version > self.max_version:
            yield Flaw("is below min_version", "leave it out", ("max_version",))
        elif self._only_tls13 and self.max_version == "TLS12":
            yield Flaw("has none for TLS 1.2", "add one, or leave out max_version", ("cipher_suites",))

    def _missing(self) -> Iterator[Flaw]:
        for key in ("cert", "key"):
            if not getattr(self, key) and not getattr(self, f"{key}_file"):
                hint = f"write the path of a PEM file, or {key} inline"
                yield Flaw("is required for TLS", hint, (f"{key}_file",))

    def _client_flaws(self) -> Iterator[Flaw]:
        verify, strict = self.client_auth_type, f"write {STRICT}"
        if self.has_client_ca and "client_auth_type" not in self.model_fields_set:
            yield Flaw("is required next to client_ca", strict, ("client_auth_type",))
        elif self.has_client_ca and verify == "NoClientCert":
            yield Flaw("leaves client_ca unused", strict, ("client_auth_type",))
        elif verify == STRICT and not self.has_client_ca and not self.client_allowed_sans:
            yield Flaw(
                "is required: without it every certificate of a public authority is accepted",
                "write the path of your own authority's certificate",
                ("client_ca_file",),
            )
        if "client_allowed_sans" in self.model_fields_set and not self.client_allowed_sans:
            yield Flaw("allows nobody", "list a name, or leave it out", ("client_allowed_sans",))
        elif self.client_allowed_sans and verify != STRICT:
            hint = f"write client_auth_type: {STRICT}"
            yield Flaw("needs clients to show a certificate", hint, ("client_allowed_sans",))

    @property
    def has_client_ca(self) -> bool:
        """Whether authorities for clients are written; without any the system's are used."""
        return bool(self.client_ca or self.client_ca_file)

    @property
    def _only_tls13(self) -> bool:
        return bool(self.cipher_suites) and not TLS12_SUITES.keys() & set(self.cipher_suites)

    @property
    def lowest_version(self) -> str:
        """`min_version`; TLS13 where no suite for TLS 1.2 is listed."""
        return "TLS13" if self._only_tls13 else self.min_version

    @property
    def openssl_ciphers(self) -> str:
        """OpenSSL's list for TLS 1.2; empty for its own choice."""
        return ":".join(TLS12_SUITES[name] for name in self.cipher_suites if name in TLS12_SUITES)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files it names."""
        return tuple(path for path in (self.cert_file, self.key_file, self.client_ca_file) if path)


class HttpServerConfig(GoBlock):
    """Headers of every answer. HTTP/2 is not spoken: clients that offer it are answered in HTTP/1.1."""

    http2: Flag | None = None
    headers: Annotated[Mapping[str, str | None], checked(_header_flaws)] = Field(default_factory=dict)


class RateLimit(GoBlock):
    """At most one request in `interval` seconds, and up to `burst` at once; interval 0 is no limit."""

    interval: Annotated[float, BeforeValidator(seconds)] = 0.0
    burst: int = Field(default=0, strict=True, ge=0, le=999_999_999)

    def flaws(self) -> Iterator[Flaw]:
        """An interval without a burst."""
        if self.interval and not self.burst:
            what = "is missing or 0, which would refuse every request"
            yield Flaw(what, "write 1 or more, like 20", ("burst",))


class WebConfig(Block):
    """The whole file. Without users nobody is asked for a name."""

    tls_server_config: TlsServerConfig = TlsServerConfig()
    http_server_config: HttpServerConfig = HttpServerConfig()
    basic_auth_users: Annotated[Mapping[str, SecretStr | None], checked(_user_flaws)] = Field(
        default_factory=dict
    )
    rate_limit: RateLimit = RateLimit()

    @property
    def tls(self) -> TlsServerConfig | None:
        """How connections are secured; None where they are not."""
        return self.tls_server_config if self.tls_server_config.model_fields_set else None

    @cached_property
    def headers(self) -> Mapping[str, str]:
        """The headers of every answer."""
        return {name: value for name, value in self.http_server_config.headers.items() if value}

    @cached_property
    def users(self) -> Mapping[bytes, bytes]:
        """Names to bcrypt hashes."""
        return {
            name.encode(errors="replace"): text.get_secret_value().encode()
            for name, text in self.basic_auth_users.items()
            if text
        }


class _Loader(sources.YamlLoader):
    option = "--web.config.file"
    first_line = "write KEY: VALUE on indented lines, with a space after the colon"

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merges (`<<`) are not part of the format."""
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                sources.refuse("<< is not supported here", key.start_mark, "write the keys out")


def load(file: Path) -> WebConfig:
    """The configuration in the file; relative paths in it begin at its folder.

    Raises ConfigError with all problems, one on each line: file, path in it, what is wrong, what to do.
    """
    return validated(WebConfig, sources.read_yaml(file, WebConfig, _Loader), lambda at: str(file))
