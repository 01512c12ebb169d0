"""What an answer is: a list of records, alone or as a member of an object, one record, or a failure.

APIs also report failures in the body of an answer with a good status, and some send the records that they had
until then next to it: such an answer is no page. Before anything is decoded the elements are counted: a few
kilobytes of gzip inflate to a list of millions of numbers, each of which takes thirty times as many bytes as
an object. Pure. Invariants: the result is `Opened` or `Malformed`, nothing else is raised; counting takes no
memory that grows with the answer, and no more than two million steps.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from exporter import errors
from exporter.inventory import text

_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ANY = msgspec.json.Decoder()
_BOM = b"\xef\xbb\xbf"
_CHUNK = 1 << 20  # bytes
_OPENING = re.compile(rb"[ \t\r\n]*+\{")

LISTS = ("result", "items", "data", "records")
"""Members of an object in which a list of records is looked for."""

_IDS = ("id", "externalid", "uuid", "externalidentifier")
_ERRORS = ("error", "errors", "fault", "faults", "exception", "faultstring")
_BESIDE_A_LIST = (*_ERRORS, "errormessage", "errorcode", "errordescription")
_INSTEAD_OF_A_LIST = (*_ERRORS, "message", "reason", "code")
_FAILED = frozenset({"failure", "failed", "fail", "error", "errors"})
_FALSE_IF_FAILED = ("success", "successful", "ok")
_TRUE_IF_FAILED = ("haserrors", "iserror", "timedout", "incompleteresults")
_ABOUT_THE_ANSWER = ("meta", "metadata", "status", "responsestatus")
_NOTHING = frozenset({"", "0", "false", "none", "null", "ok", "success", "no error"})
_WORDS = ("message", "detail", "description", "reason", "title", "errormessage", "text", "code")
_PARTS = frozenset(
    {
        *(
            "activationfeature",
            "attachment",
            "characteristic",
            "errormessage",
            "externalidentifier",
            "feature",
        ),
        *("intent", "note", "party", "partyorpartyrole", "place", "relatedentity", "relatedparty"),
        *("relatedresource", "relatedservice", "resourcecharacteristic", "resourceorderitem"),
        *("resourcerelationship", "servicecharacteristic", "serviceorderitem", "servicerelationship"),
        *("supportingresource", "supportingservice", "relatedplace", "resource", "service"),
    }
)
"""Lists within one record, of TMF638 and TMF639 in all their versions: they are no list of records."""

_LONGEST = 200  # characters of the API's own words in a message
_LONG_KEY = 60  # characters
_DEEPEST = 8  # levels
_LARGE = 16_384  # bytes: what is longer says something, and is not looked through

MOST = 100_000
"""Elements of any list of records, and commas of an answer that is not looked at at all."""

_RECORD = 200
"""Bytes of a small record: a list with more than `MOST` elements must have so many for each of them."""

_MOST_MEMBERS = 10_000
"""Members of an object that is a record or holds a list of them."""

MOST_VALUES = 500_000
"""Values within one record: decoded, each of them may take two hundred bytes of memory."""

_MOST_STEPS = 2_000_000
"""Lists and objects that hold others, and elements that are counted: a second of work."""

_DEEPEST_COUNTED = 1_000  # levels; no decoder goes so deep

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_FLAT = rb'[\[{][^"\[\]{}]*+(?:%b[^"\[\]{}]*+)*+[\]}]' % _STRING
# from here to the next comma or bracket, or as far as one uninterrupted search of some milliseconds goes
_TO_COMMA = re.compile(rb'[^"\[\]{},]*+(?:%b[^"\[\]{},]*+){0,10000}+(?=["\[\]{},])' % _STRING, re.DOTALL)
_TO_BRACKET = re.compile(
    rb'[^"\[\]{}]*+(?:(?:%b|%b)[^"\[\]{}]*+){0,10000}+(?=["\[\]{}])' % (_STRING, _FLAT), re.DOTALL
)
_TO_VALUE = re.compile(rb'[^",]*+(?:%b[^",]*+){0,10000}+(?=[",])' % _STRING, re.DOTALL)
_COMMA, _LIST, _QUOTE, _OPENINGS = ord(","), ord("["), ord('"'), frozenset(b"[{")


class Opened(msgspec.Struct, frozen=True):
    """The raw records of an answer; `is_single` says that it is one object instead of a list."""

    records: list[msgspec.Raw]
    is_single: bool = False


def opened(body: bytes) -> Opened:
    """The raw records of a page: the array, the array in a known envelope, or one record as an object.

    Raises `Malformed` with reason json, nesting, encoding, error_object, envelope or too_large.
    """
    body = body.removeprefix(_BOM)
    refused = _refused(body)
    if refused is not None:
        raise refused
    try:
        if _is_object(body):
            return _unwrapped(_OBJECT.decode(body), body)
        return Opened(_ARRAY.decode(body))
    except (RecursionError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise unreadable(error, "the page", body) from error


def _refused(body: bytes) -> errors.Malformed | None:
    """The error where an answer has more elements than a page can have; a few kilobytes of gzip may."""
    found = excess(body)
    if not found:
        return None
    return errors.Malformed(
        f"the answer has {found}, which is no page",
        reason="too_large",
        hint="is this the URL of a list of records? if it is, make pages smaller with page_size",
    )


def failure(body: bytes) -> errors.Malformed | None:
    """The error where an answer is an object that reports a failure or is too large; else None."""
    body = body.removeprefix(_BOM)
    if not _is_object(body):
        return None
    refused = _refused(body)
    if refused is not None:
        return refused
    try:
        members = _folded(_OBJECT.decode(body))
    except (RecursionError, UnicodeDecodeError, msgspec.DecodeError):
        return None
    return _failure(members)


def error_among(members: Mapping[str, object]) -> str:
    """The API's own words where an object without an id, among records, is an error; "" where it is none."""
    found = {text.fold(key): value for key, value in members.items()}
    for name in _ERRORS:
        if not _is_nothing(found.get(name)):
            return _words(found[name])
    explained = found.get("message", found.get("reason"))
    return "" if _is_nothing(found.get("code")) or _is_nothing(explained) else _words(explained)


