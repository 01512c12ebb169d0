"""Whether an answer is another page than the one that was requested, by its own headers.

A server or proxy that mixes up answers may send a valid page to the wrong request, and the records of the
right one would be missing. Two headers name the position of a page: a Link with the relation `self` (RFC
8288, section 3.3) and Content-Range (RFC 9110, section 14.4; with the unit `items` as in TMF630). Pure.
Invariant: an answer without a position, or without one that can be compared, is not misplaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qs, parse_qsl, urlsplit

import msgspec

from exporter.client.response import total_count
from exporter.paging.next_link import links
from exporter.paging.pagination import Query

_FIRST = re.compile(r"\s*[A-Za-z]*\s*([0-9]{1,15})\s*-\s*[0-9]{1,15}\s*(?:/|$)", re.ASCII)
_RANGE = re.compile(r"items=([0-9]{1,15})-", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,15}", re.ASCII)


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
    first = paging.first if paging.style == "page" else 0
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
        yield _Claim("Content-Range", reason, claimed, int(ranged[1]), paging.first)
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
    total = total_count(headers, paging.total_header)
    ranged = _RANGE.match(dict(query.headers).get("Range", ""))
    requested = int(ranged[1]) - paging.first if ranged else _requested(query)
    if total is None or requested is None:
        return False
    if paging.style == "page":
        return (requested - paging.first) * query.page_size >= total
    return requested >= total


def _number(value: str) -> int | None:
    return int(value) if _NUMBER.fullmatch(value) else None
