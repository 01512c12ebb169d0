"""Where the list of records is in an answer, and which of its members look like totals and next pages.

A list is the answer itself, or a member of an object, at most two levels down unless a path says where. APIs
write an empty list in many ways, and mediators between XML and JSON write a list of one as an object. Pure.
Invariant: the result is `Opened` or `Malformed`, nothing else is raised.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec

from exporter import errors
from exporter.inventory import elements, error_objects, field_paths, text

_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ANY = msgspec.json.Decoder()
_BOM = b"\xef\xbb\xbf"
_OPENING = re.compile(rb"[ \t\r\n]*+\{")
_EMPTY = re.compile(rb"[ \t\r\n]*+(?:null|\"[ \t]*\"|\{\s*\})[ \t\r\n]*+")
"""What stands for an empty list: in Go `null`, after XML `""` or an object without members."""

LISTS = ("result", "items", "data", "records")
"""Members of the answer that are its list whatever else is in it."""

KNOWN = (
    *LISTS,
    *("results", "content", "value", "values", "entries", "rows", "list", "elements", "objects"),
    *("service", "services", "resource", "resources", "carrier", "carriers", "item", "record", "entry"),
)
"""Names of lists: only under one of them an object may be a list of one, and null an empty list."""

_LEVELS = 2  # objects that the list may be in, unless a path says where
_MOST_LEVELS = 6  # the same in the search for lists that a path could name
_LARGE = 65_536  # bytes of a value that is looked at for a total or a next page
_LONG_KEY = 60  # characters

_IDS = frozenset(
    (
        *("id", "externalid", "uuid", "externalidentifier"),
        *("sysid", "identifier", "publicidentifier", "@id", "oid", "guid"),
    )
)
_RECORD_IDS = ("id", "externalid", "uuid", "externalidentifier")
"""Members by which an answer that is an object is one record."""

_NO_LISTS = frozenset(
    (
        *error_objects.ERRORS,
        *error_objects.ABOUT_THE_ANSWER,
        *("warnings", "messages", "links", "@links", "page", "pageable", "pagination", "paging", "included"),
        *("facets", "aggregations", "sort", "query", "request", "params", "filters", "schema", "columns"),
    )
)
"""Members that are no list of records, and have none in them."""

_PARTS = frozenset(
    (
        *("activationfeature", "attachment", "characteristic", "errormessage", "externalidentifier"),
        *("feature", "intent", "note", "party", "partyorpartyrole", "place", "relatedentity"),
        *("relatedparty", "relatedresource", "relatedservice", "resourcecharacteristic"),
        *("resourceorderitem", "resourcerelationship", "servicecharacteristic", "serviceorderitem"),
        *("servicerelationship", "supportingresource", "supportingservice", "relatedplace"),
    )
)
"""Lists within one record, of TMF638 and TMF639 in all their versions: they are no list of records."""

_OWN_LISTS = ("service", "resource")
"""Lists of a record that have the name of a list of records."""

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

Kind = Literal["records", "objects", "empty", "values"]


class Opened(msgspec.Struct, frozen=True):
    """The raw records of an answer.

    `place` is the dotted path of the member that they are in, "" for the whole answer. `is_single` says that
    the answer is one object instead of a list; `is_left_out` that it is an object without any list, as some
    APIs answer behind the end of a list, and others by mistake. `keys` are the folded keys of an object.
    """

    records: list[msgspec.Raw]
    place: str = ""
    is_single: bool = False
    is_left_out: bool = False
    keys: frozenset[str] = frozenset()


class FoundList(NamedTuple):
    """A list in an answer: the dotted path of its member, its raw elements, and what they are.

    `records` are objects with an id, `objects` those without; the first element decides.
    """

    place: str
    raws: list[msgspec.Raw]
    kind: Kind


class _Member(NamedTuple):
    """A member of the answer or of an object in it: its keys, as written, and its raw value."""

    keys: tuple[str, ...]
    raw: msgspec.Raw

    @property
    def name(self) -> str:
        return text.fold(self.keys[-1])

    @property
    def place(self) -> str:
        return field_paths.joined(self.keys)


def opened(body: bytes, records: str = "") -> Opened:
    """The raw records of a page; `records` is the path of the list, "" to find it.

    Raises `Malformed` with reason json, nesting, encoding, error_object, envelope or too_large.
    """
    body = body.removeprefix(_BOM)
    refused = _refused(body)
    if refused is not None:
        raise refused
    try:
        if _is_object(body):
            return _unwrapped(_OBJECT.decode(body), body, records)
        if _EMPTY.fullmatch(body):
            return Opened([])
        return Opened(_ARRAY.decode(body))
    except (RecursionError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise error_objects.unreadable(error, "the page", body) from error


def failure(body: bytes, records: str = "") -> errors.Malformed | None:
    """The error where an answer is an object that reports a failure or is too large; else None."""
    body = body.removeprefix(_BOM)
    if not _is_object(body):
        return None
    path = field_paths.steps(records) if records else ()
    refused = _refused(body)
    if refused is not None:
        return refused
    try:
        members = _OBJECT.decode(body)
        return _failure(members, _located(members, path))
    except errors.Malformed as error:
        return error
    except (RecursionError, UnicodeDecodeError, msgspec.DecodeError):
        return None


def _refused(body: bytes) -> errors.Malformed | None:
    """The error where an answer has more elements than a page can have; a few kilobytes of gzip may."""
    excess = elements.excess(body)
    if not excess:
        return None
    return errors.Malformed(
        f"the answer has {excess}, which is no page",
        reason="too_large",
        hint="is this the URL of a list of records? if it is, make pages smaller with page_size",
    )


def _inner(raw: msgspec.Raw) -> Mapping[str, msgspec.Raw]:
    """The members of an object within the answer; raises `Malformed` where there are too many elements."""
    refused = _refused(bytes(raw))
    if refused is not None:
        raise refused
    return _OBJECT.decode(raw)


def _is_object(body: bytes) -> bool:
    return _OPENING.match(body) is not None


def _begins(raw: msgspec.Raw) -> str:
    """The first character of a JSON value."""
    return bytes(memoryview(raw)[:1]).decode("ascii", "replace")


def _unwrapped(members: Mapping[str, msgspec.Raw], body: bytes, records: str) -> Opened:
    path = field_paths.steps(records) if records else ()
    keys = frozenset(map(text.fold, members))
    located = _located(members, path)
    failed = _failure(members, located)
    if failed is not None:
        raise failed
    if located is not None:
        return Opened(located.raws, records or located.place, keys=keys)
    if not path and _has(members, _RECORD_IDS):
        found = [one for one in _lists(members, 1) if text.fold(one.place) not in _OWN_LISTS]
        found = [one for one in found if one.kind == "records" or text.fold(one.place) in KNOWN]
        if not found:
            return Opened([msgspec.Raw(body)], is_single=True)
    else:
        found = [one for one in _lists(members, _MOST_LEVELS) if one.kind in ("records", "objects")]
        if not found:
            return Opened([], is_left_out=True, keys=keys)
    raise _without_list(members, found, path)


def without_list(body: bytes, records: str = "") -> errors.Malformed:
    """The error where an answer that is an object was to have a list, and has none."""
    return _without_list(_object_of(body), (), field_paths.steps(records) if records else ())


def _without_list(
    members: Mapping[str, msgspec.Raw], lists: Sequence[FoundList], path: Sequence[str]
) -> errors.Malformed:
    places = [one.place for one in sorted(lists, key=lambda one: (one.kind != "records", -len(one.raws)))]
    where = f" at {field_paths.joined(path)}" if path else ""
    # a part of a long key might be a part of a credential, which nobody would know it by any more
    keys = ", ".join(text.clean(key) if len(key) <= _LONG_KEY else "a long key" for key in [*members][:10])
    example = f"one of {', '.join(places[:3])}" if places else "like data.services"
    return errors.Malformed(
        f"the answer is an object without a list of records{where}; its keys are {keys}",
        reason="envelope",
        hint=f"write the path of the list as paging.records, {example}",
    )


def _has(members: Mapping[str, msgspec.Raw], names: Sequence[str] | frozenset[str]) -> bool:
    return any(text.fold(key) in names for key in members)


def _failure(members: Mapping[str, msgspec.Raw], located: FoundList | None) -> errors.Malformed | None:
    """The failure that the answer, or the object in it that has the list, reports."""
    has_list = located is not None or announces_nothing(members)
    where: error_objects.Where = "next to a list" if has_list else "instead of a list"
    found = error_objects.failure(error_objects.folded(members), where)
    if (
        found is not None
        and not has_list
        and any(one.kind == "records" for one in _lists(members, _MOST_LEVELS))
    ):
        found = error_objects.failure(error_objects.folded(members), "next to a list")  # further down
    if found is not None or located is None:
        return found
    for step in field_paths.steps(located.place)[:-1] if located.place else ():
        inner = error_objects.folded(members).get(step)
        if inner is None or _begins(inner) != "{":
            return None
        members = _OBJECT.decode(inner)
        found = error_objects.failure(error_objects.folded(members), "next to a list")
        if found is not None:
            return found
    return None


def _located(members: Mapping[str, msgspec.Raw], path: tuple[str, ...]) -> FoundList | None:
    """The list of an answer, empty where something stands for an empty list; None for none."""
    if path:
        return _at_path(members, path)
    lists = {text.fold(key): _Member((key,), raw) for key, raw in members.items()}
    first = next((lists[name] for name in LISTS if name in lists and _begins(lists[name].raw) == "["), None)
    if first is not None and (found := _found(first)).raws:
        return found
    if _has(members, _RECORD_IDS):
        return _found(first) if first else None
    within = [_found(one) for one in _members(members, _LEVELS) if _begins(one.raw) == "["]
    return _only(within) or _one_record(members) or _nothing(members, within)


def _at_path(members: Mapping[str, msgspec.Raw], path: tuple[str, ...]) -> FoundList | None:
    place = field_paths.joined(path)
    raw = _raw_at(members, path)
    if raw is None:
        return None
    if _begins(raw) == "[":
        return _found(_Member(path, raw))
    if _EMPTY.fullmatch(memoryview(raw)):
        return FoundList(place, [], "empty")
    return FoundList(place, [raw], "records") if _begins(raw) == "{" else None


def _raw_at(members: Mapping[str, msgspec.Raw], path: Sequence[str]) -> msgspec.Raw | None:
    """The value at a path of folded keys, through objects only; None for none."""
    raw: msgspec.Raw | None = None
    for number, step in enumerate(path):
        if number:
            if raw is None or _begins(raw) != "{":
                return None
            members = _inner(raw)
        raw = next((one for key, one in members.items() if text.fold(key) == step), None)
    return raw


def _members(
    members: Mapping[str, msgspec.Raw], levels: int, keys: tuple[str, ...] = ()
) -> Iterator[_Member]:
    """The members that may be a list, and those of the objects among them, so many levels down."""
    for key, raw in members.items():
        if text.fold(key) in _NO_LISTS or text.fold(key) in _PARTS:
            continue
        member = _Member((*keys, key), raw)
        yield member
        if levels > 1 and _begins(raw) == "{":
            inner = _inner(raw)
            if not _has(inner, _RECORD_IDS):
                yield from _members(inner, levels - 1, member.keys)


def _lists(members: Mapping[str, msgspec.Raw], levels: int) -> list[FoundList]:
    return [_found(one) for one in _members(members, levels) if _begins(one.raw) == "["]


def _found(member: _Member) -> FoundList:
    """The list, and what its first element is."""
    raws = _ARRAY.decode(member.raw)
    kind: Kind = "empty"
    if raws and _begins(raws[0]) == "{":
        kind = "records" if _has(_OBJECT.decode(raws[0]), _IDS) else "objects"
    elif raws:
        kind = "values"
    return FoundList(member.place, raws, kind)


def _only(lists: Sequence[FoundList]) -> FoundList | None:
    """The only list of records; where there are several, the only one of them with a known name."""
    for kind in ("records", "objects"):
        found = [one for one in lists if one.kind == kind]
        known = [one for one in found if field_paths.steps(one.place)[-1] in KNOWN]
        if len(known) == 1 or len(found) == 1:
            # without ids, another list may be the one, which has nothing in it today
            is_sure = known or kind == "records" or not any(one.kind == "empty" for one in lists)
            return (known or found)[0] if is_sure else None
        if found:
            return None
    return None


def _one_record(members: Mapping[str, msgspec.Raw]) -> FoundList | None:
    """A list of one that became an object: it has an id, and the name of a list."""
    for one in _members(members, _LEVELS):
        if one.name in KNOWN and _begins(one.raw) == "{" and _has(_OBJECT.decode(one.raw), _IDS):
            return FoundList(one.place, [one.raw], "records")
    return None


def _nothing(members: Mapping[str, msgspec.Raw], lists: Sequence[FoundList]) -> FoundList | None:
    """An empty list: one without elements, or what stands for it under the name of a list."""
    if any(one.kind == "records" for one in lists):
        return None
    empty = next((one for one in lists if one.kind == "empty"), None)
    if empty is not None:
        return empty
    if any(text.fold(key) in error_objects.ERRORS and _begins(raw) == "{" for key, raw in members.items()):
        return None  # an error without words, rather than a list without records
    for one in _members(members, _LEVELS):
        if one.name in KNOWN and _EMPTY.fullmatch(memoryview(one.raw)):
            return FoundList(one.place, [], "empty")
    return None


# what `check` shows a person, and what a setting names


def lists(body: bytes) -> list[FoundList]:
    """All lists in an answer that is an object, however deep within reason; [] for any other answer."""
    members = _object_of(body)
    try:
        return _lists(members, _MOST_LEVELS)
    except (RecursionError, UnicodeDecodeError, msgspec.DecodeError, errors.Malformed):
        return []


def totals(body: bytes) -> dict[str, int]:
    """Members that look like the number of records: dotted path and value."""
    return {
        place: value
        for place, value in _scalars(_object_of(body))
        if isinstance(value, int) and not isinstance(value, bool) and _last(place) in _TOTALS
    }


def next_pages(body: bytes) -> dict[str, str]:
    """Members that look like the link or the cursor to the next page: dotted path and value."""
    return {
        place: str(value)
        for place, value in _scalars(_object_of(body))
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
    return announces_nothing(_object_of(body))


def scalar_at(body: bytes, path: str) -> str:
    """The text or number at a dotted path of an answer; "" for none and for other values.

    Of an object with `href` or `url` (HAL, JSON:API) it is that.
    """
    try:
        raw = _raw_at(_object_of(body), field_paths.steps(path))
        if raw is None or len(memoryview(raw)) > _LARGE:
            return ""
        found: object = _ANY.decode(raw)
    except (RecursionError, UnicodeDecodeError, msgspec.DecodeError, errors.Malformed):
        return ""
    if isinstance(found, dict):
        found = found.get("href", found.get("url"))
    if isinstance(found, bool) or not isinstance(found, str | int):
        return ""
    return str(found).strip()


def _object_of(body: bytes) -> Mapping[str, msgspec.Raw]:
    """The members of an answer that is an object of the usual size; {} for any other."""
    body = body.removeprefix(_BOM)
    if not _is_object(body) or elements.excess(body):
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
        begins, place = _begins(raw), (*keys, key)
        if begins == "{" and len(keys) < _LEVELS and len(memoryview(raw)) <= _LARGE:
            yield from _scalars(_OBJECT.decode(raw), place)
        elif begins not in ("{", "[") and len(memoryview(raw)) <= 4096:
            try:
                value = _ANY.decode(raw)
            except (UnicodeDecodeError, msgspec.DecodeError):
                continue
            if value is not None:
                yield field_paths.joined(place), value


def _last(place: str) -> str:
    return field_paths.steps(place)[-1]
