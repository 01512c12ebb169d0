"""Types of single values: durations, sizes, shares, URLs, addresses, metric names, and plain scalars.

Each type annotates a setting, parses what the operator wrote and stores what the program uses (seconds,
bytes, text). Durations follow Prometheus. YAML 1.1 reads `NO` as false, `1.50` as 1.5, `22:22` as 1342 and
`010` as 8: where a setting is text, the source text of a plain scalar is used instead, as Go's YAML library
does for typed fields; where it is a number or a boolean, YAML's value is used if every version of YAML reads
the same. Invariant: a URL with user information never gets past `url`, and no message shows more than scheme,
host and path of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, get_args, get_origin
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from exporter.settings.base import Flaw, Key, annotation_at, parts, refusal


class Notation(NamedTuple):
    """Beside a type: what the docs page calls it."""

    name: str


_UNITS = {"y": 31_536_000.0, "w": 604_800.0, "d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
CENTURY = 100 * _UNITS["y"]
"""Seconds of the longest duration."""

_DURATION = re.compile("".join(rf"(?:\d{{1,12}}{unit})?" for unit in _UNITS), re.ASCII)
_SIZES = {"B": 1, "KB": 1000, "KiB": 1 << 10, "MB": 10**6, "MiB": 1 << 20, "GB": 10**9, "GiB": 1 << 30}
_SIZE = re.compile(r"(\d{1,15})\s*([KMG]i?B|B)?", re.ASCII)
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A header's name (RFC 9110, section 5.6.2)."""

_METRIC = re.compile(r"[a-z_][a-z0-9_]*")
_WORD = re.compile(r"[^\s&=?#:]{1,200}")
_ADDRESS = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<name>[^\[\]:@/\s]*)):(?P<port>\d{1,5})", re.ASCII
)


def shown(value: object) -> str:
    """A value for a message, cut to forty characters; only for values that cannot be secrets."""
    text = str(value)
    return repr(text if len(text) <= 40 else f"{text[:39]}…")


def seconds(written: object) -> float:
    """A Prometheus duration (`1h30m`, `500ms`, `0`) in seconds."""
    if isinstance(written, (int, float)) and not isinstance(written, bool) and written != 0:
        raise refusal(Flaw(f"{written} has no unit", f"write {written}s for seconds, {written}m for minutes"))
    text = str(written)
    if text == "0":
        return 0.0
    if not text or isinstance(written, bool) or not _DURATION.fullmatch(text):
        raise refusal(
            Flaw(f"{shown(written)} is not a duration", "write it like 30s, 5m, 1h30m, 1d or 500ms")
        )
    total = summed(text, _UNITS) or 0.0
    if total > CENTURY:
        raise refusal(Flaw("is longer than a hundred years", "write a shorter duration"))
    return total


def summed(text: str, units: Mapping[str, float]) -> float | None:
    """The seconds of numbers with one of `units` each, as `1m30s` or `1.5h`; None for any other text."""
    step = rf"(\d{{1,12}}(?:\.\d{{0,12}})?|\.\d{{1,12}})({'|'.join(sorted(units, key=len, reverse=True))})"
    if not re.fullmatch(f"(?:{step})+", text, re.ASCII):
        return None
    return sum(float(number) * units[unit] for number, unit in re.findall(step, text, re.ASCII))


def duration(value: float) -> str:
    """Seconds as Prometheus writes them: the inverse of `seconds`."""
    rest, text = round(value * 1000), ""
    for unit, size in _UNITS.items():
        if unit not in ("y", "w"):
            count, rest = divmod(rest, round(size * 1000))
            text = f"{text}{count}{unit}" if count else text
    return text or "0s"


def octets(written: object) -> int:
    """A size in bytes: a whole number, or a number with B, KB, MB, GB or KiB, MiB, GiB."""
    found = None if isinstance(written, bool) else _SIZE.fullmatch(str(written))
    if not found or not int(found[1]):
        raise refusal(Flaw(f"{shown(written)} is not a size", "write bytes as a whole number, or like 64MiB"))
    return int(found[1]) * _SIZES[found[2] or "B"]


