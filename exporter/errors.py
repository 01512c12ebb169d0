"""The exceptions of the exporter.

    ExporterError
    ├── ConfigError            the configuration is invalid; exit status 2
    ├── StateError             the state file cannot be written or used; the exporter continues without it
    └── SourceError            an API could not be read; the last snapshot is still served
        ├── Unreachable        no response: dns, connect, timeout, tls, proxy, reset
        ├── Refused            a 3xx or 4xx response: auth, forbidden, not_found, redirect, status
        ├── Throttled          429, or 503 with Retry-After
        ├── Broken             a 5xx response: server
        ├── Malformed          a 200 that is not a page: html, empty, json, encoding, envelope, …
        └── PartialCrawl       too much of a crawl failed to publish a result

`reason` is the value of the label `reason` of the exporter's own metrics. A record that cannot be decoded is
not an exception but a value (`exporter.inventory.decode.Reject`). Invariant: no message contains a secret;
URLs in messages have no user information and no query.
"""

from __future__ import annotations

import re

_QUERY = re.compile(r"\?[^\s\"'<>]+")


class ExporterError(Exception):
    """The base of all exceptions that the exporter raises on purpose."""

    reason = "error"


class ConfigError(ExporterError):
    """The configuration is invalid.

    `file` is the file (or the flag or environment variable), `path` the dotted key, `hint` what to do. The
    message contains all of them, one line per problem.
    """

    reason = "config"

    def __init__(self, problem: str, *, file: str = "", path: str = "", hint: str = "") -> None:
        where = ": ".join(part for part in (file, path) if part)
        text = f"{where}: {problem}" if where else problem
        super().__init__(f"{text} ({hint})" if hint else text)
        self.file, self.path, self.problem, self.hint = file, path, problem, hint


class StateError(ExporterError):
    """The state file cannot be written, or the file at its path cannot be used.

    `reason` is unwritable, foreign (not a state file), version, checksum, truncated or unreadable; `path` is
    the file, `hint` what to do. The message contains all but the reason.
    """

    reason = "unreadable"

    def __init__(self, problem: str, *, path: object, reason: str = "", hint: str = "") -> None:
        text = f"{path}: {problem}"
        super().__init__(f"{text} ({hint})" if hint else text)
        self.path, self.problem, self.hint = str(path), problem, hint
        if reason:
            self.reason = reason


class SourceError(ExporterError):
    """An inventory API could not be read; `reason` is the label of metrics, `hint` what to do."""

    reason = "source"

    def __init__(self, message: str, *, reason: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        if reason:
            self.reason = reason


class Unreachable(SourceError):
    """No HTTP response was received: `reason` is dns, connect, timeout, tls, proxy or reset."""

    reason = "connect"


class Refused(SourceError):
    """The API refused the request: `reason` is auth, forbidden, not_found, redirect or status.

    `total` is the length of the list that a 416 names, None for none.
    """

    reason = "status"

    def __init__(
        self, message: str, *, status: int, reason: str = "", hint: str = "", total: int | None = None
    ) -> None:
        super().__init__(message, reason=reason, hint=hint)
        self.status, self.total = status, total


class Throttled(SourceError):
    """The API asks for fewer requests; `wait` is the Retry-After in seconds, None if there was none."""

    reason = "throttled"

    def __init__(self, message: str, *, wait: float | None) -> None:
        super().__init__(message, hint="use a longer refresh_interval or a larger page_size")
        self.wait = wait


class Broken(SourceError):
    """A 5xx response; `status` is its code, `wait` the Retry-After in seconds, None if there was none."""

    reason = "server"

    def __init__(self, message: str, *, status: int, wait: float | None = None, reason: str = "") -> None:
        super().__init__(message, reason=reason, hint="the API failed; ask its owner to check its logs")
        self.status, self.wait = status, wait


class Malformed(SourceError):
    """A successful response that is not a page of records: `reason` is html, empty, json, encoding, …"""

    reason = "json"


class PartialCrawl(SourceError):
    """Too many pages or records of a crawl failed to publish its result."""

    reason = "partial"


def bare(foreign: str) -> str:
    """Text of others without the queries of URLs, which may contain keys."""
    return _QUERY.sub("?…", foreign)
