"""Fetches what `check` explains: the first two pages of each query, and what there is without the query.

Pages are requested as a crawl requests them, so a list that ends within them is judged as by a crawl.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial

import msgspec

from exporter import errors, settings
from exporter.client import Client, Page
from exporter.inventory import decode, record_reader
from exporter.inventory.dialects.vendors import DIALECTS
from exporter.inventory.filters import Condition, Filters
from exporter.inventory.snapshot import StoredRecord
from exporter.paging import fetch, pagination
from exporter.paging.strategies import Query

_PAGES = 2  # with records; the crawl may need further ones to judge their end
_CAPS = pagination.Caps(pages=10, records=10**9)
_KEY = os.urandom(16)
_FURTHER = pagination.ListResult(
    complete=False, expected=None, received=0, unread_pages=0, unread_records=0, pages=0, reason=""
)
"""The result of a list that goes on after the pages that were read."""


class Read(msgspec.Struct, frozen=True):
    """The first pages of one query.

    `problem` says why the list is not complete, where it ended within these pages, and `ended` that it did.
    `fresh` counts the records of each page that no page before it had. `ignored` are the conditions that the
    API turned out to ignore, of those that were in doubt; `total_of_none` is the total that it announced
    beside an empty list, with a value that no record has.
    """

    query: Mapping[str, str]
    pages: tuple[Page, ...]
    fresh: tuple[int, ...]
    ended: bool
    problem: str
    ignored: tuple[Condition, ...] = ()
    total_of_none: int = 0


class Sample(msgspec.Struct, frozen=True):
    """What was fetched of a collection.

    `bare` is the first page without any query; None where that was not asked for, or is refused. `others` are
    first pages by the name of the dialect in which they were asked for; only where nothing was found at all.
    """

    reads: tuple[Read, ...]
    bare: Page | None = None
    others: Mapping[str, Page] = {}


async def fetch_sample(target: settings.Target, client: Client) -> Sample:
    """Fetches a sample; raises `SourceError` where the beginning of a list cannot be read."""
    reads = [await _read(target, client, query) for query in target.queries]
    bare = await _bare(target, client) if all(target.queries) else None
    reads = [await _tried(target, client, read, bare) for read in reads]
    found = any(decode.split(page.body) for read in reads for page in read.pages)
    is_empty = not found and not (bare and decode.split(bare.body))
    return Sample(tuple(reads), bare, await _in_other_dialects(target, client) if is_empty else {})


async def fetch_otherwise(target: settings.Target, client: Client) -> Sample:
    """What there is of a list that cannot be read as configured: without query, in other dialects."""
    bare = await _bare(target, client) if all(target.queries) else None
    found = bare is not None and decode.split(bare.body)
    return Sample((), bare, {} if found else await _in_other_dialects(target, client))


async def _read(target: settings.Target, client: Client, query: Mapping[str, str]) -> Read:
    pages: list[Page] = []
    fresh: list[int] = []
    known: set[str] = set()

    async def take(page: Page, query: Query) -> fetch.Store:
        try:
            found = idents(page, target)
        except errors.Malformed as error:
            raise client.unreadable(page.url, error) from error
        new = len(set(found) - known)
        known.update(found)
        pages.append(page)
        fresh.append(new)
        return partial(fetch.page_result, page, query, items=len(found), new=new)

    beginning = _beginning(pagination.paginate(target.paging, target.page_size, query, width=1, caps=_CAPS))
    ending = await fetch.read_list(client, target.url, beginning, take, deadline=None)
    return Read(query, tuple(pages), tuple(fresh), ending is not _FURTHER, ending.reason)


def _beginning(queries: pagination.Pagination) -> pagination.Pagination:
    """The list until two pages had records."""
    due, count = next(queries), 0
    while count < _PAGES:
        seen = yield due
        count += seen.items > 0
        try:
            due = queries.send(seen)
        except StopIteration as stop:
            ending: pagination.ListResult = stop.value
            return ending
    queries.close()
    return _FURTHER


def idents(page: Page, target: settings.Target) -> list[str]:
    """The ids of the records of a page, or digests of those that have none."""
    batch: decode.Batch[StoredRecord] = decode.page(page.body, record_reader.Reader(target.mapping), {}, _KEY)
    fresh = {one.digest: one.id for one in batch.fresh}
    marks = (decode.digest(raw, _KEY) for raw in decode.split(page.body))
    return [fresh.get(mark, str(mark)) for mark in marks]


async def _bare(target: settings.Target, client: Client) -> Page | None:
    try:
        page = await fetch.first_page(client, target, {})
        decode.split(page.body)
    except errors.SourceError:
        return None  # some APIs list nothing without a query
    return page


async def _tried(target: settings.Target, client: Client, read: Read, bare: Page | None) -> Read:
    """The read with the conditions that the API ignores, tried where its answer gives a reason to doubt."""
    raws = [raw for page in read.pages for raw in decode.split(page.body)]
    filters = Filters([read.query])
    if not raws or not filters.queries[0]:
        return read
    doubted = {filters.contradicted(raw, ("", "")) for raw in raws}
    if bare is not None and _is_alike(bare, read.pages[0], target):
        doubted.update(filters.queries[0])
    ignored, totals = [], [0]
    for condition in (one for one in filters.queries[0] if one in doubted):
        page = await fetch.unmatched(client, target, read.query, condition)
        if isinstance(page, errors.SourceError):
            continue
        if decode.split(page.body):
            ignored.append(condition)
        else:
            totals.append(fetch.total(page, target.paging) or 0)
    return msgspec.structs.replace(read, ignored=tuple(ignored), total_of_none=max(totals))


def _is_alike(bare: Page, page: Page, target: settings.Target) -> bool:
    """Whether a query seems to make no difference: the same records, or the same total."""
    total = fetch.total(page, target.paging)
    same_total = total is not None and total == fetch.total(bare, target.paging)
    return same_total or idents(bare, target) == idents(page, target)


async def _in_other_dialects(target: settings.Target, client: Client) -> Mapping[str, Page]:
    """First pages that have records, asked for as other dialects ask for this collection."""
    asked: list[tuple[object, ...]] = []
    found: dict[str, Page] = {}
    for name, spoken in DIALECTS.items():
        query = spoken.collections[target.collection].query or {}
        if name == target.dialect.name or (spoken.paging, query) in asked:
            continue
        asked.append((spoken.paging, query))
        try:
            page = await _first_page_of(target, client, name, query)
        except errors.SourceError:
            continue
        if page is not None:
            found[name] = page
    return found


async def _first_page_of(
    target: settings.Target, client: Client, name: str, query: Mapping[str, str]
) -> Page | None:
    spoken = DIALECTS[name]
    first, *_ = next(pagination.paginate(spoken.paging, spoken.page_size, query, width=1, caps=_CAPS))
    page = await client.get(target.url, first.params, dict(first.headers), 0)
    return page if decode.split(page.body) else None


def pages(reads: Sequence[Read]) -> list[Page]:
    """The first page of each query."""
    return [read.pages[0] for read in reads if read.pages]


def further(reads: Sequence[Read]) -> list[Page]:
    """All pages behind the first ones."""
    return [page for read in reads for page in read.pages[1:]]
