"""What an API may make of a request, and of a page that it has, so that what it says is not so. Pure.

Each lie was seen in a real API. How a server lies about the whole of its list, by what it lists twice or
copies late, is `server`'s. Invariant: a lie about a page that has nothing to lie about leaves it as it is.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, MutableMapping

Page = list[object]
Query = Mapping[str, str]

STRAYS: tuple[object, ...] = ("", None, 7, "text", [], False)
FURTHER = 2  # records that a total counts besides those that were asked for


def without_filter(query: Query) -> Query:
    """The type that is asked for is not looked at."""
    return {key: value for key, value in query.items() if key != "@type"}


def positions_are_pages(query: Query) -> Query:
    """A position in records is taken for the number of a page."""
    if "offset" not in query:
        return query
    return {**query, "offset": str(int(query["offset"]) * int(query.get("limit", "20")))}


MISREADING: Mapping[str, Callable[[Query], Query]] = {
    "filter ignored": without_filter,
    "positions are pages": positions_are_pages,
}


def error_beside(page: Page, draw: random.Random) -> object:
    """The records until an error, and the error."""
    until = page[: draw.randrange(len(page) + 1)]
    return draw.choice(
        (
            {"result": until, "error": {"message": "Transaction cancelled"}, "status": "failure"},
            {"data": until, "errors": [{"code": 503}], "meta": {}},
            {"items": until, "success": False},
            {"records": until, "meta": {"status": "error"}},
        )
    )


def error_with_id(page: Page, draw: random.Random) -> object:
    """One object that has an id and is no record."""
    return draw.choice(
        (
            {"id": "internal_error", "code": "E500", "message": "out of order"},
            {"id": "b7a1", "services": page} if page else {"id": "b7a1", "fault": {"code": "E500"}},
        )
    )


def stray_instead(page: Page, draw: random.Random) -> object:
    """Something that is no record, in the place of one."""
    place = draw.randrange(len(page) or 1)
    return [*page[:place], draw.choice(STRAYS), *page[place + 1 :]] if page else page


def stray_besides(page: Page, draw: random.Random) -> object:
    """Something that is no record, besides all that were asked for."""
    place = draw.randrange(len(page) or 1)
    return [*page[:place], draw.choice(STRAYS), *page[place:]] if page else page


TWISTS: Mapping[str, Callable[[Page, random.Random], object]] = {
    "error beside a list": error_beside,
    "error with an id": error_with_id,
    "stray in a record's place": stray_instead,
    "stray besides": stray_besides,
}


def total_of_all(headers: MutableMapping[str, str]) -> None:
    """The total, where there is one, counts the whole table."""
    if "X-Total-Count" in headers:
        headers["X-Total-Count"] = str(int(headers["X-Total-Count"]) + FURTHER)
