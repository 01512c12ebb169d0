"""Inventory APIs as settings: Prometheus' http_config, its ways to authenticate, and how secrets are read.

A secret is set in place (X) or as a file (X_file), never both. A file is read by the given `Reader` each time
the secret is used, so that secrets rotate without a restart. How requests and credentials are sent is in
`exporter.client`. Invariants: an API has at most one way to authenticate; no repr, message or dump shows a
secret; an error names the key and the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, SecretStr

from exporter import files
from exporter.errors import ConfigError
from exporter.inventory.dialects.vendors import DIALECTS
from exporter.settings.base import Block, Flaw, checked, refusal
from exporter.settings.types import HEADER_NAME, ProxyUrl, Secret, Timeout, TokenUrl, Url, Word, one_of

RESERVED_HEADERS = frozenset(
    {
        *("accept", "accept-encoding", "authorization", "connection", "content-encoding", "content-length"),
        *("content-type", "host", "keep-alive", "proxy-authenticate", "proxy-authorization"),
        *("transfer-encoding", "user-agent", "www-authenticate"),
    }
)
"""Headers that the client sets; Prometheus rejects them in `http_headers` too."""

_CONNECT_HEADERS = ("authorization", "connection", "content-length", "host", "transfer-encoding")
"""Headers that the client sets for CONNECT, or that are for the server behind the proxy."""

Reader = Callable[[Path], bytes]
"""Returns the content of a file; one longer than `files.LARGEST` is rejected. Raises OSError, ValueError."""

read_now: Reader = files.read
"""Reads the file itself, and may block."""


def read_secret(value: SecretStr | None, file: Path | None, key: str, read: Reader = read_now) -> str:
    """The secret set in place or in a file, read now; empty if neither is set.

    `key` is the dotted key of the file, for the error. One line is expected; line ends after it are dropped.
    Raises ConfigError if the file is missing, unreadable, empty, not UTF-8 or has several lines.
    """
    if file is None:
        return value.get_secret_value() if value else ""
    text = read_text(file, key, read).rstrip("\r\n")
    if not text:
        raise ConfigError(f"{file} is empty", path=key, hint="write the secret into it, as one line")
    if "\n" in text or "\r" in text or "\0" in text:
        raise ConfigError(f"{file} has more than one line", path=key, hint="write the secret as one line")
    return text


def read_text(file: Path, key: str, read: Reader = read_now) -> str:
    """The whole text of a file that the settings name; raises ConfigError naming key and file."""
    where = str(file.absolute()) if "\0" not in str(file) else str(file)
    named = where if where.isprintable() else repr(where)
    try:
        content = read(file)
    except TimeoutError as error:
        hint = "the file system it is on does not answer: is a mount or its server down?"
        raise ConfigError(f"timeout reading {named}", path=key, hint=hint) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name is not a path"
        hint = "create it, or let the user of the exporter read it"
        raise ConfigError(f"{named} cannot be read: {reason}", path=key, hint=hint) from error
    if len(content) > files.LARGEST:
        what = f"{named} is larger than {files.LARGEST} bytes"
        raise ConfigError(what, path=key, hint="name the right file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # without its cause: that exception has the content
        raise ConfigError(f"{named} is not text in UTF-8", path=key, hint="name the right file") from None


def read_pem(file: Path, key: str, read: Reader = read_now) -> str:
    """The text of a file in PEM; raises ConfigError as `read_text` does, and if it is something else."""
    text = read_text(file, key, read)
    if "-----BEGIN " not in text:
        hint = "name a file in PEM, which begins with -----BEGIN"
        raise ConfigError(f"{file} is not in PEM", path=key, hint=hint)
    return text


def pair_flaws(block: Block, *keys: str) -> Iterator[Flaw]:
    """A flaw for each key that is set both in place and as a file."""
    for key in keys:
        if getattr(block, key) and getattr(block, f"{key}_file"):
            yield Flaw(f"{key} and {key}_file are both set", "keep at most one of them", (f"{key}_file",))


def _values_are(kinds: type | tuple[type, ...], flaw: Flaw) -> BeforeValidator:
    """Rejects a mapping with other values, not showing it: `X-Key:TEXT` without a space is a key to YAML."""

    def check(written: object) -> object:
        values = written.values() if isinstance(written, Mapping) else ()
        if not all(isinstance(value, kinds) for value in values):
            raise refusal(flaw)
        return written

    return BeforeValidator(check)


def _connect_header_flaws(headers: Mapping[str, object]) -> Iterator[Flaw]:
    for name in headers:
        # a name that is not a token is not shown: it may be a value without a space after its colon
        if not HEADER_NAME.fullmatch(name):
            yield Flaw("has a key that is not a header name", "write NAME: [TEXT]")
        elif name.lower() in _CONNECT_HEADERS:
            hint = "leave it out; Proxy-Authorization, or a user in proxy_url, authenticates to the proxy"
            yield Flaw("cannot be sent to a proxy", hint, (name,))


def _header_flaws(headers: Mapping[str, object]) -> Iterator[Flaw]:
    lowered = [name.lower() for name in headers]
    for name in headers:
        if not HEADER_NAME.fullmatch(name):
            yield Flaw("has a key that is not a header name", "write NAME: {values: [TEXT]}")
        elif name.lower() in RESERVED_HEADERS:
            hint = "leave it out; basic_auth, authorization and oauth2 authenticate"
            yield Flaw("is set by the exporter", hint, (name,))
        elif lowered.count(name.lower()) > 1:
            yield Flaw("is set twice in different case", "keep one of them", (name,))


class Proxied(Block):
    """The proxy settings that a block of Prometheus' http_config has."""

    proxy_url: ProxyUrl | None = Field(default=None, description="URL of the proxy.")
    no_proxy: str | None = Field(
        default=None, description="Comma-separated list of hosts that are reached without the proxy."
    )
    proxy_from_environment: bool = Field(
        default=False, description="Use the proxy of HTTP_PROXY, HTTPS_PROXY and NO_PROXY."
    )
    proxy_connect_header: Annotated[
        Mapping[str, tuple[Secret, ...]],
        _values_are((list, tuple), Flaw("has a header that is not a list", "write NAME: [TEXT]")),
        checked(_connect_header_flaws),
    ] = Field(
        default_factory=dict,
        description="Headers to send to the proxy during CONNECT requests: {NAME: [TEXT]}.",
    )

    def flaws(self) -> Iterator[Flaw]:
        """Keys that exclude or need each other."""
        if self.proxy_from_environment and (self.proxy_url or self.no_proxy):
            what = "cannot be combined with proxy_url or no_proxy"
            yield Flaw(what, "keep one of them", ("proxy_from_environment",))
        elif self.no_proxy and not self.proxy_url:
            yield Flaw("needs proxy_url", "write proxy_url too, or leave it out", ("no_proxy",))
        if self.proxy_connect_header and not (self.proxy_url or self.proxy_from_environment):
            hint = "write one of them too, or leave it out"
            yield Flaw("needs proxy_url or proxy_from_environment", hint, ("proxy_connect_header",))


