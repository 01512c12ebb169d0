"""Authorizes requests: with a password, fixed credentials, or a token of OAuth 2.0 client credentials.

OAuth 2.0 is RFC 6749, section 4.4. Invariants: secrets are read each time they are used, so that they rotate
without a restart; one request for a token at a time serves all who wait; a refused token is dropped only
while it is the current one; neither an endpoint that fails nor an API that refuses every token is asked in a
loop; the endpoint receives neither the operator's headers nor the API's credentials, and its redirects are
not followed; a token that could break a header is not used.
"""

from __future__ import annotations

import asyncio
import base64
import math
import re
import urllib.parse
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import aiohttp
import msgspec
import multidict
import yarl

from exporter import errors, files, settings
from exporter.client import error_mapping, limiter
from exporter.client.response import BodyReader
from exporter.client.session import Peer

_FORM = "application/x-www-form-urlencoded"
_LONGEST_WAIT = 300.0
_FIRST_WAIT = 10.0
"""Times the base of the back-off, after a refusal: five seconds by default. Refusals seldom pass."""

_RENEWAL = 10.0
"""Seconds that other requests keep using a token that one of them renews, before another tries to."""

_MAX_BYTES = 1 << 18
"""Bytes of a token response that are read; no token is larger."""

_UNKNOWN_LIFE = 3600.0
"""Seconds after which a token without a lifetime is renewed."""

_LONGEST_LIFE = 86_400.0
"""Seconds after which any token is renewed, so that a withdrawn secret is noticed."""

_EARLY, _EARLY_SHARE = 60.0, 0.25
"""A token is renewed so many seconds before its end, or in this last part of a short life."""

_CLOSE, _CLOSE_SHARE = 5.0, 0.05
"""A token is no longer used so shortly before its end: it would expire on the way."""

_CODES = frozenset(
    {
        *("invalid_request", "invalid_client", "invalid_grant", "unauthorized_client"),
        *("unsupported_grant_type", "invalid_scope", "access_denied", "server_error"),
        "temporarily_unavailable",
    }
)
"""The errors that are shown (sections 4.1.2.1 and 5.2); other text may repeat what was sent."""

_TOKENS = ("accesstoken", "token")
"""The names of the member with the token, folded: not every server follows the standard."""

_SENDABLE = re.compile(r"[\x21-\x7e]+")
_SCHEME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,40}")
_USUAL = {"bearer": "Bearer", "basic": "Basic", "mac": "MAC"}
"""How schemes are written; some servers compare them with regard to case."""


@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """What a request is authorized with; equal only to itself.

    `header` is the value of Authorization, empty for none. `renew` and `end` are in seconds, by the clock of
    `TokenSource`: when a new one is fetched, and when this one is no longer used; infinite where unknown.
    """

    header: str = field(repr=False)
    renew: float = math.inf
    end: float = math.inf


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A POST to the token endpoint: its URL, headers and form."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    form: str = field(repr=False)


Post = Callable[[TokenRequest], Awaitable[tuple[int, bytes]]]
"""Sends a request for a token; gives the status and the body, or raises `SourceError`."""


def authorization(
    http: settings.Api, name: str, post: Post, *, read: settings.Reader = files.read, backoff: float = 0.5
) -> StaticCredentials | TokenSource:
    """What the settings of the API `name` ask for; nothing is sent where they name none.

    `post` sends requests for tokens, `read` gives the content of the files of secrets; `backoff` is the base
    in seconds of the pauses between requests for tokens that fail.
    """
    basic, fixed = http.basic_auth, http.authorization
    if basic is not None:
        return StaticCredentials(lambda: _basic(basic, read))
    if fixed is not None:
        return StaticCredentials(lambda: f"{fixed.type} {fixed.read_credentials(read)}")
    if http.oauth2 is not None:
        return TokenSource(http.oauth2, name, post, read=read, backoff=backoff)
    return StaticCredentials(lambda: "")


