"""Reads an HTTP response: quota, Retry-After, total and redirect in its headers; decompresses its body.

Quotas are read from X-RateLimit-* (GitHub, gateways, ServiceNow), RateLimit-* and RateLimit (the IETF's
draft-ietf-httpapi-ratelimit-headers, of which -03, -07 and -10 differ). Pure: the time is an argument, and
headers match names without regard to case. Invariants: garbage in a header is None, never an error; no more
of a body than its limit is in memory, however small it is compressed.
"""

from __future__ import annotations

import codecs
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


def is_exhausted(headers: Mapping[str, str]) -> bool:
    """Whether a rate-limit header says that no request is left: those of `quota`, or others named alike."""
    found = quota(headers, 0.0)
    names = ((re.sub("[-_]", "", name).lower(), value.strip()) for name, value in headers.items())
    return (found is not None and found.remaining <= 0) or any(
        "ratelimit" in name and "remaining" in name and re.fullmatch(r"0+(?:\.0+)?", value)
        for name, value in names
    )


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


def _once(written: str) -> str:
    """The value of a header; of one that two servers have set to the same, one of them."""
    values = {value.strip() for value in written.split(",")}
    return values.pop() if len(values) == 1 else written.strip()


_COUNT = re.compile(r"(?:^|/)\s*\"?([0-9]{1,15})\"?\s*$", re.ASCII)
"""`1003`, or the end of `items 0-9/1003` (RFC 9110, section 14.4); not `items 3-5` and not `*`."""

_SHOWN = re.compile(r"[-+]?[0-9.eE]{1,20}", re.ASCII)


def total_count(headers: Mapping[str, str], name: str = Paging().total_header) -> int | None:
    """The total in the header `name`, else in Content-Range; None if neither has one, or `name` is empty."""
    for header in (name, "Content-Range") if name else ():
        found = _COUNT.search(_once(headers.get(header, "")))
        if found:
            return int(found[1])
    return None


def unusable_total(headers: Mapping[str, str], name: str = Paging().total_header) -> str:
    """The value of the header `name` if it is no number of records, such as -1; "" if it is one.

    `no number` stands for anything but a number.
    """
    written = _once(headers.get(name, "")) if name else ""
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
_PERMANENT = (301, 308)
MAX_REDIRECTS = 5
"""Redirects of one query that are followed."""


class Redirects:
    """The URLs of one query so far; at most `most` redirects are followed, within the origin of `start`.

    `moved` has the permanent redirects of earlier queries (301 and 308), without the query of the URL: they
    are not requested again. A redirect that changes the query is not remembered.
    """

    def __init__(self, start: yarl.URL, moved: dict[str, str], most: int = MAX_REDIRECTS) -> None:
        self._start, self._moved, self._most = _without_query(start), moved, most
        target = self._start
        for _ in range(most):
            target = moved.get(target, target)
        is_moved = target != self._start
        self._urls = [
            yarl.URL(str(start).replace(self._start, target, 1), encoded=True) if is_moved else start
        ]

    @property
    def url(self) -> yarl.URL:
        """The URL to request now."""
        return self._urls[-1]

    def follow(self, status: int, location: str) -> bool:
        """Whether the response is a redirect that is followed; if not, it is a refusal."""
        if status not in _REDIRECTS or not location or len(self._urls) > self._most:
            return False
        try:
            target = self.url.join(yarl.URL(location, encoded=True)).with_fragment(None).with_user(None)
            base = _without_query(self.url)
            if f"{target}/" == base or str(target) == f"{base}/":
                # only the path is meant: without its query this would be another page
                target = yarl.URL(f"{target}?{self.url.raw_query_string}".rstrip("?"), encoded=True)
            if not same_origin(str(target), str(self.url)) or target in self._urls:
                return False
        except ValueError:
            return False
        if status in _PERMANENT and target.raw_query_string == self.url.raw_query_string:
            self._moved[_without_query(self.url)] = _without_query(target)
        self._urls.append(target)
        return True

    def forget(self) -> None:
        """The last URL is refused: the next query starts where it would have without a redirect."""
        self._moved.pop(self._start, None)


def _without_query(url: yarl.URL) -> str:
    return str(url).partition("?")[0]


_SHOWN_CODING = re.compile(r"[a-z0-9-]{1,12}(, ?[a-z0-9-]{1,12}){0,3}")
_GZIP, _ZLIB, _RAW = 31, 15, -15
"""zlib's names for gzip (RFC 1952), zlib (RFC 1950), and what some servers call deflate."""

