"""From a token endpoint's answer to an access token, whatever shape the answer has (RFC 6749, section 5).

Owns what is believed of an answer and for how long. Who asks, when, and what a refusal means is `oauth2`'s.
Pure. Invariants: a lifetime is counted on our own clock from when we asked, never from a date the server
wrote; a token that could break a header is no token; no message holds anything of an answer but the error
codes of the standard.
"""

from __future__ import annotations

import math
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

_UNKNOWN = 3600.0
"""Seconds after which a token is renewed that has not said how long it lives."""

_LONGEST = 86_400.0
"""Seconds: whatever it promises, a token is renewed once a day, so that a withdrawn secret is noticed."""

_EARLY, _EARLY_SHARE = 60.0, 0.25
"""A token is renewed so many seconds before its end, or in this last part of a short life."""

_CLOSE, _CLOSE_SHARE = 5.0, 0.05
"""And not used any more so shortly before its end: it would die on its way."""

_CODES = frozenset(
    {
        *("invalid_request", "invalid_client", "invalid_grant", "unauthorized_client"),
        *("unsupported_grant_type", "invalid_scope", "access_denied", "server_error"),
        "temporarily_unavailable",
    }
)
"""The errors that are shown (sections 4.1.2.1 and 5.2); other text may repeat what we sent."""

_SENDABLE = re.compile(r"[\x21-\x7e]+")
_SCHEME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,40}")
_USUAL = {"bearer": "Bearer", "basic": "Basic", "mac": "MAC"}
"""How schemes are written; some servers compare them with regard to case."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: of the API only the `status`, of a token endpoint also the `body`."""

    status: int
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """One access token, the same only as itself.

    `header` is the value of Authorization. `renew` and `end` are moments of the monotonic clock, in seconds:
    from when on a new one is wanted, and from when on this one is not used; infinite if it did not say.
    """

    header: str = field(repr=False)
    renew: float
    end: float


class Unfit(ValueError):
    """The answer holds no token that can be used; its text says why."""


def read(answer: Answer, asked: float) -> Token:
    """The token in an answer to what was asked at the moment `asked`; raises `Unfit`."""
    fields = _fields(answer.body)
    code = fields.get("error")
    if not 200 <= answer.status < 300 or code:
        said = f": {code}" if isinstance(code, str) and code in _CODES else ""
        raise Unfit(f"no token, but status {answer.status}{said}")
    secret = fields.get("access_token")
    if not isinstance(secret, str) or not _SENDABLE.fullmatch(secret):
        raise Unfit(f"status {answer.status}, but no access_token that can be sent: {_look(answer.body)}")
    kind = fields.get("token_type") or "Bearer"
    if not isinstance(kind, str) or not _SCHEME.fullmatch(kind):
        raise Unfit("a token whose token_type is no scheme of Authorization")
    life = _life(fields.get("expires_in"))
    header = f"{_USUAL.get(kind.lower(), kind)} {secret}"
    if life is None:
        return Token(header, asked + _UNKNOWN, math.inf)
    renew = min(life - min(_EARLY, life * _EARLY_SHARE), _LONGEST)
    return Token(header, asked + renew, asked + life - min(_CLOSE, life * _CLOSE_SHARE))


def _fields(body: bytes) -> Mapping[str, object]:
    """What the answer says: JSON, or a form as some servers still send; nothing if it is neither."""
    try:
        found = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        form = urllib.parse.parse_qsl(body[:65536].decode("utf-8", "replace").strip())
        return dict(form)
    return found if isinstance(found, dict) else {}


def _look(body: bytes) -> str:
    """What kind of answer it is instead; none of its words."""
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
