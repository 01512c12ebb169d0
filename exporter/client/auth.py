"""How a request is authorized: not at all, with a password, with fixed credentials, or with a token.

Invariant: secrets are taken from the reader each time they are used, so that they rotate without a restart.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

from exporter import errors, files, settings
from exporter.client.oauth2 import Post, Token, TokenSource


class StaticCredentials:
    """Credentials that are written in the settings or in a file; `read` gives the value of Authorization."""

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read

    async def token(self) -> Token:
        """What to send now; raises `ConfigError` where a file cannot be read."""
        return Token(self._read())

    async def replacement(self, refused: Token, refusals: int) -> Token | None:
        """Other credentials after a 401, where they were rotated since; None for the second of a request."""
        token = await self.token()
        return token if refusals == 1 and token.header != refused.header else None

    def accepted(self) -> None:
        """The API has accepted the credentials."""


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
