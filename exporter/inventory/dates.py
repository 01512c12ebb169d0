"""Reads dates as inventories write them: to Unix seconds, where what is meant is beyond doubt.

Read are RFC 3339 and what comes close to it (`2024-02-03 04:05`, `20240203T040506Z`, `20240203040506`,
`20240203`, `…Z[UTC]`), RFC 9110 (`Sat, 03 Feb 2024 04:05:06 GMT`), `/Date(1706933106000)/`, lists of numbers
from the year on, and Unix times in seconds or milliseconds, also as `1.706933106E9`. `03/02/2024` may be in
February or in March, and needs a format. Pure. Invariant: no value raises.
"""

from __future__ import annotations

import email.utils
import re
from collections.abc import Sequence
from datetime import UTC, datetime

_LONGEST = 80  # characters, blanks around it included
_DAY = len("2024-02-03")  # XML Schema's `date` may have a zone
_EARLIEST, _LATEST = 0.0, 7258118400.0  # 1970 to 2200: what lies outside is a placeholder, not a date

_ZONE = r"(?: ?(?:[Zz]|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?))?"
_RFC_3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?)?)"
    rf"({_ZONE})(?:\[[A-Za-z0-9_/+-]+\])?"
)
"""A date, maybe with the name of its zone at the end, as Java's ZonedDateTime writes it."""

_BASIC = re.compile(
    r"([0-9]{4})([0-9]{2})([0-9]{2})[Tt ]?([0-9]{2})([0-9]{2})([0-9]{2})([.,][0-9]{1,9})?"
    rf"({_ZONE})"
)
_BASIC_DAY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
"""A day in eight digits: as a Unix time it would be in 1970, and a count of days has five."""
_HTTP = re.compile(
    r"(?:[A-Z][a-z]{2}, ?)?[0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}(?::[0-9]{2})? ?\S{1,5}"
)
_MICROSOFT = re.compile(r"(?:\\?/|new )Date\((-?[0-9]{1,15})(?:[+-][0-9]{4})?\)(?:\\?/)?")
_NUMBER = re.compile(
    r"[0-9]{9,10}(?:\.[0-9]{1,9})?|[0-9]{13}|[0-9]{16}|[0-9]{19}|[0-9]\.[0-9]{1,18}[eE]\+?[0-9]{1,2}"
)
_MONTH = re.compile(r"(?i)\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)")
_YEAR_FIRST = re.compile(r"[0-9]{4}[/.]")
_ZONE_NAME = re.compile(r" (?:UTC|GMT) (?=[0-9]{4}$)| (?:UTC|GMT)$")
_JAVASCRIPT = re.compile(
    r"[A-Z][a-z]{2} ([A-Z][a-z]{2} [0-9]{2} [0-9]{4} [0-9:]{8} GMT[+-][0-9]{4})(?: \([^()]*\))?"
)
_GO = re.compile(r"(.* [+-][0-9]{4}) [A-Z]{3,5}(?: m=[+-][0-9.]+)?")
"""A date with its offset and, behind it, the abbreviation of the zone."""
_FORMS = (
    *("%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d", "%Y.%m.%d %H:%M:%S", "%Y.%m.%d"),
    *(
        "%d-%b-%y %I.%M.%S.%f %p",
        "%d-%b-%Y %H:%M:%S",
        "%d-%b-%Y",
        "%d %b %Y %H:%M:%S",
        "%d %b %Y",
        "%d %B %Y",
    ),
    *("%b %d, %Y %I:%M:%S %p", "%b %d, %Y %H:%M:%S", "%b %d, %Y", "%B %d, %Y"),
    *("%B %d, %Y %I:%M:%S %p", "%A, %B %d, %Y %I:%M:%S %p", "%A, %B %d, %Y"),
    *("%a %b %d %H:%M:%S %Y", "%A, %d-%b-%y %H:%M:%S"),  # the other two of RFC 9110
)
_UNITS = (1.0, 1e3, 1e6, 1e9)  # a second, in what Unix times are counted in
_LEAST = 1e8  # seconds: smaller numbers are codes
_LEAST_OF_OTHERS = 1e9  # the same in milliseconds: twelve digits may be a year, a month, a day and a time


