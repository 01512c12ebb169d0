"""Inventory APIs as settings: Prometheus' http_config, its ways to authenticate, and how secrets are read.

A secret is set in place (X) or as a file (X_file), never both. A file is read by the given `Reader` each time
the secret is used, so that secrets rotate without a restart. How requests and credentials are sent is in
`exporter.client`. Invariants: an API has at most one way to authenticate; no repr, message or dump shows a
secret; an error names the key and the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Protocol, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, field_validator, model_validator

from exporter import files
from exporter.errors import ConfigError
from exporter.inventory.dialects import DIALECTS
from exporter.settings.base import Block, Flaw, refusal
from exporter.settings.types import HEADER_NAME, ProxyUrl, Secret, Timeout, TokenUrl, Url, Word

_OWN_HEADERS = ("authorization", "connection", "content-length", "host", "transfer-encoding")
"""What CONNECT says by itself, or what belongs to the server behind the proxy."""


def _named_lists(written: object) -> object:
    """Refuses what is no header without showing it: `X-Key:TEXT` without a space is a key to YAML."""
    if isinstance(written, Mapping) and not all(
        isinstance(value, list | tuple) for value in written.values()
    ):
        raise refusal(Flaw("has a header whose value is not a list", "write NAME: [TEXT]"))
    return written


def _free_headers(headers: Mapping[str, tuple[SecretStr, ...]]) -> Mapping[str, tuple[SecretStr, ...]]:
    flaws = [flaw for name in headers for flaw in _connect_header_flaws(name)]
    if flaws:
        raise refusal(*flaws)
    return headers


def _connect_header_flaws(name: str) -> Iterator[Flaw]:
    # a name that is no token is not shown: it may be a value without a space after its colon
    if not HEADER_NAME.fullmatch(name):
        yield Flaw("has a key that is not a header's name", "write NAME: [TEXT]")
    elif name.lower() in _OWN_HEADERS:
        hint = "leave it out; Proxy-Authorization, or a user in proxy_url, authenticates to the proxy"
        yield Flaw("cannot be sent to a proxy", hint, (name,))


NoProxy = Annotated[str | None, Field(description="Hosts reached without the proxy, separated by commas.")]
FromEnvironment = Annotated[bool, Field(description="Take the proxy from HTTP_PROXY and its like.")]

ConnectHeader = Annotated[
    Mapping[str, tuple[Secret, ...]],
    BeforeValidator(_named_lists),
    AfterValidator(_free_headers),
    Field(description="Headers of CONNECT, by name: {NAME: [TEXT]}."),
]
"""Headers for the proxy alone, sent with CONNECT; each has a list of values, which are secrets."""


class Proxied(Protocol):
    """What such blocks have in common."""

    @property
    def proxy_url(self) -> SecretStr | None:
        """The proxy; it may hold user information."""
        ...

    @property
    def no_proxy(self) -> str | None:
        """The hosts reached without it, separated by commas."""
        ...

    @property
    def proxy_from_environment(self) -> bool:
        """Whether the environment names the proxy instead."""
        ...

    @property
    def proxy_connect_header(self) -> Mapping[str, tuple[SecretStr, ...]]:
        """Headers for the proxy alone."""
        ...


def proxy_flaws(block: Proxied) -> Iterator[Flaw]:
    """A flaw for each key that does not go with the others."""
    if block.proxy_from_environment and (block.proxy_url or block.no_proxy):
        what = "cannot be combined with proxy_url or no_proxy"
        yield Flaw(what, "keep one of them", ("proxy_from_environment",))
    elif block.no_proxy and not block.proxy_url:
        yield Flaw("needs proxy_url", "write proxy_url too, or leave it out", ("no_proxy",))
    if block.proxy_connect_header and not (block.proxy_url or block.proxy_from_environment):
        hint = "write one of them too, or leave it out"
        yield Flaw("needs proxy_url or proxy_from_environment", hint, ("proxy_connect_header",))


Reader = Callable[[Path], bytes]
"""Gives the content of a file; one longer than `files.LARGEST` is refused. Raises OSError, ValueError."""

read_now: Reader = files.read
"""Reads the file itself, and may block."""


def read_secret(value: SecretStr | None, file: Path | None, key: str, read: Reader = read_now) -> str:
    """The secret written in place or in a file, read now; empty if neither is written.

    `key` is the dotted key of the file, for the error. One line is expected; line ends after it are dropped.
    Raises ConfigError if the file is missing, unreadable, empty, not UTF-8 or holds several lines.
    """
    if file is None:
        return value.get_secret_value() if value else ""
    text = read_text(file, key, read).rstrip("\r\n")
    if not text:
        raise ConfigError(f"{file} is empty", path=key, hint="write the secret into it, as one line")
    if "\n" in text or "\r" in text or "\0" in text:
        raise ConfigError(f"{file} holds more than one line", path=key, hint="write the secret as one line")
    return text


def read_text(file: Path, key: str, read: Reader = read_now) -> str:
    """The whole text of a file that the settings name; raises ConfigError naming key and file."""
    named = str(file) if str(file).isprintable() else repr(str(file))
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
        raise ConfigError(
            f"{named} is larger than {files.LARGEST} bytes", path=key, hint="name the right file"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # without its cause: that exception holds the content
        raise ConfigError(f"{named} is not text in UTF-8", path=key, hint="name the right file") from None


def read_pem(file: Path, key: str, read: Reader = read_now) -> str:
    """The text of a file in PEM; raises ConfigError as `read_text` does, and where it is something else."""
    text = read_text(file, key, read)
    if "-----BEGIN " not in text:
        hint = "name a file in PEM, which begins with -----BEGIN"
        raise ConfigError(f"{file} holds no PEM", path=key, hint=hint)
    return text


def pair_flaws(block: Block, *keys: str) -> list[Flaw]:
    """A flaw for each key that is written both in place and as a file."""
    both = [key for key in keys if getattr(block, key) and getattr(block, f"{key}_file")]
    return [
        Flaw(f"{key} and {key}_file are both written", "keep at most one of them", (f"{key}_file",))
        for key in both
    ]


class BasicAuth(Block):
    """HTTP basic authentication (RFC 7617)."""

    secret: ClassVar[bool] = True

    username: str | None = Field(default=None, description="The user's name.")
    username_file: Path | None = Field(default=None, description="A file that holds the user's name.")
    password: Secret | None = Field(
        default=None, description="The password; empty where neither form is written."
    )
    password_file: Path | None = Field(default=None, description="A file that holds the password.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        flaws = pair_flaws(self, "username", "password")
        if not self.username and not self.username_file:
            flaws.append(Flaw("names no user", "write username or username_file"))
        if ":" in (self.username or ""):
            flaws.append(
                Flaw("has a colon, which basic authentication cannot send", "drop it", ("username",))
            )
        if flaws:
            raise refusal(*flaws)
        return self

    def read_username(self, read: Reader = read_now) -> str:
        """The user's name as `read` gives it; raises ConfigError as `read_secret` does."""
        return self.username or read_secret(None, self.username_file, "basic_auth.username_file", read)

    def read_password(self, read: Reader = read_now) -> str:
        """The password as `read` gives it; raises ConfigError as `read_secret` does."""
        return read_secret(self.password, self.password_file, "basic_auth.password_file", read)


