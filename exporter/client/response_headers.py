"""What the headers of an answer say: the quota, how long to wait, and the number of records.

Understood of quotas are X-RateLimit-* (as of GitHub, gateways, ServiceNow), RateLimit-* and RateLimit (the
IETF's draft-ietf-httpapi-ratelimit-headers, of which -03, -07 and -10 differ). Pure: the time is an argument,
and headers match names without regard to case. Invariant: garbage is None, never an error.
"""

from __future__ import annotations

import email.utils
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from exporter.inventory.dialects import Paging

_PREFIXES = ("RateLimit", "X-RateLimit", "X-Rate-Limit")

_NUMBER = re.compile(r"\s*([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*(?:[;,].*)?", re.DOTALL)
"""A number, and maybe parameters or further policies behind it, as in `100, 100;w=60`."""

_PAIR = re.compile(r"(?:^|[;,\s])(r|t|remaining|reset|limit)\s*=\s*([0-9]{1,15})(?=\s*(?:$|[;,]))")

_EPOCH, _MILLISECONDS = 1e9, 1e12
"""A reset from here on is no number of seconds but a Unix time, or one in milliseconds."""


@dataclass(frozen=True, slots=True)
class Quota:
    """`remaining` requests may be sent within the next `seconds` (None: unknown), of `limit` a window."""

    remaining: float
    seconds: float | None
    limit: float | None = None


def quota(headers: Mapping[str, str], now: float) -> Quota | None:
    """The tightest quota in the headers, None for none; `now` in Unix seconds.

    `headers` are matched without regard to case. A Unix time is compared with the answer's own Date, since
    the server's clock may be off; else with `now`.
    """
    now = http_date(headers.get("Date", "")) or now
    found = [*_structured(headers.get("RateLimit", ""), now)]
    for prefix in _PREFIXES:
        remaining = _number(headers.get(f"{prefix}-Remaining", ""))
        if remaining is not None:
            left = _seconds(_number(headers.get(f"{prefix}-Reset", "")), now)
            found.append(Quota(remaining, left, _number(headers.get(f"{prefix}-Limit", ""))))
    return min(found, key=_looseness, default=None)


def _looseness(quota: Quota) -> float:
    """Requests a second; without a window by their number alone, after all that have one."""
    return math.inf if quota.seconds is None else quota.remaining / max(quota.seconds, 1.0)


def _structured(written: str, now: float) -> Iterator[Quota]:
    """Of `"a";r=5;t=60, "b";r=90;t=3600` each; of the older `limit=9, remaining=5, reset=60` the one."""
    parts = written.split(",") if '"' in written or ";" in written else [written]
    for part in parts:
        pairs = {name: float(text) for name, text in _PAIR.findall(part)}
        remaining = pairs.get("r", pairs.get("remaining"))
        if remaining is not None:
            yield Quota(remaining, _seconds(pairs.get("t", pairs.get("reset")), now), pairs.get("limit"))


def _number(written: str) -> float | None:
    found = _NUMBER.fullmatch(written)
    return float(found[1]) if found else None


def _seconds(reset: float | None, now: float) -> float | None:
    """Seconds until the window's end, whether the reset says just that or a Unix time."""
    if reset is None or reset < _EPOCH:
        return reset
    end = reset / 1000 if reset >= _MILLISECONDS else reset
    return max(0.0, end - now)


def http_date(written: str) -> float | None:
    """The Unix time of a date as HTTP writes it (RFC 9110, section 5.6.7), None for none and for garbage."""
    try:
        return email.utils.parsedate_to_datetime(written).timestamp()
    except (ValueError, OverflowError):
        return None


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that Retry-After asks for (RFC 9110, section 10.2.3), None for none, garbage or the past.

    A date is compared with the answer's own Date, since the server's clock may be off; else with `now`.
    """
    written = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", written):
        return float(written)
    until = http_date(written)
    if until is None:
        return None
    wait = until - (http_date(headers.get("Date", "")) or now)
    return wait if wait >= 0 else None


_COUNT = re.compile(r"(?:^|/)\s*\"?([0-9]{1,15})\"?\s*$", re.ASCII)
"""`1003`, or the end of `items 0-9/1003` (RFC 9110, section 14.4); not `items 3-5` and not `*`."""

_SHOWN = re.compile(r"[-+]?[0-9.eE]{1,20}", re.ASCII)


def total_count(headers: Mapping[str, str], name: str = Paging().total_header) -> int | None:
    """The total in the header `name`, else in Content-Range; None if neither has one, or `name` is empty.

    `headers` must match names without regard to case.
    """
    for header in (name, "Content-Range") if name else ():
        found = _COUNT.search(headers.get(header, "").strip())
        if found:
            return int(found[1])
    return None


def unusable_total(headers: Mapping[str, str], name: str = Paging().total_header) -> str:
    """The header `name` where that is no number of records, such as -1; "" where it is one.

    Anything but a number is not shown: `no number` stands for it.
    """
    written = headers.get(name, "").strip() if name else ""
    if not written or _COUNT.search(written):
        return ""
    return written if _SHOWN.fullmatch(written) else "no number"
