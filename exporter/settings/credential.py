"""Secrets: how they are written, checked and read; the ways to authenticate, by Prometheus' names and rules.

A secret is written in place (X) or as a file (X_file), never both. A file is read by whatever `Reader` is
given, each time a secret is used, so that it rotates without a restart. How a credential is sent is
`exporter.client.auth`'s business. Invariant: no repr, message or dump shows a secret; an error names the key
and the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from exporter import files
from exporter.errors import ConfigError
from exporter.settings.base import Block, Flaw, refusal
from exporter.settings.proxy import ConnectHeader, FromEnvironment, NoProxy, proxy_flaws
from exporter.settings.types import ProxyUrl, Secret, TokenUrl, Word

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