class BasicAuth(Block):
    """HTTP basic authentication (RFC 7617)."""

    secret: ClassVar[bool] = True

    username: str | None = Field(default=None, description="User name.")
    username_file: Path | None = Field(default=None, description="File with the user name.")
    password: Secret | None = Field(default=None, description="Password; empty by default.")
    password_file: Path | None = Field(default=None, description="File with the password.")

    def flaws(self) -> Iterator[Flaw]:
        """Both forms of a key, no user, or a user name that cannot be sent."""
        yield from pair_flaws(self, "username", "password")
        if not self.username and not self.username_file:
            yield Flaw("has no user name", "write username or username_file")
        if ":" in (self.username or ""):
            yield Flaw("has a colon, which basic authentication cannot send", "drop it", ("username",))

    def read_username(self, read: Reader = read_now) -> str:
        """The user name; raises ConfigError as `read_secret` does."""
        return self.username or read_secret(None, self.username_file, "basic_auth.username_file", read)

    def read_password(self, read: Reader = read_now) -> str:
        """The password; raises ConfigError as `read_secret` does."""
        return read_secret(self.password, self.password_file, "basic_auth.password_file", read)


class Authorization(Block):
    """The Authorization header: its type and credentials."""

    secret: ClassVar[bool] = True

    type: Word = Field(default="Bearer", description="Authentication type.")
    credentials: Secret | None = Field(default=None, description="Credentials, for example a token.")
    credentials_file: Path | None = Field(default=None, description="File with the credentials.")

    def flaws(self) -> Iterator[Flaw]:
        """Both forms of the credentials, none, or a type that `basic_auth` is for."""
        yield from pair_flaws(self, "credentials")
        if self.type.strip().lower() == "basic":
            yield Flaw("cannot be Basic", "use basic_auth instead", ("type",))
        if not self.credentials and not self.credentials_file:
            yield Flaw("has no credentials", "write credentials or credentials_file")

    def read_credentials(self, read: Reader = read_now) -> str:
        """The credentials; raises ConfigError as `read_secret` does."""
        return read_secret(self.credentials, self.credentials_file, "authorization.credentials_file", read)