class Authorization(Block):
    """The Authorization header as it is: a type and its credentials."""

    secret: ClassVar[bool] = True

    type: Word = Field(default="Bearer", description="The scheme of the header.")
    credentials: Secret | None = Field(default=None, description="What follows the scheme.")
    credentials_file: Path | None = Field(default=None, description="A file that holds the credentials.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        flaws = pair_flaws(self, "credentials")
        if self.type.strip().lower() == "basic":
            flaws.append(Flaw("cannot be Basic", "use basic_auth instead", ("type",)))
        if not self.credentials and not self.credentials_file:
            flaws.append(Flaw("holds no credentials", "write credentials or credentials_file"))
        if flaws:
            raise refusal(*flaws)
        return self

    def read_credentials(self, read: Reader = read_now) -> str:
        """The credentials as `read` gives them; raises ConfigError as `read_secret` does."""
        return read_secret(self.credentials, self.credentials_file, "authorization.credentials_file", read)


TlsVersion = Literal["TLS10", "TLS11", "TLS12", "TLS13"]


class TlsConfig(Block):
    """How the API's certificate is checked, and the certificate we show."""

    secret: ClassVar[bool] = True

    ca: SecretStr | None = Field(default=None, description="The authorities to trust, as PEM.")
    ca_file: Path | None = Field(default=None, description="A file with the authorities to trust, as PEM.")
    cert: SecretStr | None = Field(default=None, description="Our certificate, as PEM.")
    cert_file: Path | None = Field(default=None, description="A file with our certificate, as PEM.")
    key: SecretStr | None = Field(default=None, description="Our private key, as PEM.")
    key_file: Path | None = Field(default=None, description="A file with our private key, as PEM.")
    server_name: str | None = Field(default=None, description="The name to expect in the API's certificate.")
    insecure_skip_verify: bool = Field(
        default=False, description="Do not check the API's certificate at all."
    )
    min_version: TlsVersion | None = Field(default=None, description="The oldest version to speak.")
    max_version: TlsVersion | None = Field(default=None, description="The newest version to speak.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        flaws = pair_flaws(self, "ca", "cert", "key")
        if bool(self.cert or self.cert_file) != bool(self.key or self.key_file):
            flaws.append(
                Flaw("has only one of a certificate and its key", "write both cert_file and key_file")
            )
        if (self.min_version or "") > (self.max_version or "TLS13"):
            flaws.append(Flaw("is newer than max_version", "swap them", ("min_version",)))
        if flaws:
            raise refusal(*flaws)
        return self


def _named_texts(written: object) -> object:
    """Refuses what is no parameter without showing it: `key:TEXT` without a space is a key to YAML."""
    if isinstance(written, Mapping) and not all(
        isinstance(value, (str, SecretStr)) for value in written.values()
    ):
        raise refusal(
            Flaw("has a parameter whose value is not text", "write NAME: TEXT, in quotes if need be")
        )
    return written


class OAuth2(Block):
    """OAuth 2.0 client credentials (RFC 6749, section 4.4)."""

    secret: ClassVar[bool] = True

    client_id: str = Field(min_length=1, description="The client's identifier.")
    client_secret: Secret | None = Field(default=None, description="The client's secret.")
    client_secret_file: Path | None = Field(
        default=None, description="A file that holds the client's secret."
    )
    scopes: tuple[str, ...] = Field(default=(), description="The scopes to ask for.")
    token_url: TokenUrl = Field(description="Where tokens are fetched.")
    endpoint_params: Annotated[Mapping[str, SecretStr], BeforeValidator(_named_texts)] = Field(
        default_factory=dict, description="Further parameters of the request for a token."
    )
    tls_config: TlsConfig | None = Field(default=None, description="TLS to the token's endpoint.")
    proxy_url: ProxyUrl | None = Field(
        default=None, description="The proxy to the token's endpoint; the API's own is not used for it."
    )
    no_proxy: NoProxy = None
    proxy_from_environment: FromEnvironment = False
    proxy_connect_header: ConnectHeader = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> Self:
        flaws = [*pair_flaws(self, "client_secret"), *proxy_flaws(self)]
        if not self.client_secret and not self.client_secret_file:
            flaws.append(Flaw("holds no secret", "write client_secret or client_secret_file"))
        if flaws:
            raise refusal(*flaws)
        return self

    def read_client_secret(self, read: Reader = read_now) -> str:
        """The client's secret as `read` gives it; raises ConfigError as `read_secret` does."""
        return read_secret(self.client_secret, self.client_secret_file, "oauth2.client_secret_file", read)


class Header(Block):
    """The values of one further HTTP header; several give several lines."""

    secret: ClassVar[bool] = True

    values: tuple[Secret, ...] = Field(default=(), description="Values; never shown either.")
    secrets: tuple[Secret, ...] = Field(default=(), description="Values that are secrets.")
    files: tuple[Path, ...] = Field(default=(), description="Files that hold one value each.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.values and not self.secrets and not self.files:
            raise refusal(Flaw("has no value", "write values, secrets or files"))
        return self

    def read_values(self, read: Reader = read_now) -> tuple[str, ...]:
        """All values in the order of values, secrets, files, as `read` gives these; raises ConfigError."""
        written = [value.get_secret_value() for value in (*self.values, *self.secrets)]
        return (*written, *(read_secret(None, file, "files", read) for file in self.files))


RESERVED_HEADERS = frozenset(
    {
        *("accept", "accept-encoding", "authorization", "connection", "content-encoding", "content-length"),
        *("content-type", "host", "keep-alive", "proxy-authenticate", "proxy-authorization"),
        *("transfer-encoding", "user-agent", "www-authenticate"),
    }
)
"""Headers the client sets itself; Prometheus refuses them in `http_headers` too."""


def _named_headers(written: object) -> object:
    """Refuses what is no header without showing it: `X-Key:TEXT` without a space is a key to YAML."""
    if isinstance(written, Mapping) and not all(isinstance(value, Mapping) for value in written.values()):
        raise refusal(Flaw("has a header without a value", "write NAME: {secrets: [TEXT]}"))
    return written


def _header_flaws(name: str, headers: Mapping[str, Header]) -> Iterator[Flaw]:
    # a name that is no token is not shown: it may be a value without a space after its colon
    if not HEADER_NAME.fullmatch(name):
        yield Flaw("has a key that is not a header's name", "write NAME: {values: [TEXT]}")
    elif name.lower() in RESERVED_HEADERS:
        hint = "leave it out; basic_auth, authorization and oauth2 authenticate"
        yield Flaw("is set by the exporter itself", hint, (name,))
    elif sum(other.lower() == name.lower() for other in headers) > 1:
        yield Flaw("is written twice in different case", "keep one of them", (name,))


class Api(Block):
    """One API: its URL, its dialect, and Prometheus' http_config."""

    url: Url = Field(
        description="The API's root; collections' paths are appended. Never with user information."
    )
    dialect: str = Field(default="ses", description=f"How the API speaks: {', '.join(DIALECTS)}.")
    timeout: Timeout = Field(default=30.0, description="The longest one request may take.")
    connect_timeout: Timeout = Field(default=10.0, description="The longest connecting may take.")
    basic_auth: BasicAuth | None = Field(default=None, description="HTTP basic authentication.")
    authorization: Authorization | None = Field(
        default=None, description="An Authorization header, such as Bearer."
    )
    oauth2: OAuth2 | None = Field(default=None, description="OAuth 2.0 client credentials.")
    tls_config: TlsConfig | None = Field(default=None, description="TLS to the API.")
    proxy_url: ProxyUrl | None = Field(default=None, description="The proxy to use.")
    no_proxy: NoProxy = None
    proxy_from_environment: FromEnvironment = False
    proxy_connect_header: ConnectHeader = Field(default_factory=dict)
    http_headers: Annotated[Mapping[str, Header], BeforeValidator(_named_headers)] = Field(
        default_factory=dict, description="Further headers, by name: {NAME: {values, secrets, files}}."
    )
    requests_per_hour: int | None = Field(
        default=None, ge=60, description="The most requests sent in any hour; no limit by default."
    )
    follow_redirects: bool = Field(default=False, description="Follow redirects; only to the same origin.")
    enable_http2: bool = Field(
        default=False, description="Accepted for Prometheus' sake; HTTP/1.1 is spoken."
    )

    @field_validator("dialect")
    @classmethod
    def _known_dialect(cls, name: str) -> str:
        if name not in DIALECTS:
            raise refusal(Flaw("is not a dialect", f"write one of {', '.join(DIALECTS)}"))
        return name

    @field_validator("http_headers")
    @classmethod
    def _free_headers(cls, headers: Mapping[str, Header]) -> Mapping[str, Header]:
        flaws = [flaw for name in headers for flaw in _header_flaws(name, headers)]
        if flaws:
            raise refusal(*flaws)
        return headers

    @model_validator(mode="after")
    def _check(self) -> Self:
        ways = [way for way in ("basic_auth", "authorization", "oauth2") if getattr(self, way)]
        flaws = []
        if len(ways) > 1:
            flaws.append(
                Flaw(f"{' and '.join(ways)} are both written", "keep one way to authenticate", (ways[-1],))
            )
        flaws.extend(proxy_flaws(self))
        if flaws:
            raise refusal(*flaws)
        return self


class Apis(Block):
    """The APIs that are read; at least one."""

    tmf638: Api | None = Field(default=None, description="The service inventory, TMF638.")
    tmf639: Api | None = Field(default=None, description="The resource inventory, TMF639.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.tmf638 and not self.tmf639:
            raise refusal(Flaw("no API is configured", "write apis.tmf638.url, apis.tmf639.url or both"))
        return self
