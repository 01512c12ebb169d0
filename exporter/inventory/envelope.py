"""Finds the list of records in an answer, and recognises an empty one.

A list is the answer itself, the only element of it, or a member of an object, at most two levels down unless
a path says where. APIs write an empty list in many ways, and mediators between XML and JSON write a list of
one as an object. Pure.
Invariant: the result is `Opened` or `Malformed`, nothing else is raised.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec

from exporter import errors
from exporter.inventory import error_objects, field_paths, text
from exporter.inventory import members as body_members

_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ANY = msgspec.json.Decoder()
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
    body = body.removeprefix(body_members.BOM)
    refused = body_members.refused(body)
    if refused is not None:
        raise refused
    try:
        if body_members.is_object(body):
            return _unwrapped(_OBJECT.decode(body), body, records)
        if _EMPTY.fullmatch(body):
            return Opened([])
        raws = _ARRAY.decode(body)
        is_wrapped = len(raws) == 1 and bytes(memoryview(raws[0])[:1]) == b"["  # a list is no record
        return Opened(_ARRAY.decode(raws[0]) if is_wrapped else raws)
    except (RecursionError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise error_objects.unreadable(error, "the page", body) from error


def failure(body: bytes, records: str = "") -> errors.Malformed | None:
    """The error where an answer is an object that reports a failure or is too large; else None."""
    body = body.removeprefix(body_members.BOM)
    if not body_members.is_object(body):
        return None
    path = field_paths.steps(records) if records else ()
    refused = body_members.refused(body)
    if refused is not None:
        return refused
    try:
        members = _OBJECT.decode(body)
        return _failure(members, _located(members, path))
    except errors.Malformed as error:
        return error
    except (RecursionError, UnicodeDecodeError, msgspec.DecodeError):
        return None


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
    return _without_list(body_members.of(body), (), field_paths.steps(records) if records else ())


def _without_list(
    members: Mapping[str, msgspec.Raw], lists: Sequence[FoundList], path: Sequence[str]
) -> errors.Malformed:
    places = [one.place for one in sorted(lists, key=lambda one: (one.kind != "records", -len(one.raws)))]
    where = f" at {field_paths.joined(path)}" if path else ""
    # a part of a long key might be a part of a credential, which nobody would know it by any more
    keys = ", ".join(text.clean(key) if len(key) <= _LONG_KEY else "a long key" for key in [*members][:10])
    example = f"one of {', '.join(places[:3])}" if len(places) > 1 else (places or ["like data.services"])[0]
    return errors.Malformed(
        f"the answer is an object without a list of records{where}; its keys are {keys}",
        reason="envelope",
        hint=f"write the path of the list as paging.records, {example}",
    )


def _has(members: Mapping[str, msgspec.Raw], names: Sequence[str] | frozenset[str]) -> bool:
    return any(text.fold(key) in names for key in members)


def _failure(members: Mapping[str, msgspec.Raw], located: FoundList | None) -> errors.Malformed | None:
    """The failure that the answer, or the object in it that has the list, reports."""
    has_list = located is not None or body_members.announces_nothing(members)
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
        if inner is None or body_members.begins(inner) != "{":
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
    first = next(
        (lists[name] for name in LISTS if name in lists and body_members.begins(lists[name].raw) == "["), None
    )
    if first is not None and (found := _found(first)).raws:
        return found
    if _has(members, _RECORD_IDS):
        return _found(first) if first else None
    within = [_found(one) for one in _members(members, _LEVELS) if body_members.begins(one.raw) == "["]
    return _only(within) or _one_record(members) or _nothing(members, within)


def _at_path(members: Mapping[str, msgspec.Raw], path: tuple[str, ...]) -> FoundList | None:
    place = field_paths.joined(path)
    raw = body_members.raw_at(members, path)
    if raw is None:
        return None
    if body_members.begins(raw) == "[":
        return _found(_Member(path, raw))
    if _EMPTY.fullmatch(memoryview(raw)):
        return FoundList(place, [], "empty")
    if body_members.begins(raw) != "{":
        return None
    return FoundList(place, _by_id(raw) or [raw], "records")


def _by_id(raw: msgspec.Raw) -> list[msgspec.Raw]:
    """The records of an object that has each under its id; [] for another object."""
    found = body_members.inner(raw)
    is_each = all(
        body_members.begins(one) == "{" and _has(_OBJECT.decode(one), _IDS) for one in found.values()
    )
    return [*found.values()] if is_each and not _has(found, _RECORD_IDS) else []


def _members(
    members: Mapping[str, msgspec.Raw], levels: int, keys: tuple[str, ...] = ()
) -> Iterator[_Member]:
    """The members that may be a list, and those of the objects among them, so many levels down."""
    for key, raw in members.items():
        if text.fold(key) in _NO_LISTS or text.fold(key) in _PARTS:
            continue
        member = _Member((*keys, key), raw)
        yield member
        if levels > 1 and body_members.begins(raw) == "{":
            inner = body_members.inner(raw)
            if not _has(inner, _RECORD_IDS):
                yield from _members(inner, levels - 1, member.keys)


def _lists(members: Mapping[str, msgspec.Raw], levels: int) -> list[FoundList]:
    return [_found(one) for one in _members(members, levels) if body_members.begins(one.raw) == "["]


def _found(member: _Member) -> FoundList:
    """The list, and what its first element is."""
    raws = _ARRAY.decode(member.raw)
    kind: Kind = "empty"
    if raws and body_members.begins(raws[0]) == "{":
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
        if one.name in KNOWN and body_members.begins(one.raw) == "{" and _has(_OBJECT.decode(one.raw), _IDS):
            is_small = len(memoryview(one.raw)) <= body_members.LARGE
            if is_small and (said := error_objects.error_among(_ANY.decode(one.raw))):
                raise errors.Malformed(f"the answer is an error object: {said}", reason="error_object")
            return FoundList(one.place, [one.raw], "records")
    return None


def _nothing(members: Mapping[str, msgspec.Raw], lists: Sequence[FoundList]) -> FoundList | None:
    """An empty list: one without elements, or what stands for it under the name of a list."""
    if any(one.kind == "records" for one in lists):
        return None
    empty = next((one for one in lists if one.kind == "empty"), None)
    if empty is not None:
        return empty
    if any(
        text.fold(key) in error_objects.ERRORS and body_members.begins(raw) == "{"
        for key, raw in members.items()
    ):
        return None  # an error without words, rather than a list without records
    for one in _members(members, _LEVELS):
        if one.name in KNOWN and _EMPTY.fullmatch(memoryview(one.raw)):
            return FoundList(one.place, [], "empty")
    return None


def lists(body: bytes) -> list[FoundList]:
    """All lists in an answer that is an object, however deep within reason; [] for any other answer."""
    members = body_members.of(body)
    try:
        return _lists(members, _MOST_LEVELS)
    except (RecursionError, UnicodeDecodeError, msgspec.DecodeError, errors.Malformed):
        return []
