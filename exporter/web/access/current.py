"""The rules as they are now: the file and the certificates it names, read again when they have changed.

Prometheus' programs read them for each request; here they are looked at for each (a few microseconds) and
read when one is another file or has other times or another size. A new file that cannot be used leaves the
old rules at work, certificates that cannot be used only the old TLS, and the log says so once: who may no
longer come in is not let in because a key is late. Invariant: a connection is secured wholly by the rules of
one moment; those that stand are not touched.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import structlog

from exporter.errors import ConfigError
from exporter.web.access import rules, secure
from exporter.web.access.rules import Rules

_RETRY = 10.0
"""Seconds after which a file that could not be used is tried again though it seems the same."""

log = structlog.get_logger(__name__)

_Stamp = tuple[int, ...]


class Current:
    """The rules of a file, None for no rules at all, and the TLS made of them.

    Raises ConfigError where the file cannot be used as it begins. `clock` gives seconds.
    """

    def __init__(self, file: Path | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._file, self._clock = file, clock
        self._seen: dict[Path, _Stamp] = {}
        self._complaint, self._tried = "", 0.0
        self.rules = Rules()
        self._context: ssl.SSLContext | None = None
        if file is not None:
            self.rules = self._read(file)
            self._context = _secured(self.rules, file)

    @property
    def encrypted(self) -> bool:
        """Whether connections are secured, which never changes."""
        return self._context is not None

    def context(self) -> ssl.SSLContext:
        """The TLS for a connection that begins now; only where connections are secured."""
        self.refresh()
        if self._context is None:
            raise RuntimeError("connections are not secured")
        return self._context

    def refresh(self) -> Rules:
        """The rules as they are now, read again if need be; `rules` are those of the last time."""
        if self._file is None or not self._is_due():
            return self.rules
        self._tried = self._clock()
        try:
            found = self._read(self._file)
            _compare(self.rules, found, self._file)
            self.rules = replace(found, tls=self.rules.tls)
            self._context = _secured(found, self._file)
        except ConfigError as error:
            self._complain(error)
        else:
            self.rules = found
            self._complaint = ""
            log.info("web configuration read again", file=str(self._file))
        return self.rules

    def _is_due(self) -> bool:
        if self._complaint and self._clock() - self._tried >= _RETRY:
            return True
        return any(_stamp(path) != seen for path, seen in self._seen.items())

    def _read(self, file: Path) -> Rules:
        # Each is looked at before it is read, so that what is written meanwhile is seen the next time.
        self._seen = {file: _stamp(file)}
        found = rules.read(file)
        named = found.tls.files if found.tls else ()
        self._seen |= {path: _stamp(path) for path in named}
        return found

    def _complain(self, error: ConfigError) -> None:
        """Once for each thing that is wrong, however often the file is tried."""
        if str(error) != self._complaint:
            log.error("the former web configuration stays in use", error=str(error))
        self._complaint = str(error)


def _secured(found: Rules, file: Path) -> ssl.SSLContext | None:
    return secure.context(found.tls, file) if found.tls else None


def _compare(old: Rules, new: Rules, file: Path) -> None:
    """Raises ConfigError where a barrier would be put up or taken away altogether.

    TLS is either there for all connections or for none. And a file that is just being written may lack its
    end: no such moment must let strangers in.
    """
    flaw, what = "", "cannot be taken away while the exporter runs"
    if (old.tls is None) != (new.tls is None):
        flaw, what = "tls_server_config", "cannot be added or taken away while the exporter runs"
    elif old.users and not new.users:
        flaw = "basic_auth_users"
    elif old.tls and new.tls and old.tls.verify == ssl.CERT_REQUIRED != new.tls.verify:
        flaw = "tls_server_config.client_auth_type"
    elif old.tls and new.tls and old.tls.sans and not new.tls.sans:
        flaw = "tls_server_config.client_allowed_sans"
    if flaw:
        raise ConfigError(what, file=str(file), path=flaw, mend="restart it if that is what you want")


def _stamp(path: Path) -> _Stamp:
    """What changes when a file does; empty where it is not there."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return ()
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_dev)


class Renewed(ssl.SSLContext):
    """The context of the listener: each connection is secured by the one that `now` gives as it begins.

    Another context could as well be put in place by a callback for the server's name; but that changes the
    certificate alone, and not who must show one, nor which versions are spoken. For asyncio only, which
    secures connections by `wrap_bio`.
    """

    _now: Callable[[], ssl.SSLContext]

    def __new__(cls, now: Callable[[], ssl.SSLContext]) -> Self:
        """Without a certificate of its own."""
        made = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        made._now = now
        return made

    def wrap_bio(self, *arguments: Any, **named: Any) -> ssl.SSLObject:
        """As `ssl.SSLContext.wrap_bio`, of the context of now."""
        return self._now().wrap_bio(*arguments, **named)
