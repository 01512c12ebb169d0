"""What a query for a page brought, and what a whole list came to. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from exporter.paging.strategies import NO_NEXT_PAGE, NextPage, Query


class PageResult(msgspec.Struct, frozen=True):
    """What a query brought.

    `items` counts the records of the page, `new` those with an id that did not come before, or without
    an id; `is_mixed` says that none is new, though no page before had just these records. `total` is
    announced by the answer's headers, None for none; `bad_total` is one that is no number of records, as it
    was written. `non_records` counts elements that are no objects. `misplaced` says where a page with new
    records claims to be the beginning of the list although another was requested.
    `unfollowed` are the settings to follow the next page that a first page names, `missing` says which
    members that the settings name are not in it.

    `unread` says that the page could not be read after all retries, and `cause` why: a status or a word, as
    in `DIVISIBLE`. `error` says so in words, also where the answer says that the position does not exist. A
    first page with a status of `TOO_MUCH` is requested again in half the size; after one with a cause of
    `DIVISIBLE` a probe is sent, and if that is answered, the pages behind it are read. Else the list ends.
    """

    query: Query
    items: int
    new: int
    total: int | None
    status: int = 200
    unread: bool = False
    error: str = ""
    next_page: NextPage = NO_NEXT_PAGE
    cause: str = ""
    bad_total: str = ""
    misplaced: str = ""
    non_records: int = 0
    etag: str = ""
    unfollowed: str = ""
    is_mixed: bool = False
    missing: tuple[str, ...] = ()


class Caps(msgspec.Struct, frozen=True):
    """Where even an endless list ends: queries sent, records received, and `failures` of pages in a row.

    The page that exceeds `records` is stored whole, since it has been read.
    """

    pages: int
    records: int
    failures: int = 10


class ListResult(msgspec.Struct, frozen=True):
    """Whether a list is complete, and what was read of it.

    `expected` is the announced total (the larger one of the first and the last query), None for none, and
    `spread` the difference between the two; `received` counts different records, `items` those that came more
    than once several times, without repeated first pages. `unread_pages` could not be read, or not wholly,
    and about `unread_records` are missing for that, `bad_rows` included: position from 0, and cause. `pages`
    of `page_size` were read, `absent_pages` answered 404, which counts as the end. `non_records` counts
    elements that are no objects. `reason` says in a sentence why the list is not complete; `is_short_only`
    that the only reason is that fewer different records came than were announced. `given_up` is the error of
    the last of many pages in a row that failed, where the list was left for that; "" for none.
    `is_cut_off` says that the list must be read from its beginning, since its cursor is gone. `warnings` say
    what may be wrong with a list that looks complete, and `position_warning` that it lists the same whatever
    position is requested, if that was tried.
    """

    complete: bool
    expected: int | None
    received: int
    unread_pages: int
    unread_records: int
    pages: int
    reason: str
    items: int = 0
    is_short_only: bool = False
    bad_rows: Mapping[int, str] = {}
    absent_pages: int = 0
    spread: int = 0
    non_records: int = 0
    page_size: int = 0
    given_up: str = ""
    is_cut_off: bool = False
    warnings: tuple[str, ...] = ()
    position_warning: str = ""
