"""OAuth 2.0 client credentials (RFC 6749, section 4.4): when to ask for a token, and how.

One `Tokens` belongs to one API and is shared by all of its requests. Its flows are generators without
sockets: `token_fetcher` sends what they ask for, `token` reads what comes back. Invariants: one request for a
token at a time, which serves all who wait; a refused token is dropped only while it is the current one;
neither an endpoint that fails nor an API that likes no token is asked in a loop; secrets are taken from the
reader each time.
"""

from __future__ import annotations

import base64
import time
import urllib.parse
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field

from exporter import errors, files, settings
from exporter.client import error_mapping, token_response
from exporter.client.token_response import Answer, Token

_UNAUTHORIZED = 401
_FORM = "application/x-www-form-urlencoded"
_LONGEST_WAIT = 300.0
_FIRST_WAIT = 10.0
"""Times the base of the back-off, after a refusal: five seconds usually. Refusals seldom pass."""

_MEANWHILE = 10.0
"""Seconds that others go on with a token that one of them renews, before another tries to."""


class Turn:
    """A step: wait until nobody else asks for a token, and keep others waiting until the next headers."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A step: POST this form to the token endpoint and send back its `Answer`, or throw its `SourceError`."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    form: str = field(repr=False)


Steps = Generator[Mapping[str, str] | Turn | Ask, Answer, None]
"""Yields the headers to send with the API's request, preceded by what it takes to get them.

It is resumed with the `Answer` to what it yielded; after a `Turn`, when that has come, by `next`.
"""

_Wanting = Generator[Mapping[str, str] | Turn | Ask, Answer, Token]


class Tokens:
    """The current token of the API `name`. `base` is that of the back-off, in seconds.

    `read` gives the content of the file of the secret.
    """

    def __init__(
        self,
        config: settings.OAuth2,
        name: str,
        *,
        read: settings.Reader = files.read,
        base: float = 0.5,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config, self._name, self._read = config, name, read
        self._base, self._clock = base, clock
        self._token: Token | None = None
        self._renew = 0.0  # when the current one is renewed
        self._ways = _WAYS  # those that are tried: the one that worked last, or all
        self._failure: errors.SourceError | None = None  # of the endpoint, the last of `_failures` in a row
        self._failures = 0
        self._closed = 0.0  # until when the endpoint is left alone
        self._doubted: Token | None = None  # fresh and refused all the same, the last of `_doubts` in a row
        self._doubts = 0
        self._patience = 0.0  # until when a refused token is kept

    def flow(self) -> Steps:
        """Asks with the current token; once more, with another, if it is refused with a 401.

        Raises the endpoint's `SourceError`, or `ConfigError` where the secret cannot be read.
        """
        first = yield from self._usable()
        answer = yield {"Authorization": first.header}
        if answer.status == _UNAUTHORIZED and self._drop(first):
            second = yield from self._usable()
            answer = yield {"Authorization": second.header}
            if answer.status == _UNAUTHORIZED:
                self._doubt(second)
        if answer.status < 400:
            self._doubts, self._patience = 0, 0.0

    def _drop(self, refused: Token) -> bool:
        """Whether another token may do better; the refused one is forgotten if it is still the current."""
        if self._token is refused:
            if self._clock() < self._patience:
                return False
            self._token = None
        return True

    def _doubt(self, fresh: Token) -> None:
        """A fresh token was refused: a further one will be, too, for a while."""
        if self._doubted is not fresh:
            self._doubted = fresh
            self._doubts += 1
            self._patience = self._clock() + self._pause(self._doubts)

    def _pause(self, times: int) -> float:
        """Seconds to wait after so many refusals in a row."""
        return min(_LONGEST_WAIT, self._base * _FIRST_WAIT * 2.0 ** min(times - 1, 30))

    def _usable(self) -> _Wanting:
        held, now = self._token, self._clock()
        if held is not None:
            if now < self._renew:
                return held
            self._renew = min(now + _MEANWHILE, held.end)
        yield Turn()
        current = self._token
        if current is not None and current is not held:
            return current  # somebody else was quicker
        try:
            return (yield from self._fetched())
        except errors.ExporterError:
            if held is not None and self._clock() < held.end:
                return held
            raise

    def _fetched(self) -> _Wanting:
        """A new token, from now on the current one; at once the last failure again, if that was just now."""
        if self._failure is not None and self._clock() < self._closed:
            raise self._failure.with_traceback(None)
        try:
            fresh = yield from self._asked()
        except errors.SourceError as error:
            self._failure = error
            self._failures += 1
            self._closed = self._clock() + self._rest(error)
            raise
        self._failure, self._failures = None, 0
        self._token, self._renew = fresh, fresh.renew
        return fresh

    def _rest(self, error: errors.SourceError) -> float:
        """Seconds to leave the endpoint alone: enough for those who wait for it to fail together."""
        if error_mapping.is_passing(error):
            return error_mapping.pause(error, self._failures - 1, self._base, lambda: 0.1)
        return self._pause(self._failures)

    def _asked(self) -> _Wanting:
        """A token of the endpoint; each way to show who we are is tried, as long as none has worked."""
        began = self._clock()
        problems = []
        for way in self._ways:
            answer = yield way(self._config, self._config.read_client_secret(self._read))
            try:
                fresh = token_response.read(answer, began)
            except token_response.Unfit as unfit:
                problems.append(self._refusal(answer.status, unfit))
            else:
                self._ways = (way,)
                return fresh
        self._ways = _WAYS
        raise problems[-1]

    def _refusal(self, status: int, unfit: token_response.Unfit) -> errors.Refused:
        return errors.Refused(
            f"POST {error_mapping.bare(self._config.token_url)}: {unfit}",
            status=status,
            reason="auth",
            hint=f"check client_id, client_secret, scopes and token_url of apis.{self._name}.oauth2",
        )


def _form(config: settings.OAuth2, further: Mapping[str, str]) -> str:
    """The parameters; those that the operator writes win, since not every server keeps to the standard."""
    fields = {"grant_type": "client_credentials", **further}
    if config.scopes:
        fields["scope"] = " ".join(config.scopes)
    fields.update((key, value.get_secret_value()) for key, value in config.endpoint_params.items())
    return urllib.parse.urlencode(fields)


def _in_header(config: settings.OAuth2, secret: str) -> Ask:
    """Basic authentication with both parts escaped as in a form (section 2.3.1)."""
    pair = ":".join(urllib.parse.quote_plus(part) for part in (config.client_id, secret))
    shown = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}", "Content-Type": _FORM}
    return Ask(config.token_url, shown, _form(config, {}))


def _in_body(config: settings.OAuth2, secret: str) -> Ask:
    """Among the parameters: the standard's second choice, and all that some servers know."""
    secrets = {"client_id": config.client_id, "client_secret": secret}
    return Ask(config.token_url, {"Content-Type": _FORM}, _form(config, secrets))


_WAYS: Sequence[Callable[[settings.OAuth2, str], Ask]] = (_in_header, _in_body)
