"""What an answer must not hold: the credentials that were sent for it.

An API, or a proxy on the way, may repeat a request in an error page or an error object, and words of those
are shown to people. So the credentials are blanked in every body as soon as it has come. Pure.
Invariant: nothing behind this ever sees in an answer what was said to get it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping

_SHORTEST = 6  # characters: blanking shorter ones would spoil names and numbers, and protect nothing

_CREDENTIALS = ("authorization", "proxy-authorization")


def blanked(body: bytes, sent: Mapping[str, str], secret: frozenset[str] = frozenset()) -> bytes:
    """The body with three asterisks for each credential of the headers `sent`.

    `secret` are the names, in small letters, of further headers whose values are secrets.
    """
    for name, value in sent.items():
        if name.lower() in _CREDENTIALS or name.lower() in secret:
            for word in _words(value):
                if len(word) >= _SHORTEST and word in body:
                    body = body.replace(word, b"***")
    return body


def _words(value: str) -> Iterator[bytes]:
    """The value, its credential without the scheme, and the password of basic authentication."""
    yield value.encode(errors="replace")
    scheme, _, credential = value.partition(" ")
    yield credential.encode(errors="replace")
    if scheme.lower() == "basic":
        try:
            yield base64.b64decode(credential).partition(b":")[2]
        except binascii.Error:
            return
