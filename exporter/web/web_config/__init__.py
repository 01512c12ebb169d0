"""The web configuration file (`--web.config.file`) in Prometheus' format: TLS, users, rate limit and headers.

`models` is what may be written in the file, `reloader` reads it and its certificates again when they change.
`AccessControl` is what every request passes first, on all paths, `/-/healthy` and `/-/ready` too, as in all
of Prometheus' programs. Invariants: an unauthenticated client reaches no page; an unknown user takes as long
to check as a known one; no password is kept.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import math
import secrets
import ssl
import time
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import bcrypt
import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from exporter.token_bucket import TokenBucket
from exporter.web.responses import plain_text
from exporter.web.web_config.models import RateLimit
from exporter.web.web_config.reloader import DEADLINE, Reloader

__all__ = ["AccessControl"]

Reason = Literal["rate_limit", "credentials", "busy"]
"""Why a request was rejected: over the rate limit, wrong credentials, too many passwords to check."""

Verdict = Literal["right", "wrong", "busy"]
"""busy: too many checks wait, and this one was not begun."""

_CACHED = 256
"""Passwords that were right, of which a digest is remembered."""
_WAITING = 32
"""Checks that may wait: 2 s of work at bcrypt's usual cost, less than a scrape may take."""
_WAITING_OF_CLIENT = 4
"""Those of them from one address."""
_MAX_PASSWORD = 72
"""Bytes of a password that bcrypt reads; a longer one is wrong."""
_CHALLENGE: Mapping[str, str] = {
    hdrs.WWW_AUTHENTICATE: 'Basic realm="ses-inventory-exporter", charset="UTF-8"'
}
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger(__name__)


class AccessControl:
    """The web configuration of the file `path`, always as it is now; None: no TLS, no users, no limit.

    Raises ConfigError if it cannot be used. `turned_away` is called for each rejected request; a request or a
    handshake waits at most `deadline` seconds for the files.
    """

    def __init__(
        self,
        path: Path | None,
        turned_away: Callable[[Reason], object] = lambda _: None,
        deadline: float = DEADLINE,
    ) -> None:
        self._reloader = Reloader(path, deadline=deadline)
        self._turned_away = turned_away
        self._passwords = PasswordChecks()
        self._rate_limit = RateLimit()
        self._bucket: TokenBucket | None = None

    @property
    def tls(self) -> Callable[[], Awaitable[ssl.SSLContext]] | None:
        """Returns the TLS for a connection that begins now; None if connections are not encrypted."""
        return self._reloader.context if self._reloader.encrypted else None

    def middleware(self) -> Middleware:
        """The outermost middleware; `set_headers` belongs to it."""

        @web.middleware
        async def access(request: web.Request, handler: _Handler) -> web.StreamResponse:
            refusal = await self._refusal(request)
            if refusal is None:
                return await handler(request)
            if request.body_exists:
                refusal.force_close()  # its body must not be read as the next request
            return refusal

        return access

    async def set_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        """Sets the headers of the file; last of `on_response_prepare`, because they override all others."""
        response.headers.update(self._reloader.config.headers)

    async def _refusal(self, request: web.Request) -> web.Response | None:
        config = await self._reloader.refresh()
        if not self._is_within(config.rate_limit):
            retry = {"Retry-After": f"{math.ceil(config.rate_limit.interval)}"}
            self._turned_away("rate_limit")
            return plain_text(429, "Too many requests; try again later.", retry)
        if not config.users:
            return None
        sent = credentials(request.headers.get(hdrs.AUTHORIZATION, ""))
        verdict: Verdict = "wrong"
        if sent is not None:
            verdict = await self._passwords.verdict(sent, config.users, request.remote or "")
        if verdict == "right":
            return None
        if verdict == "busy":
            self._turned_away("busy")
            return plain_text(503, "Too many passwords to be checked; try again.", {"Retry-After": "1"})
        log.debug("authentication failed", client=request.remote)
        self._turned_away("credentials")
        return plain_text(401, "Unauthorized: send a user of basic_auth_users and the password.", _CHALLENGE)

    def _is_within(self, limit: RateLimit) -> bool:
        """Whether one more request is within the rate limit; counts it if so."""
        if limit != self._rate_limit:
            self._rate_limit = limit
            self._bucket = TokenBucket(limit.burst, limit.interval) if limit.interval else None
        if self._bucket is None:
            return True
        now = time.monotonic()
        if self._bucket.wait(now) > 0:
            return False
        self._bucket.spend(now)
        return True


class SentCredentials(NamedTuple):
    """What a client sent to authenticate itself."""

    user: bytes
    password: bytes


def credentials(header: str) -> SentCredentials | None:
    """User and password of an Authorization header of the scheme Basic (RFC 7617); None for any other."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(token.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return SentCredentials(user, password) if colon else None


class PasswordChecks:
    """Checks passwords with bcrypt, one at a time in a thread: a check takes a core for 64 ms and more.

    Few may wait, and fewer of one client, so that a flood of wrong passwords does not keep others out. What
    was right is remembered under a key that only this process knows.
    """

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._salt = bcrypt.gensalt()[-22:]
        self._cache: OrderedDict[bytes, None] = OrderedDict()
        self._running: dict[bytes, asyncio.Task[bool]] = {}
        self._waiting: Counter[str] = Counter()
        self._lock = asyncio.Lock()

    async def verdict(self, sent: SentCredentials, users: Mapping[bytes, bytes], client: str) -> Verdict:
        """Whether one of `users` (name to bcrypt hash; at least one) sent it; `client` is its address."""
        stored = users.get(sent.user)
        known = stored is not None
        stored = self._decoy(users) if stored is None else stored
        key = self._key(sent, stored)
        if key in self._cache:
            self._cache.move_to_end(key)
            return "right"
        check = self._running.get(key)
        if check is None:
            if self._waiting.total() >= _WAITING or self._waiting[client] >= _WAITING_OF_CLIENT:
                return "busy"
            self._waiting[client] += 1
            check = asyncio.create_task(self._check(key, sent.password, stored, client))
            self._running[key] = check
        # A client that leaves must not end the check: others may wait for the same one.
        if not (await asyncio.shield(check) and known):
            return "wrong"
        self._cache[key] = None
        if len(self._cache) > _CACHED:
            self._cache.popitem(last=False)
        return "right"

    async def _check(self, key: bytes, password: bytes, stored: bytes, client: str) -> bool:
        try:
            async with self._lock:
                return await asyncio.to_thread(_matches, password, stored)
        finally:
            del self._running[key]
            self._waiting[client] -= 1
            self._waiting += Counter()  # removes the clients of which none waits

    def _decoy(self, users: Mapping[bytes, bytes]) -> bytes:
        """A hash that no password has, with the highest cost of the users'."""
        return b"$2b$%b$%b%b" % (max(stored[4:6] for stored in users.values()), self._salt, b"." * 31)

    def _key(self, sent: SentCredentials, stored: bytes) -> bytes:
        """A digest of all three, with their lengths; another hash makes another key."""
        digest = hashlib.blake2b(key=self._secret, digest_size=32)
        for part in (sent.user, sent.password, stored):
            digest.update(b"%d:%b" % (len(part), part))
        return digest.digest()


def _matches(password: bytes, stored: bytes) -> bool:
    """Checks a password that is too long as well, so that it takes as long."""
    return bcrypt.checkpw(password[:_MAX_PASSWORD], stored) and len(password) <= _MAX_PASSWORD
