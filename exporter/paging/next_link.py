"""Reads the link or cursor to the next page from an answer.

It is in the Link header (RFC 8288), in another header, or in a member of the body, as the dialect's `Paging`
says. Pure. Invariants: garbage is no next page, never an error; a returned link has the API's own origin; a
link is opaque: its query is neither read nor rewritten, except for the cursor of style cursor.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import SplitResult, parse_qs, quote, urljoin, urlsplit

import msgspec

from exporter.client import response
from exporter.inventory.dialects import Paging

_LINK = re.compile(
    r"<(?P<target>[^<>]*)>(?P<params>(?:\s*;\s*[^\s;,=\"<>]*(?:\s*=\s*(?:\"(?:[^\"\\]|\\.)*\"|[^\s;,\"]*))?)*)"
)
"""One link of a Link header: its target, and its parameters with their semicolons."""
_PARAM = re.compile(r";\s*([^\s;,=\"<>]+)(?:\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s;,\"]*)))?")
_WRITABLE = "!#$%&'()*+,/:;=?@[]~"
"""Characters that are not escaped in a URL; a space would end the request line."""
_LONGEST = 1 << 20
"""Bytes of a member that is decoded: millions of members would take very much memory."""


class NextPage(msgspec.Struct, frozen=True):
    """The next page: a `link` (an absolute URL), a `cursor`, or neither at the end of the list.

    `flaw` says why the one in the answer cannot be used, as a sentence; else "".
    """

    link: str = ""
    cursor: str = ""
    flaw: str = ""


NO_NEXT_PAGE = NextPage()


def next_page(headers: Mapping[str, str], body: bytes, url: str, paging: Paging) -> NextPage:
    """The next page by the answer to a GET of `url`; none for styles without links and cursors.

    `headers` may have several of one name, as aiohttp's do; names are matched in any case.
    """
    if paging.style not in ("link", "cursor"):
        return NO_NEXT_PAGE
    value = _member(body, paging.next_member) if paging.next_member else _header(headers, paging)
    if not value:
        return NO_NEXT_PAGE
    if paging.style == "link":
        return _link(value, url)
    if paging.next_member or paging.next_header.lower() != "link":
        return NextPage(cursor=value)
    return _cursor(value, paging.cursor_param)


def _header(headers: Mapping[str, str], paging: Paging) -> str:
    values = [value for name, value in headers.items() if name.lower() == paging.next_header.lower()]
    if paging.next_header.lower() == "link":
        return next((target for relation, target in links(values) if relation == "next"), "")
    return values[0].strip() if values else ""


def links(values: list[str]) -> Iterator[tuple[str, str]]:
    """Each relation and its target in the values of Link headers."""
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
    """The text or number at the dotted `path`; "" for none and for other values."""
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


def _link(value: str, url: str) -> NextPage:
    """The link with the API's own origin; a flaw if it leads to another."""
    try:
        base, found = urlsplit(url), urlsplit(urljoin(url, value))
        if _is_same_origin(url, found):
            target = found._replace(scheme=base.scheme, netloc=base.netloc, fragment="")
            return NextPage(link=quote(target.geturl(), safe=_WRITABLE))
        host = (found.hostname or "no host at all")[:100]
    except ValueError:
        return NextPage(flaw="the link to the next page is no URL")
    return NextPage(flaw=f"the link to the next page leads to another origin ({host!r}), and is not followed")


def _is_same_origin(base: str, found: SplitResult) -> bool:
    """Whether a link in a response of `base` leads to its origin.

    An http link is accepted of an https API of the same host and port: behind a proxy that ends TLS an API
    does not know better. The request uses https in any case.
    """
    if found.username is not None:
        return False
    seen_by_api = urlsplit(base)._replace(scheme="http").geturl() if found.scheme == "http" else base
    return response.same_origin(found.geturl(), seen_by_api)


def _cursor(link: str, name: str) -> NextPage:
    """The cursor within a link, whatever the origin of that link."""
    try:
        found = parse_qs(urlsplit(link).query).get(name, [""])[0]
    except ValueError:
        found = ""
    if found:
        return NextPage(cursor=found)
    return NextPage(flaw=f"the link to the next page holds no parameter {name!r}: see paging.cursor_param")
