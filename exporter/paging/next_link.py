"""Where an answer says that its list goes on: a link, or a cursor, to the next page.

It reads the Link header (RFC 8288), another header, or a member of the body, as the dialect's `Paging` says;
when to follow is `link_strategies`'s business, and what came otherwise the poller's. Pure. Invariants:
garbage is nothing, never an error; a link that is handed out leads to the API's own origin, for it is put
together with that; a link is opaque, so its query is neither read nor rewritten, except for the cursor of
style cursor.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import SplitResult, parse_qs, quote, urljoin, urlsplit

import msgspec

from exporter.inventory.dialects import Paging

_LINK = re.compile(
    r"<(?P<target>[^<>]*)>(?P<params>(?:\s*;\s*[^\s;,=\"<>]*(?:\s*=\s*(?:\"(?:[^\"\\]|\\.)*\"|[^\s;,\"]*))?)*)"
)
"""One link of a Link header: its target, and its parameters with their semicolons."""
_PARAM = re.compile(r";\s*([^\s;,=\"<>]+)(?:\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s;,\"]*)))?")
_WRITABLE = "!#$%&'()*+,/:;=?@[]~"
"""What may stand in a URL as it is; anything else is escaped, so that no blank can end the request line."""
_LONGEST = 1 << 20
"""Bytes of a member that is looked through: millions of members would take very much memory."""
_PORTS = {"http": 80, "https": 443}


class Onward(msgspec.Struct, frozen=True):
    """The way to the next page: a `link` (an absolute URL), a `cursor`, or neither at the end of the list.

    `flaw` says why there is neither although the answer gives one, as the end of a sentence; else "".
    """

    link: str = ""
    cursor: str = ""
    flaw: str = ""


NOWHERE = Onward()


def onward(headers: Mapping[str, str], body: bytes, url: str, paging: Paging) -> Onward:
    """What the answer to a GET of `url` says of the page after it; nothing for styles that do without.

    `headers` may hold several of one name, as aiohttp's do, and their names are matched in any case.
    """
    if paging.style not in ("link", "cursor"):
        return NOWHERE
    written = _member(body, paging.next_member) if paging.next_member else _header(headers, paging)
    if not written:
        return NOWHERE
    if paging.style == "link":
        return _link(written, url)
    if paging.next_member or paging.next_header.lower() != "link":
        return Onward(cursor=written)
    return _cursor(written, paging.cursor_param)


def _header(headers: Mapping[str, str], paging: Paging) -> str:
    values = [value for name, value in headers.items() if name.lower() == paging.next_header.lower()]
    if paging.next_header.lower() == "link":
        return next((target for relation, target in links(values) if relation == "next"), "")
    return values[0].strip() if values else ""


def links(values: list[str]) -> Iterator[tuple[str, str]]:
    """Every relation and its target in the values of Link headers."""
    for link in _LINK.finditer(", ".join(values)):
        params: dict[str, str] = {}
        for name, quoted, plain in _PARAM.findall(link["params"]):
            # the first of a name counts (RFC 8288, section 3.3)
            params.setdefault(name.lower(), quoted or plain)
        if "anchor" in params:
            continue  # the relation of another page than this one
        for relation in params.get("rel", "").lower().split():
            yield relation, link["target"].strip()


def _member(body: bytes, path: str) -> str:
    """The text or number at the dotted `path`, "" for none, null, false or anything else."""
    raw: bytes | msgspec.Raw = body
    try:
        for key in path.split("."):
            if raw is not body and len(memoryview(raw)) > _LONGEST:
                return ""
            raw = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])[key]
        if len(memoryview(raw)) > _LONGEST:
            return ""
        found: object = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, ValueError, KeyError):
        return ""
    if isinstance(found, bool) or not isinstance(found, str | int):
        return ""
    return str(found).strip()


def _link(written: str, url: str) -> Onward:
    """The link as the API's own origin is asked for it; a flaw where it leads elsewhere."""
    try:
        base, found = urlsplit(url), urlsplit(urljoin(url, written))
        if _same(base, found):
            target = found._replace(scheme=base.scheme, netloc=base.netloc, fragment="")
            return Onward(link=quote(target.geturl(), safe=_WRITABLE))
        host = (found.hostname or "no host at all")[:100]
    except ValueError:
        return Onward(flaw="the link to the next page is no URL")
    return Onward(flaw=f"the link to the next page leads to another origin ({host!r}), and is not followed")


def _same(base: SplitResult, found: SplitResult) -> bool:
    """Whether two URLs share an origin (RFC 6454, section 4).

    An http link is good for an https API of the same host and port: behind a proxy that ends TLS the API
    does not know better, and what is asked for is https in any case.
    """
    if found.username is not None or found.scheme not in ("http", base.scheme):
        return False
    return _place(base) == _place(found)


def _place(url: SplitResult) -> tuple[str | None, int | None]:
    """Host and port; a scheme's own port is None, as if it were not written."""
    port = None if url.port == _PORTS.get(url.scheme) else url.port
    return url.hostname, port


def _cursor(link: str, name: str) -> Onward:
    """The cursor within a link: only it is taken, so it does not matter where the link leads."""
    try:
        found = parse_qs(urlsplit(link).query).get(name, [""])[0]
    except ValueError:
        found = ""
    if found:
        return Onward(cursor=found)
    return Onward(flaw=f"the link to the next page holds no parameter {name!r}: see paging.cursor_param")