TlsVersion = Literal["TLS10", "TLS11", "TLS12", "TLS13"]


class TlsConfig(Block):
    """How the server's certificate is verified, and the client certificate."""

    secret: ClassVar[bool] = True

    ca: SecretStr | None = Field(default=None, description="CA certificates to verify the server with, PEM.")
    ca_file: Path | None = Field(default=None, description="File with the CA certificates, PEM.")
    cert: SecretStr | None = Field(default=None, description="Client certificate, PEM.")
    cert_file: Path | None = Field(default=None, description="File with the client certificate, PEM.")
    key: SecretStr | None = Field(default=None, description="Private key of the client certificate, PEM.")
    key_file: Path | None = Field(default=None, description="File with the private key, PEM.")
    server_name: str | None = Field(default=None, description="Host name expected in the certificate.")
    insecure_skip_verify: bool = Field(default=False, description="Do not verify the server's certificate.")
    min_version: TlsVersion | None = Field(
        default=None, description="Minimum TLS version; TLS10 and TLS11 also allow weak keys and signatures."
    )
    max_version: TlsVersion | None = Field(default=None, description="Maximum TLS version.")

    def flaws(self) -> Iterator[Flaw]:
        """Both forms of a key, half of a client certificate, or no version between minimum and maximum."""
        yield from pair_flaws(self, "ca", "cert", "key")
        if bool(self.cert or self.cert_file) != bool(self.key or self.key_file):
            yield Flaw("has only one of a certificate and its key", "write both cert_file and key_file")
        if (self.min_version or "") > (self.max_version or "TLS13"):
            yield Flaw("is newer than max_version", "swap them", ("min_version",))


class OAuth2(Proxied):
    """OAuth 2.0 client credentials (RFC 6749, section 4.4)."""

    secret: ClassVar[bool] = True

    client_id: str = Field(min_length=1, description="Client ID.")
    client_secret: Secret | None = Field(default=None, description="Client secret.")
    client_secret_file: Path | None = Field(default=None, description="File with the client secret.")
    scopes: tuple[str, ...] = Field(default=(), description="Scopes of the token request.")
    token_url: TokenUrl = Field(description="URL to request tokens from.")
    endpoint_params: Annotated[
        Mapping[str, SecretStr],
        _values_are(
            (str, SecretStr),
            Flaw("has a parameter with a value that is not text", "write NAME: TEXT, in quotes if need be"),
        ),
    ] = Field(default_factory=dict, description="Additional parameters of the token request.")
    tls_config: TlsConfig | None = Field(default=None, description="TLS settings of the token request.")

    def flaws(self) -> Iterator[Flaw]:
        """Both forms of the secret, or none, and those of the proxy."""
        yield from pair_flaws(self, "client_secret")
        yield from super().flaws()
        if not self.client_secret and not self.client_secret_file:
            yield Flaw("has no secret", "write client_secret or client_secret_file")

    def read_client_secret(self, read: Reader = read_now) -> str:
        """The client secret; raises ConfigError as `read_secret` does."""
        return read_secret(self.client_secret, self.client_secret_file, "oauth2.client_secret_file", read)


