"""Whether an answer with a good status reports a failure in its body, and in which words.

Some APIs send the records that they had until then next to an error: such an answer is no page. Pure.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from exporter import errors
from exporter.inventory import text

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ANY = msgspec.json.Decoder()
_CHUNK = 1 << 20  # bytes

ERRORS = ("error", "errors", "fault", "faults", "exception", "faultstring")
_BESIDE_A_LIST = (
    *(*ERRORS, "errormessage", "errormessages", "errormsg", "errortext", "errorcode", "errordescription"),
    *("errordetails", "errorlist", "errorcount", "failure", "failures"),
    *("@error", "odata.error", "@odata.error"),
)
_INSTEAD_OF_A_LIST = (*ERRORS, "message", "reason", "code")
_FAILED = frozenset(
    (
        *("failure", "failed", "fail", "error", "errors", "timeout", "timedout"),
        *("partialsuccess", "partialfailure", "partialerror"),
    )
)
_STATUSES = (
    *("status", "statuscode", "httpstatus", "httpstatuscode", "code"),
    *("result", "resultcode", "returncode"),
)
_FALSE_IF_FAILED = ("success", "successful", "ok")
_TRUE_IF_FAILED = ("haserrors", "haserror", "iserror", "timedout", "incompleteresults", "partialresults")
ABOUT_THE_ANSWER = ("meta", "metadata", "status", "responsestatus")
_NOTHING = frozenset({"", "false", "none", "null", "ok", "success", "no", "no error", "no errors"})
_WORDS = ("message", "detail", "description", "reason", "title", "errormessage", "text", "code")

_OF_AN_ERROR = frozenset(
    (
        *(*_INSTEAD_OF_A_LIST, "id", "status", "title", "detail", "details", "description", "instance"),
        *("type", "@type", "@basetype", "@schemalocation", "referenceerror", "infourl", "severity"),
        *("timestamp", "path", "traceid", "requestid", "correlationid", "retryable"),
    )
)
"""Members of error objects, TM Forum's and those of RFC 9457 above all."""

_MOST_OF_AN_ERROR = 12  # members
_LONGEST = 200  # characters of the API's own words in a message
_DEEPEST = 8  # levels
_LARGE = 16_384  # bytes: what is longer says something, and is not looked through


Where = Literal["next to a list", "instead of a list"]


def failure(members: Mapping[str, msgspec.Raw], where: Where) -> errors.Malformed | None:
    """The error that an answer's members (folded keys) report; next to a list fewer words are errors."""
    is_beside = where == "next to a list"
    code = members.get("errorcode")
    is_fine = code is not None and _value(code) is not None and _is_nothing(_value(code))
    beside = ERRORS if is_fine else _BESIDE_A_LIST  # a code that says so may be explained by a message
    said = next(_said(members, beside if is_beside else _INSTEAD_OF_A_LIST), None)
    if said is None:
        return None
    what = "lists records next to an error" if is_beside else "is an error object with a good status"
    return errors.Malformed(f"the answer {what}: {said}", reason="error_object")


def error_among(members: Mapping[str, object]) -> str:
    """The API's own words where an object without an id, among records, is an error; "" where it is none."""
    found = {text.fold(key): value for key, value in members.items()}
    for name in ERRORS:
        if not _is_nothing(found.get(name)):
            return _words(found[name])
    explained = found.get("message", found.get("reason"))
    return "" if _is_nothing(found.get("code")) or _is_nothing(explained) else _words(explained)


def error_instead(members: Mapping[str, object]) -> str:
    """The API's own words where an object, whatever its id, has nothing but what errors have; else ""."""
    if len(members) > _MOST_OF_AN_ERROR:
        return ""
    found = {text.fold(key): value for key, value in members.items()}
    if not found.keys() <= _OF_AN_ERROR:
        return ""
    if said := error_among(members):
        return said
    is_problem = not _is_nothing(found.get("title")) and not _is_nothing(found.get("detail"))  # RFC 9457
    return _words(found["detail"]) if is_problem and _is_refusal(str(found.get("status"))) else ""


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


def folded(members: Mapping[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    """The members with folded keys."""
    return {text.fold(key): member for key, member in members.items()}


def _said(members: Mapping[str, msgspec.Raw], names: Sequence[str]) -> Iterator[str]:
    """The signs of a failure, in the API's words: members of these `names` that have a value, …"""
    yield from _reported(members, names)
    yield from _signs(members)
    if names is _INSTEAD_OF_A_LIST and "title" in members and "detail" in members:  # RFC 9457
        yield _words(_value(members["detail"]))
    for name in ABOUT_THE_ANSWER:
        if name in members and _is_small_object(members[name]):
            about = folded(_OBJECT.decode(members[name]))
            yield from _reported(about, ERRORS)
            yield from _signs(about)


def _reported(members: Mapping[str, msgspec.Raw], names: Sequence[str]) -> Iterator[str]:
    found = (_value(members[name]) for name in names if name in members)
    yield from (_words(value) for value in found if not _is_nothing(value))


def _signs(members: Mapping[str, msgspec.Raw]) -> Iterator[str]:
    """Members by which an answer says of itself that it failed."""
    found = {key: _scalar(members[key]) for key in _SIGNS if key in members}
    explained = next((_words(_value(members[key])) for key in ("message", "detail") if key in members), "")
    for key, word in found.items():
        if (
            (key in _STATUSES and (_is_refusal(word) or (key != "code" and text.fold(word) in _FAILED)))
            or (key in _FALSE_IF_FAILED and word == "false")
            or (key in _TRUE_IF_FAILED and word == "true")
        ):
            yield f"{key} {word}{': ' if explained else ''}{explained}"


def _is_small_object(raw: msgspec.Raw) -> bool:
    view = memoryview(raw)
    return bytes(view[:1]) == b"{" and len(view) <= _LARGE


_SIGNS = (*_STATUSES, *_FALSE_IF_FAILED, *_TRUE_IF_FAILED)


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
        return value.strip().lower().strip("0") in _NOTHING
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
        inner = next((found[name] for name in (*_WORDS, *ERRORS) if not _is_nothing(found.get(name))), None)
        if inner is None:
            break
        value = inner
    written = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text.clean(errors.bare(written[:2000]), _LONGEST)