def _basic(basic: settings.BasicAuth, read: settings.Reader) -> str:
    """RFC 7617; names and passwords beyond ASCII are sent as UTF-8."""
    pair = f"{basic.read_username(read)}:{basic.read_password(read)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def http_headers(http: settings.Api, read: settings.Reader = files.read) -> Iterator[tuple[str, str]]:
    """The operator's own headers, name and value; a name may occur several times.

    Raises `ConfigError` where a file cannot be read.
    """
    for name, header in http.http_headers.items():
        try:
            values = header.read_values(read)
        except errors.ConfigError as error:
            path = f"http_headers.{name}.{error.path}"
            raise errors.ConfigError(error.problem, path=path, hint=error.hint) from error
        for value in values:
            yield name, value


class StaticCredentials:
    """Credentials of the settings or a file; `read` gives the value of Authorization."""

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read

    async def token(self) -> Token:
        """What to send now; raises `ConfigError` where a file cannot be read."""
        return Token(self._read())

    async def replacement(self, refused: Token, refusals: int) -> Token | None:
        """Other credentials after a 401, where they have changed since; None for the second of a request."""
        token = await self.token()
        return token if refusals == 1 and token.header != refused.header else None

    async def after_forbidden(self, refused: Token, refusals: int) -> Token | None:
        """None: a 403 says that the user lacks permission."""
        return None

    def accepted(self, token: Token) -> None:
        """The API has accepted the credentials."""


