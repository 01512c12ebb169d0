"""The web configuration as it is now: the file and the certificates it names, read again when they change.

Prometheus' programs read them for each request; here their stamps are compared for each, in a thread (a
quarter of a millisecond). Where a new file cannot be used, or a mount hangs, the previous configuration stays
in use; where a certificate cannot be used, only the previous TLS does, so that users who were removed stay
out. The log says so once. Invariant: a connection is secured by the configuration of one moment, and those
that are open are not affected.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import structlog

from exporter import files
from exporter.errors import ConfigError
from exporter.web.web_config import models, tls_context
from exporter.web.web_config.models import WebConfig

_RETRY = 10.0
"""Seconds after which a file that could not be used is tried again though it seems the same."""

DEADLINE = 0.8
"""Seconds that a request or a handshake waits for the files; the previous ones stay in use after that."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Found:
    """What the files say now: configuration and TLS to be used from now on, and what was wrong."""

    seen: Mapping[Path, files.Stamp]
    config: WebConfig
    context: ssl.SSLContext | None
    error: ConfigError | None = None


class Reloader:
    """The configuration of a file, None for an empty one, and the TLS made of it.

    Making one waits for the file, up to a deadline. Raises ConfigError where it cannot be used as it begins.
    `clock` gives seconds; `deadline` is the seconds that each refresh waits.
    """

    def __init__(
        self, file: Path | None, clock: Callable[[], float] = time.monotonic, deadline: float = DEADLINE
    ) -> None:
        self._file, self._clock = file, clock
        self._seen: Mapping[Path, files.Stamp] = {}
        self._complaint, self._tried, self._late = "", 0.0, False
        self._calls = files.Calls(self._look, self._keep, deadline)
        self.config = WebConfig()
        self._context: ssl.SSLContext | None = None
        if file is not None:
            self._begin(file)

    def _begin(self, file: Path) -> None:
        try:
            found = files.within(files.DEADLINE, lambda: self._read(file))
        except TimeoutError as error:
            hint = "the file system that it, or a file it names, is on does not answer"
            raise ConfigError("timeout reading it", file=str(file), hint=hint) from error
        if found.error is not None:
            raise found.error
        self._seen, self.config, self._context = found.seen, found.config, found.context

    @property
    def encrypted(self) -> bool:
        """Whether connections are secured, which never changes."""
        return self._context is not None

    def context(self) -> ssl.SSLContext:
        """The TLS for a connection that begins now; only where connections are secured."""
        if self._context is None:
            raise RuntimeError("connections are not secured")
        return self._context

    async def refresh(self) -> WebConfig:
        """The configuration as it is now, read again if need be; `config` is that of the last time."""
        if self._file is not None:
            try:
                await self._calls.fresh()
            except TimeoutError:
                self._say_late()
        return self.config

    def _say_late(self) -> None:
        if not self._late:
            said = f"{self._file}: timeout reading it or a file it names"
            log.error("web configuration reload failed", error=said)
        self._late = True

    def _look(self) -> _Found | None:
        """In a thread, for the files may not answer; None where nothing has changed."""
        return self._read(self._file) if self._file is not None and self._is_due() else None

    def _read(self, file: Path) -> _Found:
        # Each is looked at before it is read, so that what is written meanwhile is seen the next time.
        seen = {file: files.stamp(file)}
        usable, context = self.config, self._context
        try:
            found = models.load(file)
            seen |= {path: files.stamp(path) for path in found.tls_server_config.files}
            if self._seen:
                _compare(self.config, found, file)
            usable = found.model_copy(update={"tls_server_config": self.config.tls_server_config})
            context = tls_context.context(found.tls, file) if found.tls else None
        except ConfigError as error:
            return _Found(seen, usable, context, error)
        return _Found(seen, found, context)

    def _keep(self, found: _Found | None) -> None:
        self._late = False
        if found is None:
            return
        self._tried = self._clock()
        self._seen, self.config, self._context = found.seen, found.config, found.context
        if found.error is not None:
            self._complain(found.error)
        else:
            self._complaint = ""
            log.info("web configuration reloaded", file=str(self._file))

    def _is_due(self) -> bool:
        if self._complaint and self._clock() - self._tried >= _RETRY:
            return True
        return any(files.stamp(path) != seen for path, seen in self._seen.items())

    def _complain(self, error: ConfigError) -> None:
        """Once for each thing that is wrong, however often the file is tried."""
        if str(error) != self._complaint:
            log.error("web configuration reload failed", error=str(error))
        self._complaint = str(error)


def _compare(old: WebConfig, new: WebConfig, file: Path) -> None:
    """Raises ConfigError where TLS would be added, or a protection removed altogether.

    TLS is there for all connections or for none. And a file that is just being written may lack its end: no
    unauthenticated client may get in at such a moment.
    """
    before, after, path = old.tls_server_config, new.tls_server_config, ""
    what = "cannot be taken away while the exporter runs"
    if (old.tls is None) != (new.tls is None):
        path, what = "tls_server_config", "cannot be added or taken away while the exporter runs"
    elif old.users and not new.users:
        path = "basic_auth_users"
    elif before.client_auth_type == models.STRICT != after.client_auth_type:
        path = "tls_server_config.client_auth_type"
    elif before.client_allowed_sans and not after.client_allowed_sans:
        path = "tls_server_config.client_allowed_sans"
    if path:
        raise ConfigError(what, file=str(file), path=path, hint="restart it if that is what you want")


async def _as_it_is() -> None:
    """Where nothing is to be read."""


class ReloadingContext(ssl.SSLContext):
    """The context of the listener: each connection is secured by the one that `now` gives as it begins.

    Another context could as well be put in place by a callback for the server's name; but that changes the
    certificate alone, and not who must show one, nor which versions are spoken. For asyncio only, which
    secures connections by `wrap_bio`. Before each one whoever accepts it awaits `refresh`.
    """

    _now: Callable[[], ssl.SSLContext]
    refresh: Callable[[], Awaitable[object]]

    def __new__(
        cls, now: Callable[[], ssl.SSLContext], refresh: Callable[[], Awaitable[object]] = _as_it_is
    ) -> Self:
        """Without a certificate of its own."""
        made = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        made._now, made.refresh = now, refresh
        return made

    def wrap_bio(self, *arguments: Any, **named: Any) -> ssl.SSLObject:
        """As `ssl.SSLContext.wrap_bio`, of the context of now."""
        return self._now().wrap_bio(*arguments, **named)
