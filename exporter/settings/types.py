"""Types of single values: durations, sizes, shares, URLs, addresses, metric names, and plain scalars.

Each type annotates a setting, parses what the operator wrote and stores what the program uses (seconds,
bytes, text). YAML 1.1 reads `NO` as false, `1.50` as 1.5, `22:22` as 1342 and `010` as 8: where a setting is
text, the source text of a plain scalar is used instead, as Go's YAML library does for typed fields; where it
is a number or a boolean, YAML's value is used if every version of YAML reads the same. No message shows more
of a URL than scheme, host and path.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from exporter.inventory.condition import Condition
from exporter.settings.base import Flaw, Key, annotation_at, checked, item, parts, refusal


class TypeName(NamedTuple):
    """The name of a type on the page of the documentation."""

    name: str


_UNITS = {"y": 31_536_000.0, "w": 604_800.0, "d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
CENTURY = 100 * _UNITS["y"]
"""Seconds; the maximum of durations."""

_DURATION = re.compile("".join(rf"(?:\d{{1,12}}{unit})?" for unit in _UNITS), re.ASCII)
_SIZES = {"B": 1, "KB": 1000, "KiB": 1 << 10, "MB": 10**6, "MiB": 1 << 20, "GB": 10**9, "GiB": 1 << 30}
_SIZE = re.compile(r"(\d{1,15})\s*([KMG]i?B|B)?", re.ASCII)
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A header name (RFC 9110, section 5.6.2)."""

_METRIC = re.compile(r"[a-z_][a-z0-9_]*")
_WORD = re.compile(r"[^\s&=?#:]{1,200}")
_ADDRESS = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<name>[^\[\]:@/\s]*)):(?P<port>\d{1,5})", re.ASCII
)

_CONDITIONS = {
    **{str(condition): condition for condition in Condition},
    **dict.fromkeys(("true", "yes", "on"), Condition.OPERATIONAL),
    **dict.fromkeys(("false", "no", "off"), Condition.DOWN),
    "null": Condition.UNKNOWN,
}
"""The conditions, and what YAML reads as true, false or null."""


def shown(value: object) -> str:
    """A value for a message, truncated to 40 characters; only for values that cannot be secrets."""
    text = str(value)
    return repr(text if len(text) <= 40 else f"{text[:39]}…")


def parse_duration(written: object) -> float:
    """A Prometheus duration (`1h30m`, `500ms`, `0`) in seconds."""
    if isinstance(written, (int, float)) and not isinstance(written, bool) and written != 0:
        raise refusal(Flaw(f"{written} has no unit", f"write {written}s for seconds, {written}m for minutes"))
    text = str(written)
    if text == "0":
        return 0.0
    if not text or isinstance(written, bool) or not _DURATION.fullmatch(text):
        hint = "write it like 30s, 5m, 1h30m, 1d or 500ms"
        raise refusal(Flaw(f"{shown(written)} is not a duration", hint))
    total = sum_durations(text, _UNITS) or 0.0
    if total > CENTURY:
        raise refusal(Flaw("is longer than a hundred years", "write a shorter duration"))
    return total


def sum_durations(text: str, units: Mapping[str, float]) -> float | None:
    """The seconds of numbers with one of `units` each, as `1m30s` or `1.5h`; None for any other text."""
    step = rf"(\d{{1,12}}(?:\.\d{{0,12}})?|\.\d{{1,12}})({'|'.join(sorted(units, key=len, reverse=True))})"
    if not re.fullmatch(f"(?:{step})+", text, re.ASCII):
        return None
    return sum(float(number) * units[unit] for number, unit in re.findall(step, text, re.ASCII))


def format_duration(value: float) -> str:
    """Seconds as Prometheus writes them: the inverse of `parse_duration`."""
    rest, text = round(value * 1000), ""
    for unit, size in _UNITS.items():
        if unit not in ("y", "w"):
            count, rest = divmod(rest, round(size * 1000))
            text = f"{text}{count}{unit}" if count else text
    return text or "0s"


def parse_size(written: object) -> int:
    """A size in bytes: a whole number, or a number with B, KB, MB, GB or KiB, MiB, GiB."""
    found = None if isinstance(written, bool) else _SIZE.fullmatch(str(written))
    if not found or not int(found[1]):
        raise refusal(Flaw(f"{shown(written)} is not a size", "write bytes as a whole number, or like 64MiB"))
    return int(found[1]) * _SIZES[found[2] or "B"]


