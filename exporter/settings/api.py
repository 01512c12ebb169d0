"""One inventory API: where it is and how it is reached; the two APIs there are.

The HTTP part is Prometheus' http_config, with its names and its rules. What is listed of an API is in
`collection`; who sends requests is `exporter.client`. Invariant: at most one way to authenticate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from exporter.inventory.dialects import DIALECTS
from exporter.settings.base import Block, Flaw, refusal
from exporter.settings.credential import Authorization, BasicAuth, Header, OAuth2, TlsConfig
from exporter.settings.proxy import ConnectHeader, FromEnvironment, NoProxy, proxy_flaws
from exporter.settings.types import HEADER_NAME, ProxyUrl, Timeout, Url

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
