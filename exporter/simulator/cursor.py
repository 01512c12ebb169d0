"""Opaque tokens for the next page: what an inventory gives out in links and takes back.

Owns their spelling. A token carries a checksum, so that one made up, cut or put together from parts of
another is refused as a real inventory would. Invariant: what was written can be read back as it was.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

import msgspec


class Cursor(msgspec.Struct, frozen=True):
    """A place in a list: `at` counts records from 0, `code` is the record beside it ("" for none).

    `query` is what the list was asked for with, where the token stands for all of it.
    """

    at: int
    code: str = ""
    query: Mapping[str, str] = {}


def write(cursor: Cursor) -> str:
    """The token, safe in a URL."""
    content = msgspec.json.encode(cursor)
    return base64.urlsafe_b64encode(b"%b%b" % (_sum(content), content)).decode()


def read(token: str) -> Cursor:
    """What the token means. Raises ValueError for anything that `write` did not make."""
    try:
        whole = base64.urlsafe_b64decode(token.encode())
    except ValueError as error:
        raise ValueError("not a token of this server") from error
    if _sum(whole[4:]) != whole[:4]:
        raise ValueError("not a token of this server")
    return msgspec.json.decode(whole[4:], type=Cursor)


def _sum(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=4, key=b"simulated").digest()
