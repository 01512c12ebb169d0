"""The credentials that a client knows: those of its settings, and those it has sent since.

Secrets are read again each time they are used, and tokens expire; a server may still repeat one that is not
in use any more. So the last ones that were sent are remembered, for `redaction` to look for. Invariant: what
is remembered is used for nothing else, and is never shown.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterable, Iterator

from pydantic import SecretStr

from exporter import settings
from exporter.client import proxy
from exporter.client.oauth2 import Ask
from exporter.client.redaction import Credential, Redaction, of_header

_REMEMBERED = 64
"""Credentials that were sent and are not in the settings: those of the last day, if a token lives an hour."""

_PUBLIC = ("grant_type", "scope")
"""Parameters of the request for a token that are no secret."""


class Known:
    """What the client of `http` knows; texts of the operator's that are `spared` are never blanked."""

    def __init__(self, http: settings.Api, spared: Iterable[str] = ()) -> None:
        self._written = tuple(_written(http))
        self._spared = tuple(spared)
        self._sent: dict[Credential, None] = {}
        self._redaction: Redaction | None = None

    def header(self, value: str) -> None:
        """This value of a header is sent."""
        for credential in of_header(value):
            self._remember(credential)

    def ask(self, ask: Ask) -> None:
        """This request for a token is sent."""
        self.header(ask.headers.get("Authorization", ""))
        for name, value in urllib.parse.parse_qsl(ask.form):
            if name not in _PUBLIC:
                self._remember(Credential(value, is_name=name == "client_id"))

    def _remember(self, credential: Credential) -> None:
        if credential in self._sent:
            del self._sent[credential]  # the latest stand last
        else:
            self._redaction = None
        self._sent[credential] = None
        while len(self._sent) > _REMEMBERED:
            del self._sent[next(iter(self._sent))]

    @property
    def redaction(self) -> Redaction:
        """Blanks all that is known now."""
        if self._redaction is None:
            self._redaction = Redaction((*self._written, *self._sent), self._spared)
        return self._redaction


def _written(http: settings.Api) -> Iterator[Credential]:
    """The credentials that stand in the settings themselves, whether they are ever sent or not."""
    if http.basic_auth is not None:
        yield from _secret(http.basic_auth.password)
        yield Credential(http.basic_auth.username or "", is_name=True)
    if http.authorization is not None:
        yield from _secret(http.authorization.credentials)
    for header in http.http_headers.values():
        for value in (*header.values, *header.secrets):
            yield from of_header(value.get_secret_value())
    yield from _of_proxy(http)
    if http.oauth2 is not None:
        yield from _secret(http.oauth2.client_secret)
        yield Credential(http.oauth2.client_id, is_name=True)
        for name, parameter in http.oauth2.endpoint_params.items():
            if name not in _PUBLIC:
                yield from _secret(parameter)
        query = urllib.parse.urlsplit(http.oauth2.token_url).query
        yield from (Credential(value) for _, value in urllib.parse.parse_qsl(query))
        yield from _of_proxy(http.oauth2)


def _secret(written: SecretStr | None) -> Iterator[Credential]:
    if written is not None:
        yield Credential(written.get_secret_value())


def _of_proxy(block: settings.Proxied) -> Iterator[Credential]:
    for value in proxy.connect_headers(block).values():
        yield from of_header(value)
    if block.proxy_url is not None:
        url = urllib.parse.urlsplit(block.proxy_url.get_secret_value())
        yield Credential(url.password or "")
        yield Credential(url.username or "", is_name=True)
