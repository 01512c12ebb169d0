"""Whether an answer says of itself that it is another page than the one that was asked for.

A server or proxy that mixes up answers may send a good page to the wrong request, and the records of the
right one would be missing. Two headers name the place of a page: a Link with the relation `self` (RFC 8288,
section 3.3) and Content-Range (RFC 9110, section 14.4; with the unit `items` as in TMF630). Pure. Invariant:
an answer that says nothing of its place, or nothing that can be compared, is not misplaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qs, parse_qsl, urlsplit

import msgspec

from exporter.client.response_headers import total_count
from exporter.paging.next_link import links
from exporter.paging.pagination import Query

_FIRST = re.compile(r"\s*[A-Za-z]*\s*([0-9]{1,15})\s*-\s*[0-9]{1,15}\s*(?:/|$)", re.ASCII)
_RANGE = re.compile(r"items=([0-9]{1,15})-", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,15}", re.ASCII)


class Misplaced(msgspec.Struct, frozen=True):
    """A page at another place than was asked for; `words` say so at the end of a sentence.

    `is_beginning` says that the page claims to be the beginning of the list, as every page of an API that
    ignores positions does.
    """

    words: str
    is_beginning: bool


class _Claim(msgspec.Struct, frozen=True):
    """The place that one header names, the one that was asked for, and where the list begins, in one unit.

    `is_exact` says that the three can be compared as they are: header and query do not count differently.
    """

    header: str
    words: str
    claimed: int
    asked: int
    beginning: int
    is_exact: bool = False


class Places:
    """The places that the pages of one list name.

    Headers that count from 1 where the query counts from 0, or the other way round, are understood: the page
    that is heard first tells. `is_obeyed` says that a page behind the beginning named the place asked for.
    """

    def __init__(self) -> None:
        self._shifts: dict[str, int] = {}
        self.is_obeyed = False

    def wrong(self, query: Query, headers: Mapping[str, str]) -> Misplaced | None:
        """What is wrong with the place that the answer to `query` names; None for nothing.

        One header that names the right place is enough. A place behind the announced end cannot be wrong:
        some servers answer with the last page.
        """
        if query.role not in ("page", "part"):
            return None
        claims = list(_claims(query, headers))
        fitting = [claim for claim in claims if self._fits(claim)]
        self.is_obeyed = self.is_obeyed or any(claim.asked > claim.beginning for claim in fitting)
        if fitting or not claims or _is_behind_the_end(query, headers):
            return None
        return Misplaced(claims[0].words, all(self._is_beginning(claim) for claim in claims))

    def _fits(self, claim: _Claim) -> bool:
        distance = claim.claimed - claim.asked
        if not claim.is_exact and abs(distance) <= 1:
            self._shifts.setdefault(claim.header, distance)
        return distance == self._shift(claim)

    def _shift(self, claim: _Claim) -> int:
        return 0 if claim.is_exact else self._shifts.get(claim.header, 0)

    def _is_beginning(self, claim: _Claim) -> bool:
        return claim.claimed <= claim.beginning + self._shift(claim)


def _claims(query: Query, headers: Mapping[str, str]) -> Iterator[_Claim]:
    paging = query.paging
    param = paging.position_param
    beginning = paging.first if paging.style == "page" else 0
    asked = _asked(query)
    claimed = _of_self(headers, param)
    if asked is not None and claimed is not None:
        words = f"its Link names {param}={claimed}, and {asked} was asked for"
        yield _Claim("Link", words, claimed, asked, beginning)
    found = _FIRST.match(headers.get("Content-Range", ""))
    if found is None:
        return
    first = int(found[1])
    ranged = _RANGE.match(dict(query.headers).get("Range", ""))
    words = f"its Content-Range begins at {first}, and {ranged[1] if ranged else asked} was asked for"
    if paging.style == "range" and ranged:
        yield _Claim("Content-Range", words, first, int(ranged[1]), paging.first)
    elif paging.style == "offset" and asked is not None:
        yield _Claim("Content-Range", words, first, asked, beginning)
    elif paging.style == "page" and asked is not None:
        # how long a page is, is the server's to say: known is only which page begins the list
        words = f"its Content-Range begins at {first}, and {param}={asked} was asked for"
        least = 1 if query.page_size > 1 or asked == beginning else 0  # of two ways to count
        yield _Claim("Content-Range", words, int(first > least), int(asked > beginning), 0, is_exact=True)


def _asked(query: Query) -> int | None:
    params = dict(query.params) or dict(parse_qsl(urlsplit(query.url).query))
    return _number(params.get(query.paging.position_param, ""))


def _of_self(headers: Mapping[str, str], param: str) -> int | None:
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
    asked = int(ranged[1]) - paging.first if ranged else _asked(query)
    if total is None or asked is None:
        return False
    return (asked - paging.first) * query.page_size >= total if paging.style == "page" else asked >= total


def _number(written: str) -> int | None:
    return int(written) if _NUMBER.fullmatch(written) else None