def moment(value: object, form: str = "") -> float | None:
    """A date as Unix seconds, UTC where it names no zone; None where it is no date or only a placeholder.

    A `form`, as for `strptime`, is tried first.
    """
    if type(value) is str and not form and (found := _RFC_3339.fullmatch(value)):
        return _within(_rfc_3339(found))  # nearly always
    if isinstance(value, str):
        written = value.strip() if len(value) < _LONGEST else ""
    elif isinstance(value, bool) or not isinstance(value, int | float | list):
        return None
    else:
        written = ""
    try:
        seconds = _formatted(written or str(value)[:_LONGEST], form) if form else None
        if seconds is None:
            seconds = _read(written) if isinstance(value, str) else _counted(value)
    except (ValueError, OverflowError, TypeError):
        return None
    return _within(seconds)


def _within(seconds: float | None) -> float | None:
    return seconds if seconds is not None and _EARLIEST < seconds < _LATEST else None


def is_format(form: str) -> bool:
    """Whether dates can be written and read in a format of `strptime`, to the day."""
    day = datetime(2024, 2, 13, 4, 5, tzinfo=UTC)
    try:
        return datetime.strptime(day.strftime(form), form).date() == day.date()
    except (ValueError, re.error):
        return False


def _formatted(written: str, form: str) -> float | None:
    try:
        return _seconds(datetime.strptime(written, form))
    except ValueError:
        return None


def _read(written: str) -> float | None:
    """A text in one of the known notations."""
    if found := _RFC_3339.fullmatch(written):
        return _rfc_3339(found)
    if _NUMBER.fullmatch(written):
        return _unix(float(written))
    if found := _BASIC.fullmatch(written):
        year, month, day, hour, minute, second, fraction, zone = found.groups()
        time = f"{hour}:{minute}:{second}{fraction or ''}{_zone(zone)}"
        return _seconds(datetime.fromisoformat(f"{year}-{month}-{day}T{time}"))
    if found := _BASIC_DAY.fullmatch(written):
        return _seconds(datetime.fromisoformat("-".join(found.groups())))
    if found := _JAVASCRIPT.fullmatch(written):
        return _formatted(found[1], "%b %d %Y %H:%M:%S GMT%z")
    if found := _GO.fullmatch(written):
        return _read(found[1])
    if found := _MICROSOFT.fullmatch(written):
        return int(found[1]) / 1000
    if _HTTP.fullmatch(written):
        return _seconds(email.utils.parsedate_to_datetime(written))
    return _with_month(written) if _MONTH.search(written) or _YEAR_FIRST.match(written) else None


def _with_month(written: str) -> float | None:
    """A date that is beyond doubt since it names the month, or begins with the year."""
    plain = _ZONE_NAME.sub(" ", written).strip()
    return next((one for form in _FORMS if (one := _formatted(plain, form)) is not None), None)


def _rfc_3339(found: re.Match[str]) -> float | None:
    zone = found[2]
    try:
        written = f"{found[1]}T00:00" if zone and len(found[1]) == _DAY else found[1].upper()
        return _seconds(datetime.fromisoformat(f"{written}{_zone(zone) if zone else ''}"))
    except (ValueError, OverflowError):
        return None


def _counted(value: int | float | Sequence[object]) -> float | None:
    """A Unix time, a date as one number, or a list of year, month, day, hour, minute, second, nanosecond."""
    if isinstance(value, int | float):
        found = _unix(float(value))
        return _read(str(value)) if found is None and isinstance(value, int) else found
    whole = [one for one in value if isinstance(one, int) and not isinstance(one, bool)]
    if len(whole) != len(value) or not 3 <= len(whole) <= 7:
        return None
    seconds = datetime(*whole[:6], tzinfo=UTC).timestamp()  # type: ignore[arg-type, misc]
    return seconds + (whole[6] / 1e9 if len(whole) > 6 else 0.0)


def _unix(number: float) -> float | None:
    for unit in _UNITS:
        if (_LEAST if unit == 1 else _LEAST_OF_OTHERS) <= number / unit < _LATEST:
            return number / unit
    return None


def _zone(written: str) -> str:
    zone = written.strip().upper()
    return "Z" if zone in ("UTC", "GMT") else zone


def _seconds(when: datetime) -> float:
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