def size(value: int) -> str:
    """Bytes in the largest binary unit that divides them."""
    units = [unit for unit in ("GiB", "MiB", "KiB") if value and value % _SIZES[unit] == 0]
    return f"{value // _SIZES[units[0]]}{units[0]}" if units else str(value)


def _at_least(least: float) -> AfterValidator:
    def check(value: float) -> float:
        if value < least:
            raise refusal(Flaw(f"{duration(value)} is too short", f"write {duration(least)} or longer"))
        return value

    return AfterValidator(check)


def bare_url(written: str) -> str:
    """A URL without user information, query and fragment: what may be shown of it.

    User information is cut at the last `@` of all, since a password may hold an unescaped `/` or `?`.
    """
    scheme, found, rest = written.partition("://")
    if not found or scheme.lower() not in ("http", "https"):
        return "https://HOST/PATH"
    return f"{scheme}://{re.split('[?#]', rest.rpartition('@')[2])[0]}"


def _split(written: str, schemes: tuple[str, ...]) -> SplitResult:
    wanted = f"write a URL that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}"
    try:
        split = urlsplit(written)
        port = split.port
    except ValueError as error:
        raise refusal(Flaw("is not a URL: its host or port cannot be read", wanted)) from error
    if split.scheme not in schemes or re.search(r"[\s\x00-\x1f\x7f\\]", written):
        raise refusal(Flaw("is not a URL that can be used", wanted))
    if not split.hostname or port == 0:
        raise refusal(Flaw("is a URL without a host, or with port 0", f"{wanted} and names a host"))
    return split


def url(written: str) -> str:
    """The URL of an API, without a slash at its end."""
    if "@" in written:
        hint = f"write {bare_url(written)} and put the user into basic_auth; an @ of the path is %40"
        raise refusal(Flaw("holds user information", hint))
    _split(written, ("http", "https"))
    if "?" in written or "#" in written:
        raise refusal(
            Flaw("has a query or a fragment", f"write {bare_url(written)}; queries go into collections")
        )
    return written.rstrip("/")


def token_url(written: str) -> str:
    """The URL of a token endpoint; it may have a query."""
    if "@" in written:
        hint = f"write {bare_url(written)} and put the user into client_id and client_secret"
        raise refusal(Flaw("holds user information", hint))
    _split(written, ("http", "https"))
    return written


def proxy_url(written: SecretStr) -> SecretStr:
    """The URL of a proxy; it may hold user information, hence it is kept as a secret."""
    _split(written.get_secret_value(), ("http", "https"))
    return written


def secret(written: SecretStr) -> SecretStr:
    """A secret that stands in place: one line of text."""
    text = written.get_secret_value()
    if not text or any(ord(character) < 32 for character in text):
        raise refusal(Flaw("is empty or holds a line end", "write one line of text, or leave the key out"))
    return written


def split_address(written: str) -> tuple[str | None, int]:
    """`HOST:PORT` as host and port; the host is None for `:PORT`, which means every address."""
    found = _ADDRESS.fullmatch(written)
    if not found or int(found["port"]) > 65535:
        raise refusal(_no_address(written))
    return found["v6"] or found["name"] or None, int(found["port"])


def is_address(written: object) -> bool:
    """Whether it is an address to listen on, which may begin with a bracket as a list does."""
    found = _ADDRESS.fullmatch(written) if isinstance(written, str) else None
    return found is not None and int(found["port"]) <= 65535


def addresses(written: object) -> tuple[str, ...]:
    """One address to listen on or a list of them, as they were written, each once."""
    several = [written] if isinstance(written, str) else written
    if not isinstance(several, (list, tuple)):
        raise refusal(Flaw("must be an address or a list of them", 'write ":PORT" or [":PORT", "HOST:PORT"]'))
    if not several:
        raise refusal(Flaw("is an empty list", "write an address, or leave the key out"))
    wrong = [number for number, one in enumerate(several) if not is_address(one)]
    if wrong:
        is_one = len(several) == 1
        raise refusal(*(_no_address(several[number], () if is_one else (number,)) for number in wrong))
    return tuple(dict.fromkeys(several))