class TokenSource:
    """The current token of the API `name`, fetched by `post`.

    `read` gives the content of the file of the secret, `backoff` is the base of pauses in seconds, `clock`
    the time, by default that of the event loop.
    """

    def __init__(
        self,
        config: settings.OAuth2,
        name: str,
        post: Post,
        *,
        read: settings.Reader = files.read,
        backoff: float = 0.5,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._config, self._block, self._post, self._read = config, f"apis.{name}.oauth2", post, read
        self._backoff, self._time = backoff, clock
        self._lock = asyncio.Lock()
        self._token: Token | None = None
        self._renew_at = 0.0
        self._methods = _METHODS  # those that are tried: the one that worked last, or all
        self._failure: errors.SourceError | None = None  # of the endpoint, the last of `_failures` in a row
        self._failures = 0
        self._retry_at = 0.0  # no token is requested until then
        self._rejected: Token | None = None  # a new one, the last of `_rejections` in a row
        self._rejections = 0
        self._keep_until = 0.0  # a refused token is kept until then
        self._worked: Token | None = None  # the last one that the API has accepted
        self._forbidden_until = 0.0  # a 403 is no reason for another token until then

    def _clock(self) -> float:
        return (self._time or asyncio.get_running_loop().time)()

    async def token(self) -> Token:
        """The current token, fetched or renewed where that is due.

        Raises the endpoint's `SourceError`, or `ConfigError` where the secret cannot be read.
        """
        current, now = self._token, self._clock()
        if current is not None:
            if now < self._renew_at:
                return current
            self._renew_at = min(now + _RENEWAL, current.end)
        async with self._lock:
            if self._token is not None and self._token is not current:
                return self._token  # another request has fetched it meanwhile
            try:
                return await self._fetch()
            except errors.ExporterError:
                if current is not None and self._clock() < current.end:
                    return current
                raise

    async def replacement(self, refused: Token, refusals: int) -> Token | None:
        """Another token than the one that the API has refused; None if it is not worth trying.

        `refusals` counts those of this request: a second one means that no token is accepted for a while.
        """
        if refusals > 1:
            if self._rejected is not refused:
                self._rejected = refused
                self._rejections += 1
                self._keep_until = self._clock() + self._pause(self._rejections)
            return None
        if self._token is refused:
            if self._clock() < self._keep_until:
                return None
            self._token = None
        return await self.token()

    async def after_forbidden(self, refused: Token, refusals: int) -> Token | None:
        """Another token after a 403, where this one has been accepted: some APIs refuse expired ones so.

        Where another one is refused too, none is fetched for this reason for five minutes.
        """
        now = self._clock()
        if refusals > 1:
            self._forbidden_until = now + _LONGEST_WAIT
            return None
        if refused is self._token and (refused is not self._worked or now < self._forbidden_until):
            return None
        return await self.replacement(refused, refusals)

    def accepted(self, token: Token) -> None:
        """The API has accepted this token."""
        self._worked = token
        self._rejections, self._keep_until = 0, 0.0

    def _pause(self, times: int) -> float:
        """Seconds to wait after so many refusals in a row."""
        return min(_LONGEST_WAIT, self._backoff * _FIRST_WAIT * 2.0 ** min(times - 1, 30))

    async def _fetch(self) -> Token:
        """A new token, the current one from now on; the last failure again where that was just now."""
        if self._failure is not None and self._clock() < self._retry_at:
            raise self._failure.with_traceback(None)
        try:
            fetched = await self._request()
        except errors.SourceError as error:
            self._failure = error
            self._failures += 1
            if limiter.is_transient(error):
                # long enough for those who wait for it to fail together
                wait = limiter.retry_delay(error, self._failures - 1, self._backoff, lambda: 0.1)
            else:
                wait = self._pause(self._failures)
            self._retry_at = self._clock() + wait
            raise
        self._failure, self._failures = None, 0
        self._token, self._renew_at = fetched, fetched.renew
        return fetched

    async def _request(self) -> Token:
        """A token of the endpoint; each method of authentication is tried as long as none has worked."""
        began = self._clock()
        problems = []
        for method in self._methods:
            status, body = await self._post(method(self._config, self._config.read_client_secret(self._read)))
            try:
                fetched = read_token(status, body, began)
            except UnusableResponse as unusable:
                problems.append(
                    errors.Refused(
                        f"POST {error_mapping.bare(self._config.token_url)}: {unusable}",
                        status=status,
                        reason="auth",
                        hint=f"check client_id, client_secret, scopes and token_url of {self._block}",
                    )
                )
            else:
                self._methods = (method,)
                return fetched
        self._methods = _METHODS
        raise problems[-1]


def _form(config: settings.OAuth2, further: Mapping[str, str]) -> str:
    """The parameters; the operator's override them, since not every server follows the standard."""
    fields = {"grant_type": "client_credentials", **further}
    if config.scopes:
        fields["scope"] = " ".join(config.scopes)
    fields.update((key, value.get_secret_value()) for key, value in config.endpoint_params.items())
    return urllib.parse.urlencode(fields)


def _in_header(config: settings.OAuth2, secret: str) -> TokenRequest:
    """Basic authentication with both parts escaped as in a form (section 2.3.1)."""
    pair = ":".join(urllib.parse.quote_plus(part) for part in (config.client_id, secret))
    headers = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}", "Content-Type": _FORM}
    return TokenRequest(config.token_url, headers, _form(config, {}))


def _in_body(config: settings.OAuth2, secret: str) -> TokenRequest:
    """In the form: the standard's second choice, and the only one of some servers."""
    secrets = {"client_id": config.client_id, "client_secret": secret}
    return TokenRequest(config.token_url, {"Content-Type": _FORM}, _form(config, secrets))


_METHODS: Sequence[Callable[[settings.OAuth2, str], TokenRequest]] = (_in_header, _in_body)