def unreadable(error: Exception, what: str, body: bytes) -> errors.Malformed:
    """The error for a `body` that could not be decoded.

    Whether it is UTF-8 is seen from its bytes: which exception says so depends on the version of msgspec.
    """
    if isinstance(error, RecursionError):
        return errors.Malformed(f"{what} is nested too deeply to be read", reason="nesting")
    if not _is_utf8(body):
        return errors.Malformed(f"{what} is not UTF-8, which JSON must be", reason="encoding")
    if isinstance(error, msgspec.ValidationError):
        return errors.Malformed(f"{what} is no list of records: {error}", reason="envelope")
    return errors.Malformed(f"{what} is not JSON: {error}", reason="json")


def _is_utf8(body: bytes) -> bool:
    """Whether all bytes are UTF-8; a last character that is cut off may be."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(body), _CHUNK):
            decoder.decode(body[start : start + _CHUNK])
    except UnicodeDecodeError:
        return False
    return True


def _is_object(body: bytes) -> bool:
    return _OPENING.match(body) is not None


def _begins(raw: msgspec.Raw) -> str:
    """The first character of a JSON value."""
    return bytes(memoryview(raw)[:1]).decode("ascii", "replace")


def _folded(members: Mapping[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    return {text.fold(key): member for key, member in members.items()}


def _unwrapped(members: Mapping[str, msgspec.Raw], body: bytes) -> Opened:
    folded = _folded(members)
    failed = _failure(folded)
    if failed is not None:
        raise failed
    found = _list(folded)
    if found is not None:
        return Opened(_ARRAY.decode(found))
    unknown = _unknown_list(members)
    if not unknown and any(name in folded for name in _IDS):
        return Opened([msgspec.Raw(body)], is_single=True)
    raise errors.Malformed(
        f"the answer is an object without a list of records; its keys are {_named(members)}",
        reason="envelope",
        hint=f"expected an array, or an object with one of {', '.join(LISTS)}",
    )


def _named(members: Mapping[str, msgspec.Raw]) -> str:
    # a part of a long key might be a part of a credential, which nobody would know it by any more
    names = (text.clean(key) if len(key) <= _LONG_KEY else "a long key" for key in list(members)[:10])
    return ", ".join(names)


def _list(folded: Mapping[str, msgspec.Raw]) -> msgspec.Raw | None:
    return next((folded[name] for name in LISTS if name in folded and _begins(folded[name]) == "["), None)


def _unknown_list(members: Mapping[str, msgspec.Raw]) -> str:
    """The key of a list of objects with ids that is no part of a record: then the object is an envelope."""
    for key, member in members.items():
        if _begins(member) != "[" or text.fold(key) in _PARTS:
            continue
        first = next(iter(_ARRAY.decode(member)), None)
        if first is not None and _begins(first) == "{" and _folded(_OBJECT.decode(first)).keys() & set(_IDS):
            return key
    return ""


def _failure(folded: Mapping[str, msgspec.Raw]) -> errors.Malformed | None:
    """The error that an object's members report, in the API's own words."""
    has_list = _list(folded) is not None
    said = next(_said(folded, _BESIDE_A_LIST if has_list else _INSTEAD_OF_A_LIST), None)
    if said is None:
        return None
    what = "lists records beside an error" if has_list else "is an error object with a good status"
    return errors.Malformed(f"the answer {what}: {said}", reason="error_object")


def _said(folded: Mapping[str, msgspec.Raw], names: Sequence[str]) -> Iterator[str]:
    """The signs of a failure, in the API's words: members of these `names` that hold something, …"""
    yield from _reported(folded, names)
    yield from _signs(folded)
    if names is _INSTEAD_OF_A_LIST and "title" in folded and "detail" in folded:  # RFC 9457
        yield _words(_value(folded["detail"]))
    for name in _ABOUT_THE_ANSWER:
        if name in folded and _begins(folded[name]) == "{" and len(memoryview(folded[name])) <= _LARGE:
            about = _folded(_OBJECT.decode(folded[name]))
            yield from _reported(about, _ERRORS)
            yield from _signs(about)


