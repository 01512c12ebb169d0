"""Makes any scalar of an inventory safe to be a label value, and reads numbers and booleans from text.

Invariants: `clean` is idempotent, two different ids stay different after `identity`, and a number can be
published: NaN and infinity cannot.
"""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

_REPLACED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_NOTHING = frozenset({"", "not specified", "not specified."})
_UNFOLDED = str.maketrans("", "", " _-")
LABEL_LENGTH = 1000
"""Bytes of a label value in UTF-8: Prometheus, Mimir and Azure Monitor count bytes, often up to 1,024."""
CUT = "…"
"""What a text ends in that was cut; it counts as well."""
_MARKS = ("Mn", "Mc", "Me")  # Unicode's general categories of what belongs to the character before
_TONES = range(0x1F3FB, 0x1F400)  # skin tones of the emoji before
_JOINER = "\u200d"  # makes one character of those around it
_LONGEST_CHARACTER = 32  # code points; what claims to be longer is cut anyway
MOST_WORDS, SHORT = 2_000, 100  # what is remembered: so many texts, each shorter than so many characters
_MARK = (
    8  # bytes of the digest that stands, in hexadecimal digits, at the end of an id that is no label value
)
_MARKED = re.compile(f"~[0-9a-f]{{{2 * _MARK}}}\\Z")
_PRINTABLE = 10**300  # Python refuses to print much longer integers
_LONGEST_FLOAT = 24  # characters, of 15 digits with their exponent


class _Fold(dict[str, str]):
    """Remembers folded words; inventories use few different keys, so a small memory serves all of them."""

    def __missing__(self, word: str) -> str:
        folded = word.lower().translate(_UNFOLDED)
        if len(self) < 10_000 and len(word) < SHORT:
            self[word] = folded
        return folded


fold: Callable[[str], str] = _Fold().__getitem__
"""The word without case, spaces, `_` and `-`, as status words and keys are compared."""


class Words(dict[str, str]):
    """Cleaned texts that recur, such as types and places: each is cleaned once and stored once."""

    def __init__(self, length: int = LABEL_LENGTH) -> None:
        self._length = length

    def __missing__(self, word: str) -> str:
        cleaned = clean(word, self._length)
        if len(self) < MOST_WORDS and len(word) < SHORT:
            self[word] = cleaned
        return cleaned

    def of(self, value: object) -> str:
        """Any scalar, as `clean` gives it."""
        if value is None:
            return ""
        return self[value] if type(value) is str else clean(value, self._length)


def scalar(value: object) -> str | None:
    """A JSON scalar as text; None for null, arrays and objects. Booleans are `true` and `false`."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if abs(value) < _PRINTABLE else None
    if isinstance(value, float):
        return f"{value:.15g}"
    return None


def clean(value: object, length: int = LABEL_LENGTH) -> str:
    """A scalar as a label value; empty where there is nothing, cut to `length` bytes of UTF-8 with an `…`.

    Control characters, lone surrogates and marks that turn the direction of writing become U+FFFD, tabs a
    space, CR and CRLF a newline (which the renderer escapes).
    """
    if type(value) is float and length > _LONGEST_FLOAT:
        return f"{value:.15g}"
    if type(value) is not str:
        return _written(value, length)
    if value.isprintable() and _fits(value, length):  # nearly always: nothing to replace
        text = value.strip()
        return "" if text[:1] in "nN" and text.lower() in _NOTHING else text
    text = _readable(value[: length + 64].strip() if len(value) > length + 64 else value.strip())
    if not _fits(text, length):
        text = f"{_beginning(text, length - len(CUT.encode()))}{CUT}"
    return "" if len(text) < 16 and text.lower() in _NOTHING else text


def _fits(text: str, length: int) -> bool:
    """Whether a text, which must be valid Unicode, takes at most `length` bytes of UTF-8."""
    if len(text) > length:
        return False
    return text.isascii() or 4 * len(text) <= length or len(text.encode()) <= length


def _beginning(text: str, length: int) -> str:
    """As much of a text as fits into `length` bytes of UTF-8, up to the end of a character as it is seen."""
    if _fits(text, length):
        return text
    end = len(text[:length].encode()[:length].decode(errors="ignore"))
    for place in range(end, max(end - _LONGEST_CHARACTER, 0), -1):
        if not _continues(text, place):
            return text[:place]
    return text[:end]


def _continues(text: str, place: int) -> bool:
    """Whether what begins at this place of a text belongs to the character before it."""
    after = text[place]
    return (
        unicodedata.category(after) in _MARKS or ord(after) in _TONES or _JOINER in (after, text[place - 1])
    )


def _written(value: object, length: int) -> str:
    if value is None:
        return ""
    text = scalar(value)
    return clean(text, length) if text else ""


def _readable(text: str) -> str:
    if text.isprintable():
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return _REPLACED.sub("\ufffd", text)


def identity(value: object, length: int = LABEL_LENGTH) -> str:
    """A record's id as a label value; empty where it has none. A number is the same id as its text.

    It takes at most `length` bytes of UTF-8. An id that `clean` would change, or that ends as a changed one
    does, has a digest of its whole text at the end, so that different ids never share a label.
    """
    if type(value) is str:
        text = value
    elif isinstance(value, bool):
        return ""
    elif isinstance(value, float):
        text = repr(value) if float(f"{value:.15g}") != value else f"{value:.15g}"
    else:
        text = scalar(value) or ""
    bare = text.strip()
    is_bare = len(bare) == len(text)
    if is_bare and text[-2 * _MARK - 1 : -2 * _MARK] != "~" and text.isprintable() and _fits(text, length):
        return "" if text[:1] in "nN" and text.lower() in _NOTHING else text  # nearly always
    cleaned = clean(bare, length)
    if not cleaned or (cleaned == text and not _MARKED.search(text)):
        return cleaned
    mark = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_MARK).hexdigest()
    return f"{_beginning(cleaned, length - len(mark) - 1)}~{mark}"


@lru_cache(MOST_WORDS)
def mark(word: str) -> int:
    """16 bits of a word, however it is spelled; different words rarely have the same. 0 for no word."""
    return stable_hash(fold(word)) & 0xFFFF if word else 0


def stable_hash(ident: str) -> int:
    """64 bits of an id, the same on every machine and in every version: shards depend on it."""
    mark = hashlib.blake2b(ident.encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(mark.digest(), "big")


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