def _at_least(minimum: float) -> AfterValidator:
    hint = f"write {format_duration(minimum)} or longer"
    return checked(
        lambda value: [Flaw(f"{format_duration(value)} is too short", hint)] if value < minimum else []
    )


def one_of(names: Collection[str], what: str) -> AfterValidator:
    """A text that must be one of the names of `what`."""
    hint = f"write one of {', '.join(names)}"
    return checked(lambda text: [] if text in names else [Flaw(f"{shown(text)} is not {what}", hint)])


def bare_url(written: str) -> str:
    """A URL without user information, query and fragment, which may be shown.

    User information ends at the last `@`, because a password may contain an unescaped `/` or `?`.
    """
    scheme, found, rest = written.partition("://")
    if not found or scheme.lower() not in ("http", "https"):
        return "https://HOST/PATH"
    return f"{scheme}://{re.split('[?#]', rest.rpartition('@')[2])[0]}"


def _check_url(text: str) -> None:
    wanted = "write a URL that begins with http:// or https://"
    if "${" in text:
        wanted = "${…} is not expanded; write the URL, or set it as SES_INVENTORY_APIS__TMF638__URL"
    try:
        split = urlsplit(text)
        port = split.port
    except ValueError as error:
        raise refusal(Flaw("is not a URL: its host or port cannot be read", wanted)) from error
    if split.scheme not in ("http", "https") or re.search(r"[\s\x00-\x1f\x7f\\]", text):
        raise refusal(Flaw("is not a URL that can be used", wanted))
    if not split.hostname or port == 0:
        raise refusal(Flaw("is a URL without a host, or with port 0", f"{wanted} and names a host"))


def _url(text: str) -> str:
    """The URL of an API, without a slash at its end."""
    _check_no_user(text, "basic_auth; an @ of the path is %40")
    _check_url(text)
    if "?" in text or "#" in text:
        hint = f"write {bare_url(text)}; queries go into collections"
        raise refusal(Flaw("has a query or a fragment", hint))
    return text.rstrip("/")


def _token_url(text: str) -> str:
    """The URL of a token endpoint; it may have a query."""
    _check_no_user(text, "client_id and client_secret")
    _check_url(text)
    return text


def _check_no_user(text: str, instead: str) -> None:
    if "@" in text:
        hint = f"write {bare_url(text)} and put the user into {instead}"
        raise refusal(Flaw("contains user information", hint))


def _proxy_url(secret: SecretStr) -> SecretStr:
    """The URL of a proxy; a secret, because it may contain user information."""
    _check_url(secret.get_secret_value())
    return secret


def _secret_flaws(secret: SecretStr) -> Iterator[Flaw]:
    text = secret.get_secret_value()
    if not text or any(ord(character) < 32 for character in text):
        yield Flaw("is empty or has a line end", "write one line of text, or leave the key out")


def split_address(written: str) -> tuple[str | None, int]:
    """`HOST:PORT` as host and port; the host is None for `:PORT`, which means all addresses."""
    if not is_address(written) or not (found := _ADDRESS.fullmatch(written)):
        raise refusal(_address_flaw(written))
    return found["v6"] or found["name"] or None, int(found["port"])


def is_address(written: object) -> bool:
    """Whether it is an address to listen on, which may begin with a bracket as a list does."""
    found = _ADDRESS.fullmatch(written) if isinstance(written, str) else None
    return found is not None and int(found["port"]) <= 65535


def addresses(written: object) -> tuple[str, ...]:
    """An address to listen on or a list of them, as they were written, without duplicates."""
    several = [written] if isinstance(written, str) else written
    if not isinstance(several, (list, tuple)):
        raise refusal(Flaw("must be an address or a list of them", 'write ":PORT" or [":PORT", "HOST:PORT"]'))
    if not several:
        raise refusal(Flaw("is an empty list", "write an address, or leave the key out"))
    wrong = {(number,): one for number, one in enumerate(several) if not is_address(one)}
    if wrong:
        raise refusal(*(_address_flaw(one, at if len(several) > 1 else ()) for at, one in wrong.items()))
    return tuple(dict.fromkeys(several))