def _no_address(written: object, at: tuple[Key, ...] = ()) -> Flaw:
    hint = "write HOST:PORT, :PORT for every address, or [::1]:PORT for IPv6"
    return Flaw(f"{shown(written)} is not an address to listen on", hint, at)


def metric(written: str) -> str:
    """The end of a metric's name, as `symbol_rate_hertz`."""
    if not _METRIC.fullmatch(written):
        hint = "use lower-case letters, digits and _, beginning with a letter"
        raise refusal(Flaw(f"{shown(written)} is not a metric name", hint))
    return written


def word(written: str) -> str:
    """A name that is sent as it is: a query parameter, a header, a scheme."""
    if not _WORD.fullmatch(written):
        raise refusal(
            Flaw("is not a single word", "write a name without blanks and the characters & = ? # :")
        )
    return written


def word_or_nothing(written: str) -> str:
    """A name that is sent as it is, or the empty text for none."""
    return word(written) if written else written


def _scale(value: float) -> float:
    if not math.isfinite(value) or value == 0:
        raise refusal(Flaw("is not a factor", "write a finite number other than 0, like 1e6"))
    return value


Duration = Annotated[float, BeforeValidator(seconds), Notation("duration")]
Timeout = Annotated[float, BeforeValidator(seconds), _at_least(0.001), Notation("duration")]
Interval = Annotated[float, BeforeValidator(seconds), _at_least(1), Notation("duration, 1s or longer")]
Size = Annotated[int, BeforeValidator(octets), Notation("size")]
Share = Annotated[float, Field(ge=0, le=1), Notation("share, 0 to 1")]
Url = Annotated[str, AfterValidator(url), Notation("URL")]
TokenUrl = Annotated[str, AfterValidator(token_url), Notation("URL")]
ProxyUrl = Annotated[SecretStr, AfterValidator(proxy_url), Notation("URL, secret")]
Secret = Annotated[SecretStr, AfterValidator(secret)]
Address = Annotated[str, Notation("address")]
Addresses = Annotated[tuple[Address, ...], BeforeValidator(addresses), Notation("address, or list of them")]
Metric = Annotated[str, AfterValidator(metric), Notation("metric name")]
Word = Annotated[str, AfterValidator(word), Notation("text")]
WordOrNothing = Annotated[str, AfterValidator(word_or_nothing), Notation("text")]
Scale = Annotated[float, AfterValidator(_scale), Notation("number")]


_DECIMAL = re.compile(
    r"[-+]?(?:0|[1-9][0-9_]*)(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?|[-+]?\.[0-9]+|[-+]?\.(?:inf|nan)", re.I
)
"""Numbers that every version of YAML reads alike: no octal, no base 60, no binary."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A plain scalar that is more than text to YAML or JSON: its source text, and the value of it there."""

    text: str
    value: bool | int | float | None


def as_written(value: Any, annotation: object) -> Any:
    """The tree without `Scalar`s: text where the schema's type `annotation` is text, else the value.

    What the schema does not know counts as text. Null stays None, for it is no value at all: in a mapping or
    a list of texts the schema refuses it.
    """
    match value:
        case dict():
            return {key: as_written(inner, annotation_at(annotation, (key,))) for key, inner in value.items()}
        case list():
            return [as_written(inner, _item(annotation)) for inner in value]
        case bool() if _is_text(annotation):  # of JSON, which spells them in one way
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


def _item(annotation: object) -> object | None:
    """The type of a list's items; None if the schema expects no list."""
    if get_origin(annotation) is tuple:
        item: object = get_args(annotation)[0]
        return item
    return next((found for part in get_args(annotation) if (found := _item(part)) is not None), None)


def _is_text(annotation: object) -> bool:
    return not any(part is bool or part is int or part is float for part in parts(annotation))
