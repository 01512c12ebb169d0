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
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
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
_LINKS = ("link", "links")
"""The ends of the names of lists of links, as in HATEOAS, FHIR and OpenStack."""

_RELATIONS = ("rel", "relation")
_TARGETS = ("href", "url", "uri", "link", "value", "cursor")
_NO_RECORDS = ("", "0", "0.0", "False")  # as Python writes it
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
    """The value at a path of folded keys, through objects and lists of one, or of a key with dots."""
    raw = _member(members, path[:1])
    for step in path[1:]:
        raw = None if raw is None else _only(raw)
        raw = _member(inner(raw), (step,)) if raw is not None and begins(raw) == "{" else None
    return raw if raw is not None else _member(members, path)


def _only(raw: msgspec.Raw) -> msgspec.Raw | None:
    """The only element of a list, any other value as it is; None for a list of several or none."""
    if begins(raw) != "[":
        return raw
    found = _ARRAY.decode(raw) if len(memoryview(raw)) <= LARGE else []
    return found[0] if len(found) == 1 else None


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
    members = of(body)
    found = {
        place: str(value)
        for place, value in _scalars(members)
        if not isinstance(value, bool) and value != "" and any(map(_NEXT.search, field_paths.steps(place)))
    }
    return {**found, **_next_of_links(members)}


def _next_of_links(members: Mapping[str, msgspec.Raw]) -> dict[str, str]:
    """The lists of links that have one to the next page: path of the list and link."""
    found = {}
    for key, raw in members.items():
        if begins(raw) == "[" and len(memoryview(raw)) <= LARGE and text.fold(key).endswith(_LINKS):
            try:
                link = _of_links(_ANY.decode(raw))
            except (RecursionError, UnicodeDecodeError, msgspec.DecodeError):
                continue
            if link:
                found[field_paths.joined((key,))] = str(link)
    return found


def next_page(body: bytes) -> str:
    """The dotted path of the member that surely leads to a next page; "" for none."""
    found = (
        place
        for place, value in next_pages(body).items()
        if _is_sure(place) and value.lower() not in NO_NEXT_PAGE
    )
    return next(found, "")


def _is_sure(place: str) -> bool:
    steps = field_paths.steps(place)
    return bool(_NEXT_NAMES.intersection(steps[-2:])) or steps[-1].endswith(_LINKS)


def announces_nothing(members: Mapping[str, msgspec.Raw]) -> bool:
    """Whether a member that looks like a total says 0, and none says another number."""
    found = [
        value
        for place, value in _scalars(members)
        if isinstance(value, int) and not isinstance(value, bool) and _last(place) in _TOTALS
    ]
    return bool(found) and not any(found)


def records_announced(body: bytes) -> dict[str, str]:
    """Members that look like a total and say that there are records, or nothing sensible: path and value."""
    return {
        place: str(value)
        for place, value in _scalars(of(body))
        if _is_total(place) and str(value).strip() not in _NO_RECORDS
    }


def is_announced_empty(body: bytes) -> bool:
    """Whether an answer announces that there are no records."""
    return announces_nothing(of(body))


def total_at(body: bytes, path: str) -> str | None:
    """The number at a dotted path of an answer, as it is written; None where nothing is there.

    It may be a text, a decimal without a fraction, or in an object as `value` or `total`; "" is for others.
    """
    found = _value_at(body, path)
    if isinstance(found, dict):
        keys = {text.fold(key): value for key, value in found.items()}
        found = keys.get("value", keys.get("total"))
    if found is None:
        return None
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    return "" if isinstance(found, bool) or not isinstance(found, str | int) else str(found).strip()


def next_at(body: bytes, path: str) -> str | None:
    """The link or cursor at a dotted path of an answer, "" for none; None where it cannot be understood.

    Of an object with `href` or `url` (HAL, JSON:API) it is that, of a list of links the one to the next page.
    """
    found = _value_at(body, path)
    if isinstance(found, list):
        if len(found) != 1 and not all(isinstance(one, dict) for one in found):
            return None
        found = found[0] if found and not isinstance(found[0], dict) else _of_links(found)
    elif isinstance(found, dict):
        found = _target(found)
    if found is None or found is False:
        return ""
    return None if isinstance(found, bool) or not isinstance(found, str | int) else str(found).strip()


def is_there(body: bytes, path: str) -> bool:
    """Whether an answer has a member at a dotted path, whatever its value."""
    try:
        return raw_at(of(body), field_paths.steps(path)) is not None
    except (RecursionError, UnicodeDecodeError, msgspec.DecodeError, errors.Malformed):
        return False


def _value_at(body: bytes, path: str) -> object:
    """The value at a dotted path of an answer; None for none, and for one that is too large."""
    try:
        raw = raw_at(of(body), field_paths.steps(path))
        return None if raw is None or len(memoryview(raw)) > LARGE else _ANY.decode(raw)
    except (RecursionError, UnicodeDecodeError, msgspec.DecodeError, errors.Malformed):
        return None


def _of_links(links: Sequence[object]) -> object:
    """The target of the link to the next page in a list of links; None for none."""
    for one in links:
        keys = {text.fold(key): value for key, value in one.items()} if isinstance(one, dict) else {}
        if any(str(keys.get(name, "")).lower() == "next" for name in _RELATIONS):
            return _target(keys)
    return None


def _target(link: Mapping[str, object]) -> object:
    """Where a link leads to; the link itself where it does not say so."""
    keys = {text.fold(key): value for key, value in link.items()}
    return next((keys[name] for name in _TARGETS if name in keys), link or None)


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


def _is_total(place: str) -> bool:
    """Whether a place looks like a total, or like the value of an object that is one (`total.value`)."""
    steps = field_paths.steps(place)
    return steps[-1] in _TOTALS or (steps[-1] == "value" and not _TOTALS.isdisjoint(steps[-2:-1]))


def _last(place: str) -> str:
    return field_paths.steps(place)[-1]
