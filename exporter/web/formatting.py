"""Numbers, times and foreign text as a person reads them.

Text in, text out; HTML is the templates' business. Invariant: whatever goes in, what comes out is well-formed
text, and no longer than asked.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

# Characters that steer instead of say: controls, half surrogates, and overrides of the writing direction.
_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
_CENTURY = 36_525 * 86_400


def clean(text: str, limit: int = 200) -> str:
    """Foreign text for the page: cut, and characters that are not text replaced."""
    short = text if len(text) <= limit else f"{text[: limit - 1]}…"
    return _ODD.sub("\ufffd", short)


def number(count: int) -> str:
    """A count with its thousands set apart."""
    return f"{count:,}"


def counted(count: int, noun: str) -> str:
    """A count and what is counted, in the singular or the plural."""
    return f"{number(count)} {noun}{'' if count == 1 else 's'}"


def span(seconds: float) -> str:
    """A span of time in its two largest units; what is no span (negative, endless, not a number) is 0."""
    left = math.floor(seconds) if math.isfinite(seconds) and seconds > 0 else 0
    if left > _CENTURY:
        return "over a century"
    said: list[str] = []
    for noun, size in _UNITS:
        count, left = divmod(left, size)
        if count or said:
            said.append(counted(count, noun) if count else "")
    if not said:
        return "under a second" if 0 < seconds < 1 else "0 seconds"
    return " ".join(word for word in said[:2] if word)


def ago(seconds: float) -> str:
    """How long a moment has passed: `4 minutes ago`."""
    return "just now" if seconds < 1 else f"{span(seconds)} ago"


def ahead(seconds: float) -> str:
    """How far a moment is ahead: `in 2 minutes`."""
    return "now" if seconds < 1 else f"in {span(seconds)}"


def utc(moment: float) -> str:
    """A moment in UTC to the second."""
    exact = _calendar(moment)
    return f"{exact:%Y-%m-%d %H:%M:%S} UTC" if exact else "an unknown time"


def iso(moment: float) -> str:
    """A moment as HTML's `<time>` wants it (ISO 8601); empty outside the calendar."""
    exact = _calendar(moment)
    return exact.isoformat(timespec="seconds") if exact else ""


def _calendar(moment: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(moment, UTC)
    except (ValueError, OverflowError, OSError):
        return None
