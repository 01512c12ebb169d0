"""What every request passes first: the rate limit, who is asking, and the headers of the answer.

No path is excepted, `/-/healthy` and `/-/ready` are not either, as in all of Prometheus' programs. Names of
client certificates are checked in the handshake, by `tls_context`. Invariant: an unauthenticated client
reaches no page.
"""

from __future__ import annotations

import base64
import binascii
import math
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Literal

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from exporter.token_bucket import TokenBucket
from exporter.web.responses import plain_text
from exporter.web.web_config.basic_auth import Credentials, PasswordChecks
from exporter.web.web_config.models import RateLimit
from exporter.web.web_config.reloader import DEADLINE, Reloader, ReloadingContext

Reason = Literal["pace", "credentials", "busy"]
"""Why a request was refused: over the rate limit, wrong credentials, too many passwords to be checked."""

_CHALLENGE: Mapping[str, str] = {
    hdrs.WWW_AUTHENTICATE: 'Basic realm="ses-inventory-exporter", charset="UTF-8"'
}
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger(__name__)


def _ignore(_: Reason) -> None:
    """Where nobody counts."""


class AccessControl:
    """The web configuration of `path` (None: no TLS, no users, no limit), always as it is now.

    Raises ConfigError where it cannot be used. `turned_away` is called for each request that is refused;
    `deadline` is the seconds that a request or a handshake waits for the files.
    """

    def __init__(
        self,
        path: Path | None,
        turned_away: Callable[[Reason], None] = _ignore,
        deadline: float = DEADLINE,
    ) -> None:
        self._reloader = Reloader(path, deadline=deadline)
        self._turned_away = turned_away
        self._passwords = PasswordChecks()
        self._rate_limit = RateLimit()
        self._bucket: TokenBucket | None = None

    def ssl_context(self) -> ssl.SSLContext | None:
        """For the listener, for as long as it listens: each connection gets the certificates of then.

        None where connections are not secured.
        """
        if not self._reloader.encrypted:
            return None
        return ReloadingContext(self._reloader.context, self._reloader.refresh)

    def middleware(self) -> Middleware:
        """The outermost middleware; `set_headers` belongs to it."""

        @web.middleware
        async def guarded(request: web.Request, handler: _Handler) -> web.StreamResponse:
            refusal = await self._refusal(request)
            if refusal is None:
                return await handler(request)
            if request.body_exists:
                refusal.force_close()  # its body must not be read as the next request
            return refusal

        return guarded

    async def set_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        """Sets the headers of the file; the last of `on_response_prepare`, for they override all others."""
        response.headers.update(self._reloader.config.headers)

    async def _refusal(self, request: web.Request) -> web.Response | None:
        config = await self._reloader.refresh()
        if not self._is_within(config.rate_limit):
            retry = {"Retry-After": f"{math.ceil(config.rate_limit.interval)}"}
            self._turned_away("pace")
            return plain_text(429, "Too many requests; try again later.", retry)
        if not config.users:
            return None
        sent = credentials(request.headers.get(hdrs.AUTHORIZATION, ""))
        verdict = "wrong"
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
        """Whether one more request is within the rate limit; it is counted if so."""
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


def credentials(header: str) -> Credentials | None:
    """User and password of an Authorization header of the scheme Basic (RFC 7617); None for any other."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(token.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return Credentials(user, password) if colon else None
