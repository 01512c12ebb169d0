"""What the web configuration file says, as the program uses it.

`read` reads it whole and tells every problem at once; the certificates it names are `tls_context`'s to open,
and whether the file has changed is `reloader`'s to notice. The format is exporter-toolkit's
(docs/web-configuration.md there, 0.15), its keys in its words. Invariant: a `WebConfig` can be carried out as
it stands, and no secret is in its repr.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import bcrypt

from exporter.web.web_config import tls_models, yaml
from exporter.web.web_config.go_values import count, flag, seconds
from exporter.web.web_config.tls_models import TlsServerConfig
from exporter.web.web_config.yaml import Part

_CENTURY = 3_155_760_000.0
_HASH = re.compile(r"\$2[aby]\$(?P<cost>\d\d)\$(?P<salt>[./A-Za-z0-9]{22})[./A-Za-z0-9]{31}", re.ASCII)
_DEAREST = 18
"""The greatest cost of a hash: one check takes a quarter of a minute, and a stop waits for it."""

_HEADERS: Mapping[str, tuple[str, ...]] = {
    "Content-Security-Policy": (),
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
}
"""The headers that may be set, and the values of those that have only a few."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most one request in `interval` seconds (above 0), and up to `burst` (1 or more) at once."""

    interval: float
    burst: int


@dataclass(frozen=True, slots=True)
class WebConfig:
    """One web configuration. `users` maps names to bcrypt hashes; without any nobody is asked for a name."""

    tls: TlsServerConfig | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[bytes, bytes] = field(default_factory=dict, repr=False)
    pace: RateLimit | None = None


def read(file: Path) -> WebConfig:
    """The rules of the file; relative paths in it begin at its folder.

    Raises ConfigError with all problems, one on each line: file, path in it, what is wrong, what to do.
    """
    top = yaml.read(file)
    rules = WebConfig(
        tls_models.read(top.part("tls_server_config")),
        _headers(top.part("http_server_config")),
        _users(top.part("basic_auth_users")),
        _pace(top.part("rate_limit")),
    )
    top.finish()
    yaml.settle(top)
    return rules


def _headers(part: Part) -> Mapping[str, str]:
    # HTTP/2 is never spoken here: a client that offers it is answered in HTTP/1.1, as with http2: false
    if part.has("http2") and flag(part.text("http2")) is None:
        part.refuse("http2", "must be true or false", "write true or false")
    headers = part.part("headers")
    part.finish()
    found: dict[str, str] = {}
    for name, value in headers.items():
        values = _HEADERS.get(name)
        if values is None:
            headers.refuse(
                yaml.name(name), "is a header that cannot be set", f"write one of {', '.join(_HEADERS)}"
            )
        elif values and value not in values:
            headers.refuse(name, "has a value it cannot have", f"write {' or '.join(values)}")
        elif re.search(r"[^\x20-\x7e]", value):
            headers.refuse(
                name, "holds a character that no header may hold", "write plain ASCII, on one line"
            )
        elif value:
            found[name] = value
    return found


def _users(part: Part) -> Mapping[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for name, text in part.items():
        flaw = _flaw(text)
        if ":" in name:
            part.refuse(yaml.name(name), "is a user name with a colon", "HTTP cannot send such a name")
        elif flaw:
            part.refuse(yaml.name(name), *flaw)
        else:
            found[name.encode(errors="replace")] = text.encode()
    return found


def _flaw(text: str) -> tuple[str, str] | None:
    """What is wrong with a bcrypt hash, and the mend."""
    parts = _HASH.fullmatch(text)
    if not parts or not _usable(parts["salt"]):
        return "is not a bcrypt hash", "write what `htpasswd -nBC 10 USER` prints after the colon"
    if not 4 <= int(parts["cost"]) <= _DEAREST:
        return "is a hash of a cost that cannot be used", f"choose a cost from 4 to {_DEAREST}; 10 is usual"
    return None


def _usable(salt: str) -> bool:
    """Whether bcrypt accepts it: its last character holds fewer bits than it could."""
    try:
        bcrypt.hashpw(b"", f"$2b$04${salt}".encode())
    except ValueError:
        return False
    return True


def _pace(part: Part) -> RateLimit | None:
    interval, burst = part.text("interval"), part.text("burst")
    part.finish()
    pause, size = seconds(interval or "0"), count(burst or "0")  # Go's zero values: no interval, no limit
    if pause is None or pause > _CENTURY:
        part.refuse("interval", "is not a duration", "write it like 1s, 250ms or 1m30s, or 0 for no limit")
    elif size is None:
        part.refuse("burst", "must be a whole number", "write digits, like 20")
    elif pause and not size:
        part.refuse("burst", "is missing or 0, which would let nobody in", "write 1 or more, like 20")
    elif pause:
        return RateLimit(pause, size)
    return None