def _address_flaw(written: object, at: tuple[Key, ...] = ()) -> Flaw:
    hint = "write HOST:PORT, :PORT for every address, or [::1]:PORT for IPv6"
    return Flaw(f"{shown(written)} is not an address to listen on", hint, at)


def _metric_flaws(text: str) -> Iterator[Flaw]:
    if not _METRIC.fullmatch(text):
        hint = "use lower-case letters, digits and _, beginning with a letter"
        yield Flaw(f"{shown(text)} is not a metric name", hint)


def _word_flaws(text: str) -> Iterator[Flaw]:
    if not _WORD.fullmatch(text):
        yield Flaw("is not a single word", "write a name without blanks and the characters & = ? # :")


def _scale_flaws(value: float) -> Iterator[Flaw]:
    if not math.isfinite(value) or value == 0:
        yield Flaw("is not a factor", "write a finite number other than 0, like 1e6")


def parse_condition(written: object) -> Condition:
    """One of the seven conditions; true, false and null are short for operational, down and unknown."""
    if isinstance(written, Condition):
        return written
    spelled = "null" if written is None else str(written).casefold()
    if spelled in _CONDITIONS:
        return _CONDITIONS[spelled]
    hint = f"write one of {', '.join(Condition)}; true is operational, false is down, null is unknown"
    raise refusal(Flaw(f"{shown(written)} is not a condition", hint))


Duration = Annotated[float, BeforeValidator(parse_duration), TypeName("duration")]
Timeout = Annotated[float, BeforeValidator(parse_duration), _at_least(0.001), TypeName("duration")]
Interval = Annotated[float, BeforeValidator(parse_duration), _at_least(1), TypeName("duration, 1s or longer")]
Size = Annotated[int, BeforeValidator(parse_size), TypeName("size")]
Share = Annotated[float, Field(ge=0, le=1), TypeName("share, 0 to 1")]
Url = Annotated[str, AfterValidator(_url), TypeName("URL")]
TokenUrl = Annotated[str, AfterValidator(_token_url), TypeName("URL")]
ProxyUrl = Annotated[SecretStr, AfterValidator(_proxy_url), TypeName("URL, secret")]
Secret = Annotated[SecretStr, checked(_secret_flaws)]
Address = Annotated[str, TypeName("address")]
Addresses = Annotated[tuple[Address, ...], BeforeValidator(addresses), TypeName("address, or list of them")]
Metric = Annotated[str, checked(_metric_flaws), TypeName("metric name")]
Word = Annotated[str, checked(_word_flaws), TypeName("text")]
WordOrNothing = Annotated[str, checked(lambda text: _word_flaws(text) if text else ()), TypeName("text")]
Scale = Annotated[float, checked(_scale_flaws), TypeName("number")]
StatusMeaning = Annotated[Condition, BeforeValidator(parse_condition), TypeName("condition")]


_DECIMAL = re.compile(
    r"[-+]?(?:0|[1-9][0-9_]*)(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?|[-+]?\.[0-9]+|[-+]?\.(?:inf|nan)", re.I
)
"""Numbers that every version of YAML reads in the same way: not octal, base 60 or binary."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A plain scalar that is not text to YAML or JSON: its source text, and its value there."""

    text: str
    value: bool | int | float | None


def as_written(value: Any, annotation: object) -> Any:
    """The tree without `Scalar`s: their text where the schema's type `annotation` is text, else their value.

    Unknown keys have text. Null stays None, because it is not a value: in a mapping or a list of texts the
    schema rejects it.
    """
    match value:
        case dict():
            return {key: as_written(inner, annotation_at(annotation, (key,))) for key, inner in value.items()}
        case list():
            return [as_written(inner, item(annotation)) for inner in value]
        case bool() if _is_text(annotation):  # of JSON, which has one spelling
            return "true" if value else "false"
        case Scalar(value=None):
            return None
        case Scalar() if _is_text(annotation):
            return value.text
        case Scalar(value=bool()):
            return value.value
        case Scalar():
            return value.value if _DECIMAL.fullmatch(value.text) else value.text
    return value


def _is_text(annotation: object) -> bool:
    return not any(part is bool or part is int or part is float for part in parts(annotation))
