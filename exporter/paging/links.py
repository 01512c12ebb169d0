"""Links, cursors and ranges: from page to page, and compared with the page that was requested.

The next page is in the Link header (RFC 8288), in another header, or in a member of the body, as the
dialect's `Paging` says. Which page an answer is, is in a Link with the relation `self`, and in Content-Range
(RFC 9110, section 14.4; with the unit `items` as in TMF630). Pure. Invariants: garbage is no next page, never
an error; a returned link has the API's own origin, and its query is neither read nor rewritten, except for
the cursor of style cursor; an answer without a position, or without one that can be compared, is not
misplaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import SplitResult, parse_qs, parse_qsl, quote, urljoin, urlsplit

import msgspec

from exporter.client import response
from exporter.inventory import members
from exporter.inventory.dialects import Paging
from exporter.paging.strategies import (
    NO_NEXT_PAGE,
    NOT_FOUND,
    NextPage,
    OffsetStrategy,
    PageRequest,
    Parameters,
    Query,
    Received,
    SizedStrategy,
    is_total_doubtful,
)

_REPEATED, _EMPTY = 10, 100
"""Linked pages in a row without new records, and without any, before the chain counts as endless. Access
rules may empty a few."""

_LINK = re.compile(
    r"<(?P<target>[^<>]*)>(?P<params>(?:\s*;\s*[^\s;,=\"<>]*(?:\s*=\s*(?:\"(?:[^\"\\]|\\.)*\"|[^\s;,\"]*))?)*)"
)
"""One link of a Link header: its target, and its parameters with their semicolons."""
_PARAM = re.compile(r";\s*([^\s;,=\"<>]+)(?:\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s;,\"]*)))?")
_WRITABLE = "!#$%&'()*+,/:;=?@[]~"
"""Characters that are not escaped in a URL; a space would end the request line."""
_TEXT = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]*")
_ETAG = re.compile(r"[\x21-\x7e]{1,1000}")
_URL = re.compile(r"https?://|/?\?|/[^?]*\?[^=]+=")
"""The beginning of a link, in which a cursor is a parameter."""


def next_page(headers: Mapping[str, str], body: bytes, url: str, paging: Paging) -> NextPage:
    """The next page by the answer to a GET of `url`; none for styles without links and cursors.

    `headers` may have several of one name, as aiohttp's do; names are matched in any case.
    """
    if paging.style not in ("link", "cursor"):
        return NO_NEXT_PAGE
    value = members.next_at(body, paging.next_member) if paging.next_member else _header(headers, paging)
    if value is None:
        return NextPage(flaw=f"the member {paging.next_member} is neither a link nor a cursor")
    if value.lower() in members.NO_NEXT_PAGE:
        return NO_NEXT_PAGE
    if not _TEXT.fullmatch(value):
        return NextPage(flaw="the link or cursor to the next page is not readable text")
    if paging.style == "link":
        return _link(value, url)
    if _URL.match(value) or (not paging.next_member and paging.next_header.lower() == "link"):
        return _cursor(value, paging.cursor_param)
    return NextPage(cursor=value)


def setting_to_follow(headers: Mapping[str, str], body: bytes, paging: Paging) -> str:
    """The settings to follow a next page that an answer names and this style does not follow; "" for none."""
    is_chain = paging.style in ("link", "cursor")
    if is_chain and paging.next_member and members.is_there(body, paging.next_member):
        return ""
    path = members.next_page(body)
    if path and path != paging.next_member:
        return f"paging: {{style: link or cursor, next_member: {path}}}"
    if is_chain and not paging.next_member:
        return ""
    values = [value for name, value in headers.items() if name.lower() == "link"]
    is_named = any(relation == "next" for relation, _ in links(values))
    return "paging: {style: link}" if is_named else ""


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
    return NextPage(flaw=f"the link to the next page has no parameter {name!r}: see paging.cursor_param")


class LinkStrategy(SizedStrategy):
    """Pages that lead to one another, by link or cursor, until one has no next; nothing is followed twice.

    A page that fails takes the rest of the list with it. The end is doubted where a server may leave out its
    links, lead in a circle, to another origin, or on for ever.
    """

    def __init__(self, paging: Paging, size: int) -> None:
        super().__init__(paging, size)
        self._next: PageRequest | None = PageRequest(0, size)
        self._followed: set[NextPage] = set()
        self._new = self._first = 0  # different records, and those of the first page
        self._stale = 0  # pages in a row without new records
        self._has_links = False  # whether any page had a next
        self._doubt = ""

    @property
    def position_name(self) -> str:
        """The links."""
        return "its own links"

    def write(self, request: PageRequest) -> Parameters:
        """The link, once there is one."""
        if request.next_page.link:
            return Parameters(link=request.next_page.link)
        return self.named(request, "", "")

    def next_request(self, total: int | None, in_flight: int) -> PageRequest | None:
        """The page that the one before leads to."""
        request, self._next = self._next, None
        return request

    def on_page(self, request: PageRequest, received: Received) -> None:
        """Follows the next page, unless that is doubtful."""
        if not request.position:
            self._first = received.items
        self._new += received.new
        self._stale = 0 if received.new else self._stale + 1
        self._doubt = self._doubt_after(request, received)
        self._has_links = self._has_links or received.next_page != NO_NEXT_PAGE
        if received.next_page in (NO_NEXT_PAGE, request.next_page) or self._doubt:
            return
        self._followed.add(received.next_page)
        self._next = PageRequest(request.position + 1, self._size, next_page=received.next_page)

    def _doubt_after(self, request: PageRequest, received: Received) -> str:
        next_page = received.next_page
        if next_page == NO_NEXT_PAGE:
            return self._doubt_without_next(request, received)
        if next_page == request.next_page and not received.items:
            return ""  # some servers repeat the last cursor at the end, to be polled with it later
        if next_page in self._followed:
            return "the pages lead in a circle: the last one back to one that was read before"
        if self._stale >= (_REPEATED if received.items else _EMPTY):
            return f"{self._stale} pages in a row brought nothing new, and each leads on to another"
        return next_page.flaw

    def _doubt_without_next(self, request: PageRequest, received: Received) -> str:
        if received.status == NOT_FOUND:
            return "the API led on to a page and then answered 404 to it"
        if not request.position and received.items >= self._size:
            return "the first page is full, but it has neither a link or cursor to the next page nor a total"
        return ""

    def on_failure(self, request: PageRequest, total: int | None) -> int:
        """Nothing behind it can be requested: estimates what is missing from the total, or one page."""
        return self._size if total is None else max(0, total - self._new)

    def doubt(self, total: int | None) -> str:
        """What is wrong with the last page, unless a credible total was reached."""
        if total is None:
            return self._doubt
        is_credible = not self._has_links or not is_total_doubtful(total, self._new, self._first, self._size)
        return "" if self._new >= total and is_credible else self._doubt


class CursorStrategy(LinkStrategy):
    """Like links, with a parameter that each page gives for the next one."""

    @property
    def position_name(self) -> str:
        """The parameter."""
        return self.paging.cursor_param

    def write(self, request: PageRequest) -> Parameters:
        """The cursor, once there is one."""
        name = self.paging.cursor_param if request.next_page.cursor else ""
        return self.named(request, name, request.next_page.cursor)


_FIRST = re.compile(r"\s*[A-Za-z]*\s*([0-9]{1,15})\s*-\s*[0-9]{1,15}\s*(?:/|$)", re.ASCII)
_RANGE = re.compile(r"items=([0-9]{1,15})-", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,15}", re.ASCII)


class RangeStrategy(OffsetStrategy):
    """Positions in records, in the header Range (RFC 9110, section 14.2; the unit `items` as in TMF630).

    Some servers keep a cursor behind the ETag of the first part: later parts name it in If-Match, one after
    the other. Others refuse that, and are asked without it. Where both are refused the cursor is gone.
    """

    def __init__(self, paging: Paging, size: int) -> None:
        super().__init__(paging, size)
        self._etag = ""
        self._is_refused = False  # whether a part was, and is requested without If-Match now
        self._is_cut_off = False

    @property
    def is_sized(self) -> bool:
        """A range always has an end."""
        return True

    @property
    def position_name(self) -> str:
        """The header."""
        return "the Range header"

    @property
    def is_cut_off(self) -> bool:
        """Whether the cursor is gone."""
        return self._is_cut_off

    def write(self, request: PageRequest) -> Parameters:
        """The first and the last record, and the ETag of the first part."""
        first = self.paging.start + request.position
        headers = {"Range": f"items={first}-{first + request.limit - 1}"}
        if self._etag and request.position:
            headers["If-Match"] = self._etag
        return Parameters(headers=headers)

    def next_request(self, total: int | None, in_flight: int) -> PageRequest | None:
        """As for an offset; with a cursor one after the other."""
        is_alone = bool(self._etag) or self._is_refused
        return None if is_alone and in_flight else super().next_request(total, in_flight)

    def on_precondition_failed(self, request: PageRequest) -> bool:
        """Requests the part once more without If-Match."""
        if not self._etag:
            return False
        self._etag, self._is_refused = "", True
        self._gaps.append(request)
        return True

    def on_page(self, request: PageRequest, received: Received) -> None:
        """Remembers the ETag of the first part."""
        if not request.position and request.role == "page" and not request.gap:
            self._etag = received.etag if _ETAG.fullmatch(received.etag) else ""
        self._is_cut_off = self._is_cut_off or (self._is_refused and not received.items)
        self._is_refused = False
        super().on_page(request, received)


class Misplaced(msgspec.Struct, frozen=True):
    """A page at another position than was requested; `reason` says so at the end of a sentence.

    `is_first_page` says that it claims to be the first page, as every page does where an API ignores
    positions.
    """

    reason: str
    is_first_page: bool


class _Claim(msgspec.Struct, frozen=True):
    """The position in one header, the one that was requested, and the one of the first page, in one unit.

    `is_exact` says that the three can be compared as they are: header and query count from the same number.
    """

    header: str
    reason: str
    claimed: int
    requested: int
    first: int
    is_exact: bool = False


class PagePositions:
    """The positions of the pages of one list.

    Headers that count from 1 where the query counts from 0, or the other way round, are understood by the
    first page. `are_obeyed` says that a page behind the first named the position that was requested.
    """

    def __init__(self) -> None:
        self._shifts: dict[str, int] = {}
        self.are_obeyed = False

    def misplaced(self, query: Query, headers: Mapping[str, str]) -> Misplaced | None:
        """What is wrong with the position of the answer to `query`; None for nothing.

        One header with the right position is enough. A position behind the announced end cannot be wrong:
        some servers answer with the last page.
        """
        if query.role not in ("page", "part"):
            return None
        claims = list(_claims(query, headers))
        right = [claim for claim in claims if self._is_right(claim)]
        self.are_obeyed = self.are_obeyed or any(claim.requested > claim.first for claim in right)
        if right or not claims or _is_behind_the_end(query, headers):
            return None
        return Misplaced(claims[0].reason, all(self._is_first_page(claim) for claim in claims))

    def _is_right(self, claim: _Claim) -> bool:
        distance = claim.claimed - claim.requested
        if not claim.is_exact and abs(distance) <= 1:
            self._shifts.setdefault(claim.header, distance)
        return distance == self._shift(claim)

    def _shift(self, claim: _Claim) -> int:
        return 0 if claim.is_exact else self._shifts.get(claim.header, 0)

    def _is_first_page(self, claim: _Claim) -> bool:
        return claim.claimed <= claim.first + self._shift(claim)


def _claims(query: Query, headers: Mapping[str, str]) -> Iterator[_Claim]:
    paging = query.paging
    param = paging.position_param
    first = paging.start if paging.style in ("page", "offset") else 0
    requested = _requested(query)
    claimed = _position_of_self(headers, param)
    if requested is not None and claimed is not None:
        reason = f"its Link names {param}={claimed}, and {requested} was asked for"
        yield _Claim("Link", reason, claimed, requested, first)
    content_range = _FIRST.match(headers.get("Content-Range", ""))
    if content_range is None:
        return
    claimed = int(content_range[1])
    ranged = _RANGE.match(dict(query.headers).get("Range", ""))
    reason = f"its Content-Range begins at {claimed}, and {ranged[1] if ranged else requested} was asked for"
    if paging.style == "range" and ranged:
        yield _Claim("Content-Range", reason, claimed, int(ranged[1]), paging.start)
    elif paging.style == "offset" and requested is not None:
        yield _Claim("Content-Range", reason, claimed, requested, first)
    elif paging.style == "page" and requested is not None:
        # the server decides how long a page is: known is only which page begins the list
        reason = f"its Content-Range begins at {claimed}, and {param}={requested} was asked for"
        least = 1 if query.page_size > 1 or requested == first else 0  # positions may count from 0 or 1
        is_behind = (int(claimed > least), int(requested > first))
        yield _Claim("Content-Range", reason, *is_behind, 0, is_exact=True)


def _requested(query: Query) -> int | None:
    params = dict(query.params) or dict(parse_qsl(urlsplit(query.url).query))
    return _number(params.get(query.paging.position_param, ""))


def _position_of_self(headers: Mapping[str, str], param: str) -> int | None:
    """The parameter in the link of the page itself."""
    values = [value for name, value in headers.items() if name.lower() == "link"]
    target = next((target for relation, target in links(values) if relation == "self"), "")
    try:
        return _number(parse_qs(urlsplit(target).query).get(param, [""])[0])
    except ValueError:  # no URL
        return None


def _is_behind_the_end(query: Query, headers: Mapping[str, str]) -> bool:
    paging = query.paging
    total = response.total_count(headers, paging.total_header)
    ranged = _RANGE.match(dict(query.headers).get("Range", ""))
    requested = int(ranged[1]) - paging.start if ranged else _requested(query)
    if total is None or requested is None:
        return False
    if paging.style == "page":
        return (requested - paging.start) * query.page_size >= total
    return (requested - paging.start if paging.style == "offset" else requested) >= total


def _number(value: str) -> int | None:
    return int(value) if _NUMBER.fullmatch(value) else None
