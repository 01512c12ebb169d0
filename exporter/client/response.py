"""Reads an HTTP response: quota, Retry-After, total and redirect in its headers; decompresses its body.

Quotas are read from X-RateLimit-* (GitHub, gateways, ServiceNow), RateLimit-* and RateLimit (the IETF's
draft-ietf-httpapi-ratelimit-headers, of which -03, -07 and -10 differ). Pure: the time is an argument, and
headers match names without regard to case. Invariants: garbage in a header is None, never an error; no more
of a body than its limit is in memory, however small it is compressed.
"""

from __future__ import annotations

import email.utils
import io
import math
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import yarl

from exporter import errors
from exporter.inventory.dialects import Paging

_PREFIXES = ("RateLimit", "X-RateLimit", "X-Rate-Limit")

_NUMBER = re.compile(r"\s*([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*(?:[;,].*)?", re.DOTALL)
"""A number, and maybe parameters or further policies after it, as in `100, 100;w=60`."""

_PAIR = re.compile(r"(?:^|[;,\s])(r|t|remaining|reset|limit)\s*=\s*([0-9]{1,15})(?=\s*(?:$|[;,]))")

_EPOCH, _MILLISECONDS = 1e9, 1e12
"""From here on a reset is not a number of seconds but a Unix time, or one in milliseconds."""


@dataclass(frozen=True, slots=True)
class Quota:
    """`remaining` requests may be sent within the next `seconds` (None: unknown), of `limit` a window."""

    remaining: float
    seconds: float | None
    limit: float | None = None


def quota(headers: Mapping[str, str], now: float) -> Quota | None:
    """The tightest quota in the headers, None for none; `now` in Unix seconds.

    A reset that is a Unix time is compared with the response's own Date, else with `now`.
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
    """Each of `"a";r=5;t=60, "b";r=90;t=3600`; the one of the older `limit=9, remaining=5, reset=60`."""
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
    """Seconds until the end of the window."""
    if reset is None or reset < _EPOCH:
        return reset
    end = reset / 1000 if reset >= _MILLISECONDS else reset
    return max(0.0, end - now)


def http_date(written: str) -> float | None:
    """The Unix time of a date as HTTP writes it (RFC 9110, section 5.6.7)."""
    try:
        return email.utils.parsedate_to_datetime(written).timestamp()
    except (ValueError, OverflowError):
        return None


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that Retry-After asks for (RFC 9110, section 10.2.3); None for none and for the past.

    A date is compared with the response's own Date, else with `now`.
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
    """The total in the header `name`, else in Content-Range; None if neither has one, or `name` is empty."""
    for header in (name, "Content-Range") if name else ():
        found = _COUNT.search(headers.get(header, "").strip())
        if found:
            return int(found[1])
    return None


def unusable_total(headers: Mapping[str, str], name: str = Paging().total_header) -> str:
    """The value of the header `name` if it is no number of records, such as -1; "" if it is one.

    `no number` stands for anything but a number.
    """
    written = headers.get(name, "").strip() if name else ""
    if not written or _COUNT.search(written):
        return ""
    return written if _SHOWN.fullmatch(written) else "no number"


_PORTS = {"http": 80, "https": 443}


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port of a URL (RFC 6454, section 4); raises ValueError for what is none."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port if parts.port is not None else _PORTS.get(parts.scheme)


def same_origin(url: str, other: str) -> bool:
    """Whether scheme, host and port are the same; raises ValueError for what is no URL."""
    return origin(url) == origin(other)


_REDIRECTS = (301, 302, 303, 307, 308)
MAX_REDIRECTS = 5
"""Redirects of one query that are followed."""


class Redirects:
    """The URLs of one query so far; at most `most` redirects are followed, within the origin of `start`."""

    def __init__(self, start: yarl.URL, most: int = MAX_REDIRECTS) -> None:
        self._urls = [start]
        self._most = most

    @property
    def url(self) -> yarl.URL:
        """The URL to request now."""
        return self._urls[-1]

    def follow(self, status: int, location: str) -> bool:
        """Whether the response is a redirect that is followed; if not, it is a refusal."""
        if status not in _REDIRECTS or not location or len(self._urls) > self._most:
            return False
        try:
            target = self.url.join(yarl.URL(location, encoded=True)).with_fragment(None)
            if not same_origin(str(target), str(self.url)) or target in self._urls:
                return False
        except ValueError:
            return False
        self._urls.append(target.with_user(None))
        return True


_CODING = re.compile(r"[a-z0-9-]{1,12}(, ?[a-z0-9-]{1,12}){0,3}")
_GZIP, _ZLIB, _RAW = 31, 15, -15
"""zlib's names for gzip (RFC 1952), zlib (RFC 1950), and what some servers call deflate."""

