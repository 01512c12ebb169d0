"""Numbers and truth in text, for many inventories know no other type.

Texts for labels and dates are `text`'s. Invariant: what comes out can be published; NaN and infinity cannot.
"""

from __future__ import annotations

import math
import re

_TRUTH = {"true": 1.0, "false": 0.0}
_SPELLINGS = {"True": "true", "TRUE": "true", "False": "false", "FALSE": "false"}
_NUMBER = re.compile(
    r"[ \t\r\n]*+([+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?)[ \t\r\n]*+", re.ASCII
)
"""A number as JSON (RFC 8259, section 6) or Prometheus' text format writes it, in JSON's white space."""

_LONGEST = 400  # characters of a number; the longest that a double needs is shorter


def number(value: str) -> float | None:
    """The number in a text, 1 and 0 for booleans; None where it is none.

    Only the notations of JSON and of Prometheus are numbers: Python's `float` also reads `1_000`, digits of
    other scripts, `infinity` and `nan`.
    """
    word = truth(value)
    if word in _TRUTH:
        return _TRUTH[word]
    found = _NUMBER.fullmatch(value) if len(value) <= _LONGEST else None
    return _finite(float(found[1])) if found else None


def scaled(value: str, factor: float) -> float | None:
    """The number in a text, times `factor`; None where it is none or cannot be published.

    A boolean is 1 or 0 whatever the factor: it has no unit.
    """
    found = number(value)
    if found is None or truth(value) in _TRUTH:
        return found
    return _finite(found * factor)


def _finite(found: float) -> float | None:
    return found if math.isfinite(found) else None


def truth(word: str) -> str:
    """A boolean as JSON spells it, any other word as it is."""
    return _SPELLINGS.get(word, word)
