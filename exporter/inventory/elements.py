"""Refuses answers with more elements than a page can have, before each of them takes memory.

A few kilobytes of gzip inflate to a list of millions of numbers, and a number of two bytes takes thirty times
as many once it is an object. What is counted here is what `envelope` makes objects of: the elements of a
list, the members of an object, and the elements of the lists among these. Nothing is decoded. Pure.
Invariant: no memory is taken that grows with the answer, and no more than two million steps.
"""

from __future__ import annotations

import re

MOST = 100_000
"""Elements of any list of records, and commas of an answer that is not looked at at all."""

_RECORD = 200
"""Bytes of a small record: a list with more than `MOST` elements must have so many for each of them."""

_MOST_MEMBERS = 10_000
"""Members of an object that is a record or has a list of them."""

MOST_VALUES = 500_000
"""Values within one record: decoded, each of them may take two hundred bytes of memory."""

_MOST_STEPS = 2_000_000
"""Lists and objects that contain others, and elements that are counted: a second of work."""

_DEEPEST_COUNTED = 1_000  # levels; no decoder goes so deep

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_FLAT = rb'[\[{][^"\[\]{}]*+(?:%b[^"\[\]{}]*+)*+[\]}]' % _STRING
# from here to the next comma or bracket, or as far as one uninterrupted search of some milliseconds goes
_TO_COMMA = re.compile(rb'[^"\[\]{},]*+(?:%b[^"\[\]{},]*+){0,10000}+(?=["\[\]{},])' % _STRING, re.DOTALL)
# not possessive: before Python 3.11.5 a possessive group does not step back from an alternative that failed
_TO_BRACKET = re.compile(
    rb'[^"\[\]{}]*+(?:(?:%b|%b)[^"\[\]{}]*+){0,10000}(?=["\[\]{}])' % (_STRING, _FLAT), re.DOTALL
)
_TO_VALUE = re.compile(rb'[^",]*+(?:%b[^",]*+){0,10000}+(?=[",])' % _STRING, re.DOTALL)
_COMMA, _LIST, _QUOTE, _OPENINGS = ord(","), ord("["), ord('"'), frozenset(b"[{")


def excess(body: bytes) -> str:
    """What of an answer is more than a page can have; "" for nothing, and for what is no JSON."""
    if len(body) <= 2 * MOST or body.count(b",") < MOST:
        return ""
    most = max(MOST, len(body) // _RECORD)
    # by level; a list in a list may be that of the records
    limits, of = [most, most], ["elements", "elements"]
    counts, counted = [0, 0], [True, True, False]
    depth, place = 0, 0
    for _ in range(_MOST_STEPS):
        is_counted = depth < len(counted) and counted[depth]
        found = (_TO_COMMA if is_counted else _TO_BRACKET).match(body, place)
        if found is None or depth > _DEEPEST_COUNTED:
            return ""
        token = body[found.end()]
        if token == _QUOTE and found.end() == place:
            return ""  # a text without end
        place = found.end() + (token != _QUOTE)
        if token == _COMMA and depth > 0:
            counts[depth - 1] += 1
            if counts[depth - 1] >= limits[depth - 1]:
                return f"more than {limits[depth - 1]} {of[depth - 1]}"
        elif token in _OPENINGS:
            depth += 1
            if depth == 1 and token != _LIST:
                limits, of = [_MOST_MEMBERS, most], ["members of an object", "elements"]
            elif depth == 2:  # what is in the objects of a list is not made objects of
                counted[depth] = token == _LIST
        elif token not in (_QUOTE, _COMMA):
            depth -= 1
            if depth <= 0:
                return ""
    return f"more than {_MOST_STEPS} lists and objects"


def has_too_many_values(raw: memoryview) -> bool:
    """Whether a raw record has more than `MOST_VALUES` values, however deep."""
    place = count = 0
    while count < MOST_VALUES and (found := _TO_VALUE.match(raw, place)) is not None:
        end = found.end()
        if raw[end] == _COMMA:
            count, place = count + 1, end + 1
        elif end > place:
            place = end
        else:
            return False  # a text without end
    return count >= MOST_VALUES