def _reported(folded: Mapping[str, msgspec.Raw], names: Sequence[str]) -> Iterator[str]:
    found = (_value(folded[name]) for name in names if name in folded)
    yield from (_words(value) for value in found if not _is_nothing(value))


def _signs(folded: Mapping[str, msgspec.Raw]) -> Iterator[str]:
    """Members by which an answer says of itself that it failed."""
    found = {key: _scalar(folded[key]) for key in _SIGNS if key in folded}
    explained = next((_words(_value(folded[key])) for key in ("message", "detail") if key in folded), "")
    for key, word in found.items():
        if (
            (key == "status" and (word in _FAILED or _is_refusal(word)))
            or (key == "code" and _is_refusal(word))
            or (key in _FALSE_IF_FAILED and word == "false")
            or (key in _TRUE_IF_FAILED and word == "true")
        ):
            yield f"{key} {word}{': ' if explained else ''}{explained}"


_SIGNS = ("status", "code", *_FALSE_IF_FAILED, *_TRUE_IF_FAILED)


def _is_refusal(word: str) -> bool:
    """Whether it is an HTTP status of a failure."""
    return len(word) == 3 and word.isascii() and word.isdigit() and word[0] in "45"


def _scalar(raw: msgspec.Raw) -> str:
    """A short scalar as a lower-case word, "" for anything else."""
    if len(memoryview(raw)) > 64:
        return ""
    return (text.scalar(_value(raw)) or "").strip().lower()


def _value(raw: msgspec.Raw) -> object:
    """The JSON value; of a long one only its beginning, as text, for messages."""
    if len(memoryview(raw)) > _LARGE:
        return bytes(memoryview(raw)[:1000]).decode("utf-8", "replace")
    try:
        return _ANY.decode(raw)
    except (RecursionError, UnicodeDecodeError, msgspec.DecodeError):
        return bytes(raw).decode("utf-8", "replace")


def _is_nothing(value: object, depth: int = 0) -> bool:
    """Whether a member that reports errors reports none."""
    if value is None or value is False or value == 0:
        return True
    if isinstance(value, str):
        return value.strip().lower() in _NOTHING
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return inner is not None and depth < _DEEPEST and all(_is_nothing(one, depth + 1) for one in inner)


def _words(value: object) -> str:
    """The API's own words in a value, cleaned and cut, without the queries of URLs."""
    for _ in range(4):
        if isinstance(value, list):
            value = next((one for one in value if not _is_nothing(one)), None)
        if not isinstance(value, dict):
            break
        found = {text.fold(key): member for key, member in value.items()}
        inner = next((found[name] for name in (*_WORDS, *_ERRORS) if not _is_nothing(found.get(name))), None)
        if inner is None:
            break
        value = inner
    written = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text.clean(errors.bare(written[:2000]), _LONGEST)


def excess(body: bytes) -> str:
    """What of an answer is more than a page can have; "" for nothing, and for what is no JSON."""
    if len(body) <= 2 * MOST or body.count(b",") < MOST:
        return ""
    most = max(MOST, len(body) // _RECORD)
    limits, of = [most, 0], ["elements", "elements"]  # by level
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
            elif depth == 2:  # what is in the elements of a list is not made objects of
                counted[depth] = limits[1] > 0 and token == _LIST
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
