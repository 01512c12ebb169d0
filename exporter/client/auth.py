"""How a request says who asks: not at all, with a password, with fixed credentials, or with a token.

An identity is a generator without a socket: it yields the headers to send, is sent the status of the answer,
and yields once more if a second try with other credentials is worth it. Tokens are `oauth2`'s; sending is
`client`'s and `token_fetcher`'s, reading and masking of secrets `settings`'. Invariant: secrets are taken
from the reader each time they are used, so that they rotate without a restart.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping

from exporter import errors, files, settings
from exporter.client.oauth2 import Ask, Steps, Tokens, Turn
from exporter.client.token_response import Answer

Headers = Mapping[str, str]

Step = Headers | Turn | Ask
"""What an identity yields: headers to send, or what `token_fetcher` has to do first."""

Flow = Steps
"""One request's authentication; it ends when there is nothing else to try, or nothing to try again."""

Identity = Callable[[], Flow]
"""Begins the flow of one request."""

_UNAUTHORIZED = 401


def identity(
    http: settings.Api, name: str, *, read: settings.Reader = files.read, backoff: float = 0.5
) -> Identity:
    """The way to authenticate to the API `name` that its settings ask for; nobody where they name none.

    `read` gives the content of the files of secrets; `backoff` is the base in seconds of the pauses between
    requests for tokens that fail.
    """
    basic, authorization = http.basic_auth, http.authorization
    if basic is not None:
        return lambda: _rotating(lambda: _basic(basic, read))
    if authorization is not None:
        return lambda: _rotating(lambda: f"{authorization.type} {authorization.read_credentials(read)}")
    if http.oauth2 is not None:
        return Tokens(http.oauth2, name, read=read, base=backoff).flow
    return _nobody


def after(flow: Flow, answer: Answer) -> Step | None:
    """The next step after an answer; None if there is nothing else to try."""
    try:
        return flow.send(answer)
    except StopIteration:
        return None


def further(http: settings.Api, read: settings.Reader = files.read) -> Iterator[tuple[str, str]]:
    """The operator's own headers, name and value, files as `read` gives them; a name may occur several times.

    Raises `ConfigError` where a file of theirs cannot be read.
    """
    for name, header in http.http_headers.items():
        try:
            values = header.read_values(read)
        except errors.ConfigError as error:
            path = f"http_headers.{name}.{error.path}"
            raise errors.ConfigError(error.problem, path=path, hint=error.hint) from error
        for value in values:
            yield name, value


def _nobody() -> Flow:
    yield {}


def _basic(basic: settings.BasicAuth, read: settings.Reader) -> str:
    """RFC 7617; names and passwords beyond ASCII are sent as UTF-8."""
    pair = f"{basic.read_username(read)}:{basic.read_password(read)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _rotating(read: Callable[[], str]) -> Flow:
    """Once more on a 401 if the credentials have changed since: they were rotated between read and use."""
    sent = read()
    answer = yield {"Authorization": sent}
    if answer.status == _UNAUTHORIZED:
        fresh = read()
        if fresh != sent:
            yield {"Authorization": fresh}