_GZIP_MAGIC = b"\x1f\x8b"
_ZLIB_MAGIC = (b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")
_JSON = re.compile(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff|[\x00 \t\r\n])*[\[{]")
_START = 64  # bytes by which the coding of a body is recognised
_PIECE = 1 << 20  # bytes that are inflated or decoded at a time: zlib takes twice as many for them
_LAYERS = 2  # a proxy may compress what the server has compressed

_MEMBERS = 10_000
"""Members of a gzip body: empty ones without end would never exceed a number of bytes."""


class BodyReader:
    """Collects one body: `encoding` is its Content-Encoding, `cap` the limit in bytes, `url` for messages.

    What the first bytes are counts more than the header: gzip is decompressed, and JSON is not, whatever the
    header says. Unlike aiohttp it checks the end and the checksum of a compressed body.
    """

    def __init__(self, encoding: str, cap: int, url: str, layers: int = _LAYERS) -> None:
        self._declared = encoding.strip().lower()
        self._cap, self._url, self._layers = cap, url, layers
        self._coding = ""
        self._start = b""
        self._inflating: zlib._Decompress | None = None
        self._members = 0
        self._body = io.BytesIO()

    def feed(self, chunk: bytes) -> None:
        """Adds the next chunk; raises `Malformed` with reason encoding or too_large."""
        if not self._coding:
            self._start += chunk
            if len(self._start) < _START:
                return
            chunk = self._recognised()
        self._add(chunk)

    def finish(self) -> bytes:
        """The whole body; raises `Malformed` with reason encoding where a compressed body lacks its end."""
        if not self._coding:
            self._add(self._recognised())
        if self._inflating is not None and not self._inflating.eof:
            raise self._wrong("its end is missing")
        body = self._body.getvalue()  # without a copy
        if self._layers <= 1 or not body.startswith(_GZIP_MAGIC):
            return body
        inner = BodyReader("gzip", self._cap, self._url, self._layers - 1)
        inner.feed(body)
        return inner.finish()

    def received(self) -> bytes:
        """What has been received of the body."""
        return self._body.getvalue() or self._start

    def _recognised(self) -> bytes:
        """The first bytes, once they show the coding."""
        start, self._start = self._start, b""
        is_web_page = start.lstrip().startswith(b"<") and self._declared != "deflate"
        if start.startswith(_GZIP_MAGIC):
            self._coding = "gzip"
        elif start.startswith(_ZLIB_MAGIC):
            self._coding = "deflate"
        elif not start or is_web_page or _JSON.match(start) or self._declared in ("", "identity", "none"):
            self._coding = "identity"
        elif self._declared in ("gzip", "x-gzip", "deflate"):
            self._coding = self._declared
        else:
            # only what looks like the name of one is shown: a server may repeat what it was sent
            named = f" {self._declared}" if _SHOWN_CODING.fullmatch(self._declared) else ""
            raise self._wrong(f"its Content-Encoding{named} was not asked for")
        return start

    def _add(self, chunk: bytes) -> None:
        if self._coding == "identity":
            self._append(chunk)
            return
        try:
            is_full = False
            while chunk or is_full:
                if self._inflating is None or self._inflating.eof:
                    if self._inflating and not chunk.startswith(_GZIP_MAGIC[:1]):
                        return  # padding after the end
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
            raise self._wrong(f"it is no {self._coding}") from error

    def _format(self, chunk: bytes) -> int:
        if self._coding != "deflate":
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

    def _wrong(self, what: str) -> errors.Malformed:
        hint = "a proxy or gateway on the way to the API compresses wrongly; contact its owner"
        return errors.Malformed(
            f"GET {self._url}: the body cannot be read: {what}", reason="encoding", hint=hint
        )


_UTF_16_OR_32 = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_LEGACY = re.compile(
    r"(iso-?_?(8859|2022)|latin|l[1-9]$|windows-|cp-?[0-9]|ibm|koi8|gb|hz|big5|shift|sjis|ms932|euc|mac)[\w-]*"
)
"""Charsets that a header may declare: those of text, and no codecs that do something else."""


def as_utf8(body: bytes, charset: str, url: str) -> bytes:
    """The body in UTF-8, which JSON must be; `charset` is what its header declares, "" for nothing.

    What the bytes show counts more: a byte order mark, the zeros of UTF-16 and UTF-32, and valid UTF-8.
    Raises `Malformed` with reason encoding where the body is not in the charset.
    """
    coding = _utf_16_or_32(body)
    if not coding and _LEGACY.fullmatch(charset.strip().lower()):
        try:
            coding = codecs.lookup(charset.strip()).name
        except LookupError:
            return body
        if not coding.startswith(("iso2022", "hz")) and _is_in(body, "utf-8"):
            return body
    if not coding:
        return body
    written = io.BytesIO()
    try:
        for text in _decoded(body, coding):
            written.write(text.encode())
    except UnicodeError as error:
        raise errors.Malformed(
            f"GET {url}: the body is neither UTF-8 nor {coding}, as its first bytes or its header say",
            reason="encoding",
            hint="contact the owner of the API",
        ) from error
    return written.getvalue().removeprefix(b"\xef\xbb\xbf")


def _utf_16_or_32(body: bytes) -> str:
    for mark, coding in _UTF_16_OR_32.items():
        if body.startswith(mark):
            return coding
    zeros = tuple(octet == 0 for octet in body[:4])
    if body[:4].strip(b"\0")[:1] not in (b"[", b"{", b" ", b"\t", b"\r", b"\n"):
        return ""
    found = {
        (True, True, True, False): "utf-32-be",
        (False, True, True, True): "utf-32-le",
        (True, False): "utf-16-be",
        (False, True): "utf-16-le",
    }
    return found.get(zeros) or found.get(zeros[:2], "")


def _is_in(body: bytes, coding: str) -> bool:
    try:
        return all(True for _ in _decoded(body, coding))
    except UnicodeError:
        return False


def _decoded(body: bytes, coding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(coding)()
    for start in range(0, len(body), _PIECE):
        yield decoder.decode(body[start : start + _PIECE])
    yield decoder.decode(b"", final=True)
