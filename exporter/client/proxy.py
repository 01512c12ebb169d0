"""Which proxy a request goes through, if any, by the rules of Go and hence of Prometheus.

proxy_url, no_proxy and the variables of the environment mean what they mean to
golang.org/x/net/http/httpproxy. Pure. Invariant: a proxy's credentials are in no URL, only in headers for the
proxy.
"""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import multidict
import yarl

from exporter import errors, settings


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy: its `url` without user information, and the Proxy-Authorization it wants, empty for none."""

    url: yarl.URL
    authorization: str = field(default="", repr=False)


Route = Callable[[yarl.URL], Proxy | None]
"""The proxy for a URL; None for the direct way."""


def route(http: settings.Proxied, environ: Mapping[str, str], path: str) -> Route:
    """The route that the settings of an API or its token endpoint ask for; `path` is their dotted key.

    Raises `ConfigError` where the environment names what is no HTTP proxy.
    """
    if http.proxy_from_environment:
        return _of_environment(environ, f"{path}.proxy_from_environment")
    if http.proxy_url is None:
        return lambda target: None
    proxy = _proxy(http.proxy_url.get_secret_value())
    if not http.no_proxy:
        # as in Go: even this machine is reached through it
        return lambda target: proxy
    excluded = NoProxy(http.no_proxy)
    return lambda target: None if target in excluded else proxy


def connect_headers(http: settings.Proxied) -> multidict.CIMultiDict[str]:
    """The operator's own headers for a proxy that makes a tunnel; no other server receives them."""
    return multidict.CIMultiDict(
        (name, value.get_secret_value())
        for name, values in http.proxy_connect_header.items()
        for value in values
    )


def _of_environment(environ: Mapping[str, str], path: str) -> Route:
    proxies = {}
    for scheme in ("http", "https"):
        key, written = _variable(environ, f"{scheme}_proxy")
        if written:
            proxies[scheme] = _of_variable(written, key, path)
    excluded = NoProxy(_variable(environ, "no_proxy")[1])
    return lambda target: None if target in excluded else proxies.get(target.scheme)


def _variable(environ: Mapping[str, str], key: str) -> tuple[str, str]:
    """The variable and its value; capitals win."""
    return next(((name, environ[name]) for name in (key.upper(), key) if environ.get(name)), (key, ""))


def _of_variable(written: str, key: str, path: str) -> Proxy:
    """A proxy as the environment writes it: `proxy.example.net:3128` will do."""
    full = written if "://" in written else f"http://{written}"
    try:
        url = yarl.URL(full)
        if url.scheme in ("http", "https") and url.host:
            return _proxy(full)
    except ValueError:
        pass  # said below without its cause, which may show a password
    raise errors.ConfigError(
        f"the environment's {key} is not the URL of an HTTP proxy",
        path=path,
        hint="write it as http://HOST:PORT; other kinds of proxies are not supported",
    )


def _proxy(written: str) -> Proxy:
    url = yarl.URL(written)
    bare = url.origin()
    if url.user is None and url.password is None:
        return Proxy(bare)
    pair = f"{url.user or ''}:{url.password or ''}"
    return Proxy(bare, f"Basic {base64.b64encode(pair.encode()).decode()}")


class NoProxy:
    """The hosts that no_proxy names, separated by commas; a URL is `in` them or not.

    Each is `*`, an address, a network in CIDR, `example.net` (and what is below it), or `.example.net` and
    `*.example.net` (only what is below it); all but networks may be followed by a port. This machine is
    always among them: `localhost` and loopback addresses.
    """

    def __init__(self, written: str) -> None:
        words = [word.strip().lower() for word in written.split(",")]
        self._all = "*" in words
        self._networks: list[_Network] = []
        self._addresses: list[tuple[_Address, str]] = []
        self._domains: list[tuple[str, str]] = []
        for word in words:
            self._add(word)

    def _add(self, word: str) -> None:
        if "/" in word:
            network = _network(word)
            if network is not None:
                self._networks.append(network)
            return
        host, port = _split(word)
        address = _address(host)
        if address is not None:
            self._addresses.append((address, port))
        elif host:
            self._domains.append((_ascii(host.removeprefix("*")), port))

    def __contains__(self, target: object) -> bool:
        if not isinstance(target, yarl.URL):
            return False
        host, port = (target.raw_host or "").lower(), str(target.port)
        address = _address(host)
        if self._all or host == "localhost" or (address is not None and address.is_loopback):
            return True
        if address is None:
            return any(_below(host, name) and own in ("", port) for name, own in self._domains)
        if any(address in network for network in self._networks):
            return True
        return any(address == other and own in ("", port) for other, own in self._addresses)


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _split(word: str) -> tuple[str, str]:
    """Host and port of `host`, `host:port`, `::1`, `[::1]` or `[::1]:port`; the port is empty for any."""
    if word.startswith("["):
        host, _, rest = word[1:].partition("]")
        return host, rest.removeprefix(":")
    host, _, port = word.partition(":")
    return (word, "") if ":" in port else (host, port)


def _address(host: str) -> _Address | None:
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _network(word: str) -> _Network | None:
    """None for what is no network: as in Go it is passed over."""
    try:
        return ipaddress.ip_network(word, strict=False)
    except ValueError:
        return None


def _ascii(name: str) -> str:
    """A name as it stands in a URL that is sent, with the dot it may begin with."""
    dot = "." if name.startswith(".") else ""
    try:
        return f"{dot}{name.removeprefix('.').encode('idna').decode()}"
    except UnicodeError:
        return name


def _below(host: str, name: str) -> bool:
    return host.endswith(name if name.startswith(".") else f".{name}") or host == name
