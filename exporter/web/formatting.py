"""Numbers, spans and foreign text as a person reads them, escaped for HTML.

Owns the wording of counts and times and the cleaning of text that came from an inventory; `landing` puts it
in place. Invariant: whatever goes in, what comes out is well-formed text without markup of its own (times
excepted, which are `<time>` elements), and no longer than asked.
"""

from __future__ import annotations

import html
import math
import re
from datetime import UTC, datetime

# Characters that steer instead of say: controls, half surrogates, and overrides of the writing direction.
_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
_CENTURY = 36_525 * 86_400


def clean(text: str, limit: int = 200) -> str:
    """Foreign text for the page: characters that are not text replaced, cut, escaped."""
    short = text if len(text) <= limit else f"{text[: limit - 1]}…"
    return html.escape(_ODD.sub("\ufffd", short))


def count(number: int) -> str:
    """A count with its thousands set apart."""
    return f"{number:,}"


def counted(number: int, noun: str) -> str:
    """A count and what is counted, in the singular or the plural."""
    return f"{count(number)} {noun}" if number == 1 else f"{count(number)} {noun}s"


def span(seconds: float) -> str:
    """A span of time in its two largest units; what is no span (negative, endless, not a number) is 0."""
    left = math.floor(seconds) if math.isfinite(seconds) and seconds > 0 else 0
    if left > _CENTURY:
        return "over a century"
    said: list[str] = []
    for noun, size in _UNITS:
        number, left = divmod(left, size)
        if number or said:
            said.append(counted(number, noun) if number else "")
    if not said:
        return "under a second" if 0 < seconds < 1 else "0 seconds"
    return " ".join(word for word in said[:2] if word)


def ago(moment: float, passed: float) -> str:
    """A moment in the past and the seconds since: `4 minutes ago`."""
    return _time(moment, "just now" if passed < 1 else f"{span(passed)} ago")


def ahead(moment: float, now: float) -> str:
    """A moment to come, relative to now: `in 2 minutes`."""
    left = moment - now
    return _time(moment, "now" if left < 1 else f"in {span(left)}")


def moment(when: float) -> str:
    """A moment in UTC to the second."""
    exact = _calendar(when)
    return f"{exact:%Y-%m-%d %H:%M:%S} UTC" if exact else "an unknown time"


def _time(moment: float, said: str) -> str:
    """A `<time>` element that shows the exact moment when pointed at; just the words outside the calendar."""
    exact = _calendar(moment)
    if exact is None:
        return said
    machine = exact.isoformat(timespec="seconds")
    return f'<time datetime="{machine}" title="{exact:%Y-%m-%d %H:%M:%S} UTC">{said}</time>'


def _calendar(moment: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(moment, UTC)
    except (ValueError, OverflowError, OSError):
        return None
