"""Numbers and truth in text, for many inventories know no other type.

Texts for labels and dates are `text`'s. Invariant: what comes out can be published; NaN and infinity cannot.
"""

from __future__ import annotations

import math

_TRUTH = {"true": 1.0, "false": 0.0}
_SPELLINGS = {"True": "true", "TRUE": "true", "False": "false", "FALSE": "false"}


def number(value: str) -> float | None:
    """The number in a text, 1 and 0 for booleans; None where it is none."""
    word = truth(value)
    if word in _TRUTH:
        return _TRUTH[word]
    try:
        found = float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def truth(word: str) -> str:
    """A boolean as JSON spells it, any other word as it is."""
    return _SPELLINGS.get(word, word)