async def post(session: aiohttp.ClientSession, endpoint: Peer, request: TokenRequest) -> tuple[int, bytes]:
    """Sends a request for a token; gives status and body of a response of the endpoint itself.

    Raises `SourceError` for all other responses.
    """
    headers = multidict.CIMultiDict(request.headers)
    headers["Accept-Encoding"] = "identity"
    await endpoint.tls.refresh()
    sent = endpoint.request(yarl.URL(request.url), headers, request.form)
    with sent.errors_mapped():
        async with session.request(**sent.arguments) as response:
            if not error_mapping.is_page(response.status):
                error = error_mapping.from_status(response.status, response.headers, sent.info)
                if not _is_refusal(error, response.status):
                    raise error
            try:
                body = BodyReader(response.headers.get("Content-Encoding", ""), _MAX_BYTES, sent.info.url)
                async for chunk in response.content.iter_any():
                    body.feed(chunk)
                return response.status, body.finish()
            except errors.Malformed as malformed:
                raise errors.Malformed(
                    f"{sent.info.request}: the answer is too large or wrongly compressed",
                    reason=malformed.reason,
                    hint=f"is that a token endpoint? check {sent.info.block}.{sent.info.key}",
                ) from malformed


def _is_refusal(error: errors.SourceError, status: int) -> bool:
    """Whether the endpoint itself refuses, in a body that `read_token` reads; a proxy may, too."""
    return isinstance(error, errors.Refused) and status >= 400 and error.reason != "proxy"


class UnusableResponse(ValueError):
    """A token endpoint's response has no token that can be used; its text says why."""


def read_token(status: int, body: bytes, requested: float) -> Token:
    """The token in a token endpoint's response (section 5) to a request sent at `requested`.

    The names of its members are compared without regard to case and underscores (`accessToken`). A lifetime
    counts from `requested`. Raises `UnusableResponse`, with nothing of the response in its text but the error
    codes of the standard.
    """
    fields = _fields(body)
    code = fields.get("error")
    if not 200 <= status < 300 or code:
        said = f": {code}" if isinstance(code, str) and code in _CODES else ""
        raise UnusableResponse(f"no token, but status {status}{said}")
    secret = next((fields[name] for name in _TOKENS if name in fields), None)
    if not isinstance(secret, str) or not _SENDABLE.fullmatch(secret):
        raise UnusableResponse(f"status {status}, but no access_token that can be sent: {_look(body)}")
    kind = fields.get("tokentype") or "Bearer"
    if not isinstance(kind, str) or not _SCHEME.fullmatch(kind):
        raise UnusableResponse("a token with a token_type that is no scheme of Authorization")
    life = _life(fields.get("expiresin"))
    header = f"{_USUAL.get(kind.lower(), kind)} {secret}"
    if life is None:
        return Token(header, requested + _UNKNOWN_LIFE, math.inf)
    renew = min(life - min(_EARLY, life * _EARLY_SHARE), _LONGEST_LIFE)
    return Token(header, requested + renew, requested + life - min(_CLOSE, life * _CLOSE_SHARE))


def _fields(body: bytes) -> Mapping[str, object]:
    """The members of a JSON object or a form, by folded name; nothing if it is neither.

    An object within the object is read where that has the token and the outer one has none.
    """
    try:
        found = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = dict(urllib.parse.parse_qsl(body[:65536].decode("utf-8", "replace").strip()))
    if not isinstance(found, dict):
        return {}
    outer = _folded(found)
    inner = [_folded(value) for value in found.values() if isinstance(value, dict)]
    return next((fields for fields in (outer, *inner) if fields.keys() & set(_TOKENS)), outer)


def _folded(fields: Mapping[str, object]) -> Mapping[str, object]:
    return {re.sub(r"[_-]", "", name).lower(): value for name, value in fields.items()}


def _look(body: bytes) -> str:
    """What kind of response it is instead, without its words."""
    if not body.strip():
        return "it is empty"
    return "it is a web page" if body.lstrip().startswith(b"<") else "it is something else"


def _life(written: object) -> float | None:
    """Seconds of a lifetime, written as a number or as text; None for none and for what makes no sense."""
    if isinstance(written, bool) or not isinstance(written, int | float | str):
        return None
    try:
        life = float(written)
    except (ValueError, OverflowError):
        return None
    return life if life > 0 and math.isfinite(life) else None
