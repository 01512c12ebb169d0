"""What stands before every page: the pace, who is asking, and the headers of the answers.

Joins the rules of this package and owns none of them. Nothing is excepted, `/-/healthy` and `/-/ready` are
not either, as in all of Prometheus' programs. Names of client certificates are checked in the handshake, by
`tls_context`. Invariant: nobody hears from the pages who was not let in.
"""

from __future__ import annotations

import base64
import binascii
import math
import ssl
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Literal

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from exporter.web.answer import sentence
from exporter.web.web_config.basic_auth import Credentials, PasswordChecks
from exporter.web.web_config.models import WebConfig
from exporter.web.web_config.reloader import DEADLINE, Reloader, ReloadingContext
from exporter.web.web_config.token_bucket import TokenBucket

Reason = Literal["pace", "credentials", "busy"]
"""Why a request was turned away: too many of them, not known, or too many passwords to be checked."""

_ASKED: Mapping[str, str] = {hdrs.WWW_AUTHENTICATE: 'Basic realm="ses-inventory-exporter", charset="UTF-8"'}
_Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger(__name__)


def _nobody(_: Reason) -> None:
    """Is told why a request was turned away, where nobody counts."""


class AccessControl:
    """The web configuration of `path` (None: everybody may come in, in the clear), always as it is now.

    Raises ConfigError where it cannot be used. `turned_away` is told of each request that was; `deadline` is
    the seconds that a request or a handshake waits for the files.
    """

    def __init__(
        self,
        path: Path | None,
        turned_away: Callable[[Reason], None] = _nobody,
        deadline: float = DEADLINE,
    ) -> None:
        self._current = Reloader(path, deadline=deadline)
        self._turned_away = turned_away
        self._passwords = PasswordChecks()
        self._bucket: TokenBucket | None = None

    def ssl_context(self) -> ssl.SSLContext | None:
        """For the listener, for as long as it listens: each connection gets the certificates of then.

        None where connections are not secured.
        """
        if not self._current.encrypted:
            return None
        return ReloadingContext(self._current.context, self._current.refresh)

    def middleware(self) -> Middleware:
        """To be placed before all that answers; `set_headers` belongs to it."""

        @web.middleware
        async def guarded(request: web.Request, handler: _Answer) -> web.StreamResponse:
            refusal = await self._refusal(request)
            if refusal is None:
                return await handler(request)
            if request.body_exists:
                refusal.force_close()  # what comes with it must not be taken for the next request
            return refusal

        return guarded

    async def set_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        """Sets the headers of the file; to be the last of `on_response_prepare`, for they prevail."""
        response.headers.update(self._current.rules.headers)

    async def _refusal(self, request: web.Request) -> web.Response | None:
        rules = await self._current.refresh()
        if not self._has_room(rules):
            wait = math.ceil(rules.pace.interval) if rules.pace else 1
            return self._turn_away(
                "pace", sentence(429, "Too many requests; try again later.", {"Retry-After": f"{wait}"})
            )
        if not rules.users:
            return None
        said = credentials(request.headers.get(hdrs.AUTHORIZATION, ""))
        verdict = "wrong"
        if said is not None:
            verdict = await self._passwords.verdict(said, rules.users, request.remote or "")
        if verdict == "right":
            return None
        if verdict == "busy":
            busy = sentence(503, "Too many passwords to be checked; try again.", {"Retry-After": "1"})
            return self._turn_away("busy", busy)
        log.debug("not let in", client=request.remote)
        asked = sentence(401, "Say who you are: a user of basic_auth_users, and the password.", _ASKED)
        return self._turn_away("credentials", asked)

    def _has_room(self, rules: WebConfig) -> bool:
        if rules.pace is None:
            self._bucket = None
            return True
        if self._bucket is None or self._bucket.pace != rules.pace:
            self._bucket = TokenBucket(rules.pace)
        return self._bucket.take()

    def _turn_away(self, reason: Reason, response: web.Response) -> web.Response:
        self._turned_away(reason)
        return response


def credentials(header: str) -> Credentials | None:
    """Who an Authorization header names, by the scheme Basic (RFC 7617); None where it is none of these."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(token.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return Credentials(user, password) if colon else None
