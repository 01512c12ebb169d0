"""A block that names a proxy: Prometheus' keys for it, and its rules for which of them go together.

The keys are fields of the blocks themselves, which have them in common; which proxy a request then goes
through is `exporter.client.proxy`'s. Invariant: no flaw shows a value, or a key that may be one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Protocol

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from exporter.settings.base import Flaw, refusal
from exporter.settings.types import HEADER_NAME, Secret

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
    flaws = [flaw for name in headers for flaw in _header_flaws(name)]
    if flaws:
        raise refusal(*flaws)
    return headers


def _header_flaws(name: str) -> Iterator[Flaw]:
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
