"""Everything that can go wrong, as one tree.

    ExporterError
    ├── ConfigError            the operator's settings are wrong; exit status 2
    ├── StateError             the state file cannot be written or used; the exporter goes on without it
    └── SourceError            an API could not be read; the last good snapshot stays
        ├── Unreachable        no answer: dns, connect, timeout, tls, proxy, reset
        ├── Refused            an answer that says no: auth, forbidden, not_found, status
        ├── Throttled          429 (or 503 with Retry-After); carries the wait
        ├── Broken             a 5xx answer: server
        ├── Malformed          a 200 whose body is not a page: html, empty, json, encoding, envelope, …
        └── PartialCrawl       so much of a crawl failed that nothing of it may be published

A class's `reason` is the `reason` label of the exporter's own metrics, hence one lower-case word or two.
Bad data inside a good page is not an error but a value (`exporter.inventory.decode.Reject`).
Invariant: no message holds a secret; URLs in messages come without user information and query values.
"""

from __future__ import annotations

import re

_QUERY = re.compile(r"\?[^\s\"'<>]+")


class ExporterError(Exception):
    """The root: everything this program raises on purpose."""

    reason = "error"


class ConfigError(ExporterError):
    """The settings cannot be used.

    `file` is the file read (or the flag or environment variable), `path` the dotted key in it, `hint` what
    the operator should do. All of them are in the message, one line each problem.
    """

    reason = "config"

    def __init__(self, problem: str, *, file: str = "", path: str = "", hint: str = "") -> None:
        where = ": ".join(part for part in (file, path) if part)
        text = f"{where}: {problem}" if where else problem
        super().__init__(f"{text} ({hint})" if hint else text)
        self.file, self.path, self.problem, self.hint = file, path, problem, hint


class StateError(ExporterError):
    """The state file cannot be written, or what stands in its place cannot be used.

    `reason` is unwritable, foreign (not a file of ours), version, checksum, truncated or unreadable; `path`
    is the file, `hint` what the operator should do. All but the reason are in the message.
    """

    reason = "unreadable"

    def __init__(self, problem: str, *, path: object, reason: str = "", hint: str = "") -> None:
        text = f"{path}: {problem}"
        super().__init__(f"{text} ({hint})" if hint else text)
        self.path, self.problem, self.hint = str(path), problem, hint
        if reason:
            self.reason = reason


class SourceError(ExporterError):
    """An inventory API could not be read; `reason` is the metric's label, `hint` what a person may try."""

    reason = "source"

    def __init__(self, message: str, *, reason: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        if reason:
            self.reason = reason


class Unreachable(SourceError):
    """No HTTP answer arrived: `reason` is dns, connect, timeout, tls, proxy or reset."""

    reason = "connect"


class Refused(SourceError):
    """The API answered, and the answer is no: `reason` is auth, forbidden, not_found, redirect or status."""

    reason = "status"

    def __init__(self, message: str, *, status: int, reason: str = "", hint: str = "") -> None:
        super().__init__(message, reason=reason, hint=hint)
        self.status = status


class Throttled(SourceError):
    """The API asks us to come back later; `wait` is the Retry-After in seconds, None where it gave none."""

    reason = "throttled"

    def __init__(self, message: str, *, wait: float | None) -> None:
        super().__init__(message, hint="ask less: a longer refresh_interval or a larger page_size")
        self.wait = wait


class Broken(SourceError):
    """A 5xx answer; `status` is its code, `wait` the seconds of a Retry-After, None where it gave none."""

    reason = "server"

    def __init__(self, message: str, *, status: int, wait: float | None = None) -> None:
        super().__init__(message, hint="the API itself fails; its owner's logs say why")
        self.status, self.wait = status, wait


class Malformed(SourceError):
    """A good status whose body is not a page of records: `reason` is html, empty, json, encoding, …"""

    reason = "json"


class PartialCrawl(SourceError):
    """So many pages or records of one crawl failed that publishing it could mislead."""

    reason = "partial"


def bare(foreign: str) -> str:
    """Foreign text as it may be shown: without the queries of URLs, which may hold keys."""
    return _QUERY.sub("?…", foreign)
