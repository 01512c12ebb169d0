"""The members of an answer that is an object: what is at a path, and which look like totals and next pages.

Pure. Invariant: nothing is raised but `Malformed`, for more elements than a page can have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from exporter import errors
from exporter.inventory import elements, field_paths, text

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ANY = msgspec.json.Decoder()
BOM = b"\xef\xbb\xbf"
_OPENING = re.compile(rb"[ \t\r\n]*+\{")
_LEVELS = 2  # objects in which totals and next pages are looked for
LARGE = 65_536
"""Bytes of a value that is looked at."""

_TOTALS = frozenset(
    (
        *("total", "count", "totalcount", "totalresults", "totalrecords", "totalitems", "totalelements"),
        *("totalsize", "totalnumber", "recordcount", "resultcount", "numfound", "itemcount", "recordstotal"),
        *("@odata.count", "odata.count", "hits", "matches", "totalhits", "totalrows"),
    )
)
_NEXT = re.compile(r"next|@odata\.nextlink|cursor|continuation|scrollid|bookmark|marker")

_NEXT_NAMES = frozenset(
    (
        *("next", "nextlink", "nextpage", "nexturl", "nextpageurl", "nextpagelink", "nexthref"),
        *("nextcursor", "nexttoken", "nextpagetoken", "@odata.nextlink", "odata.nextlink"),
    )
)
NO_NEXT_PAGE = ("", "0", "-1", "null", "none", "false")
"""What stands for no next page."""


def refused(body: bytes) -> errors.Malformed | None:
    """The error where an answer has more elements than a page can have; a few kilobytes of gzip may."""
    excess = elements.excess(body)
    if not excess:
        return None
    return errors.Malformed(
        f"the answer has {excess}, which is no page",
        reason="too_large",
        hint="is this the URL of a list of records? if it is, make pages smaller with page_size",
    )


def inner(raw: msgspec.Raw) -> Mapping[str, msgspec.Raw]:
    """The members of an object within the answer; raises `Malformed` where there are too many elements."""
    error = refused(bytes(raw))
    if error is not None:
        raise error
    return _OBJECT.decode(raw)


def is_object(body: bytes) -> bool:
    """Whether an answer begins as an object."""
    return _OPENING.match(body) is not None


def begins(raw: msgspec.Raw) -> str:
    """The first character of a JSON value."""
    return bytes(memoryview(raw)[:1]).decode("ascii", "replace")


def raw_at(members: Mapping[str, msgspec.Raw], path: Sequence[str]) -> msgspec.Raw | None:
    """The value at a path of folded keys, through objects only, or of a key with dots; None for none."""
    raw = _member(members, path[:1])
    for step in path[1:]:
        raw = _member(inner(raw), (step,)) if raw is not None and begins(raw) == "{" else None
    return raw if raw is not None else _member(members, path)


def _member(members: Mapping[str, msgspec.Raw], keys: Sequence[str]) -> msgspec.Raw | None:
    """The value of the folded key that these make, joined by dots."""
    name = ".".join(keys)
    return next((raw for key, raw in members.items() if text.fold(key) == name), None)


def totals(body: bytes) -> dict[str, int]:
    """Members that look like the number of records: dotted path and value."""
    return {
        place: value
        for place, value in _scalars(of(body))
        if isinstance(value, int) and not isinstance(value, bool) and _last(place) in _TOTALS
    }


def next_pages(body: bytes) -> dict[str, str]:
    """Members that look like the link or the cursor to the next page: dotted path and value."""
    return {
        place: str(value)
        for place, value in _scalars(of(body))
        if not isinstance(value, bool) and value != "" and any(map(_NEXT.search, field_paths.steps(place)))
    }


def next_page(body: bytes) -> str:
    """The dotted path of the member that surely leads to a next page; "" for none."""
    found = (
        place
        for place, value in next_pages(body).items()
        if _NEXT_NAMES.intersection(field_paths.steps(place)[-2:]) and value.lower() not in NO_NEXT_PAGE
    )
    return next(found, "")


def announces_nothing(members: Mapping[str, msgspec.Raw]) -> bool:
    """Whether a member that looks like a total says 0, and none says another number."""
    found = [
        value
        for place, value in _scalars(members)
        if isinstance(value, int) and not isinstance(value, bool) and _last(place) in _TOTALS
    ]
    return bool(found) and not any(found)


def is_announced_empty(body: bytes) -> bool:
    """Whether an answer announces that there are no records."""
    return announces_nothing(of(body))


def scalar_at(body: bytes, path: str) -> str:
    """The text or number at a dotted path of an answer; "" for none and for other values.

    Of an object with `href` or `url` (HAL, JSON:API) it is that.
    """
    try:
        raw = raw_at(of(body), field_paths.steps(path))
        if raw is None or len(memoryview(raw)) > LARGE:
            return ""
        found: object = _ANY.decode(raw)
    except (RecursionError, UnicodeDecodeError, msgspec.DecodeError, errors.Malformed):
        return ""
    if isinstance(found, dict):
        found = found.get("href", found.get("url"))
    if isinstance(found, bool) or not isinstance(found, str | int):
        return ""
    return str(found).strip()


def of(body: bytes) -> Mapping[str, msgspec.Raw]:
    """The members of an answer that is an object of the usual size; {} for any other."""
    body = body.removeprefix(BOM)
    if not is_object(body) or elements.excess(body):
        return {}
    try:
        return _OBJECT.decode(body)
    except (RecursionError, UnicodeDecodeError, msgspec.DecodeError):
        return {}


def _scalars(
    members: Mapping[str, msgspec.Raw], keys: tuple[str, ...] = ()
) -> Iterator[tuple[str, str | int | float]]:
    """The short scalars of an object and of the objects in it, with their dotted paths."""
    for key, raw in members.items():
        first, place = begins(raw), (*keys, key)
        if first == "{" and len(keys) < _LEVELS and len(memoryview(raw)) <= LARGE:
            yield from _scalars(_OBJECT.decode(raw), place)
        elif first not in ("{", "[") and len(memoryview(raw)) <= 4096:
            try:
                value = _ANY.decode(raw)
            except (UnicodeDecodeError, msgspec.DecodeError):
                continue
            if value is not None:
                yield field_paths.joined(place), value


def _last(place: str) -> str:
    return field_paths.steps(place)[-1]