class Header(Block):
    """The values of an additional HTTP header; the header is sent once for each."""

    secret: ClassVar[bool] = True

    values: tuple[Secret, ...] = Field(default=(), description="Header values (also treated as secret).")
    secrets: tuple[Secret, ...] = Field(default=(), description="Secret header values.")
    files: tuple[Path, ...] = Field(default=(), description="Files with one header value each.")

    def flaws(self) -> Iterator[Flaw]:
        """A header without a value."""
        if not self.values and not self.secrets and not self.files:
            yield Flaw("has no value", "write values, secrets or files")

    def read_values(self, read: Reader = read_now) -> tuple[str, ...]:
        """All values in the order of values, secrets, files; raises ConfigError as `read_secret` does."""
        written = [value.get_secret_value() for value in (*self.values, *self.secrets)]
        return (*written, *(read_secret(None, file, "files", read) for file in self.files))


class Api(Proxied):
    """One API: its URL, its dialect, and Prometheus' http_config."""

    url: Url = Field(
        description="Base URL of the API, without user information; the paths of collections are appended."
    )
    dialect: Annotated[str, one_of(DIALECTS, "a dialect")] = Field(
        default="ses", description=f"Dialect of the API: {', '.join(DIALECTS)}."
    )
    timeout: Timeout = Field(default=30.0, description="Timeout of a request.")
    connect_timeout: Timeout = Field(default=10.0, description="Timeout of establishing a connection.")
    basic_auth: BasicAuth | None = Field(default=None, description="HTTP basic authentication.")
    authorization: Authorization | None = Field(
        default=None, description="Authorization header, for example a bearer token."
    )
    oauth2: OAuth2 | None = Field(default=None, description="OAuth 2.0 client credentials.")
    tls_config: TlsConfig | None = Field(default=None, description="TLS settings.")
    http_headers: Annotated[
        Mapping[str, Header],
        _values_are(Mapping, Flaw("has a header without a value", "write NAME: {secrets: [TEXT]}")),
        checked(_header_flaws),
    ] = Field(default_factory=dict, description="Additional HTTP headers: {NAME: {values, secrets, files}}.")
    requests_per_hour: int | None = Field(
        default=None, ge=60, description="Maximum number of requests in any hour; no limit by default."
    )
    follow_redirects: bool = Field(
        default=False, description="Follow HTTP 3xx redirects, to the same scheme, host and port only."
    )
    enable_http2: bool = Field(
        default=False,
        description="Accepted for compatibility with Prometheus; has no effect, HTTP/1.1 is always used.",
    )

    def flaws(self) -> Iterator[Flaw]:
        """Two ways to authenticate, and those of the proxy."""
        ways = [way for way in ("basic_auth", "authorization", "oauth2") if getattr(self, way)]
        if len(ways) > 1:
            hint = "keep one way to authenticate"
            yield Flaw(f"{' and '.join(ways)} are both set", hint, (ways[-1],))
        yield from super().flaws()


class Apis(Block):
    """The inventory APIs; at least one is required."""

    tmf638: Api | None = Field(default=None, description="Service inventory (TMF638).")
    tmf639: Api | None = Field(default=None, description="Resource inventory (TMF639).")

    def flaws(self) -> Iterator[Flaw]:
        """No API."""
        if not self.tmf638 and not self.tmf639:
            yield Flaw("no API is configured", "write apis.tmf638.url, apis.tmf639.url or both")