_PIECE = 1 << 20  # bytes that are inflated at a time: zlib takes twice as many for them

_MEMBERS = 10_000
"""Members of a gzip body: empty ones without end would never exceed a number of bytes."""


class BodyReader:
    """Collects one body: `encoding` is its Content-Encoding, `cap` the limit in bytes, `url` for messages.

    It checks the end and checksum of a compressed body, which aiohttp does not.
    """

    def __init__(self, encoding: str, cap: int, url: str) -> None:
        self._cap, self._url = cap, url
        self._encoding = encoding.strip().lower() or "identity"
        if self._encoding not in ("identity", "gzip", "x-gzip", "deflate"):
            # only what looks like the name of one is shown: a server may repeat what it was sent
            named = f" {self._encoding}" if _CODING.fullmatch(self._encoding) else ""
            raise self._wrong(f"its Content-Encoding{named} was not asked for")
        self._inflating: zlib._Decompress | None = None
        self._members = 0
        self._body = io.BytesIO()

    def feed(self, chunk: bytes) -> None:
        """Adds the next chunk; raises `Malformed` with reason encoding or too_large."""
        if self._encoding == "identity":
            self._append(chunk)
            return
        try:
            is_full = False
            while chunk or is_full:
                if self._inflating is None or self._inflating.eof:
                    # the first, or one more member (RFC 1952, section 2.2)
                    self._members += 1
                    if self._members > _MEMBERS:
                        raise self._wrong(f"it has more than {_MEMBERS} parts")
                    self._inflating = zlib.decompressobj(self._format(chunk))
                most = min(_PIECE, self._cap - self._body.tell() + 1)
                inflated = self._inflating.decompress(chunk, most)
                self._append(inflated)
                # what is left inside the decompressor comes with the next call, even without a further chunk
                is_full = len(inflated) == most and not self._inflating.eof
                chunk = self._inflating.unconsumed_tail or self._inflating.unused_data
        except zlib.error as error:
            raise self._wrong(f"it is no {self._encoding}") from error

    def _format(self, chunk: bytes) -> int:
        if self._encoding != "deflate":
            return _GZIP
        return _ZLIB if chunk[0] & 0x0F == zlib.DEFLATED else _RAW

    def _append(self, chunk: bytes) -> None:
        if self._body.tell() + len(chunk) > self._cap:
            raise errors.Malformed(
                f"GET {self._url}: the body is larger than {self._cap} bytes",
                reason="too_large",
                hint="make pages smaller with page_size, or raise limits.bytes",
            )
        self._body.write(chunk)

    def finish(self) -> bytes:
        """The whole body; raises `Malformed` with reason encoding where a compressed body lacks its end."""
        if self._inflating is not None and not self._inflating.eof:
            raise self._wrong("its end is missing")
        return self._body.getvalue()  # without a copy

    def _wrong(self, what: str) -> errors.Malformed:
        hint = "a proxy or gateway on the way to the API compresses wrongly; contact its owner"
        return errors.Malformed(
            f"GET {self._url}: the body cannot be read: {what}", reason="encoding", hint=hint
        )
