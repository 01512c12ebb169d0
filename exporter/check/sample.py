"""Fetches what `check` explains: two pages of each query, and what shows more where something is odd.

Pages are requested as a crawl requests them, so a list that ends within them is judged as by a crawl.
"""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from urllib.parse import quote

import msgspec

from exporter import errors, settings
from exporter.client import PAGING, Client, Page, Params
from exporter.inventory import decode, record_reader
from exporter.inventory.dialects import Paging
from exporter.inventory.filters import Filters, FilterTerm
from exporter.inventory.snapshot import StoredRecord
from exporter.paging import fetch, pagination, results
from exporter.paging.results import PageResult
from exporter.paging.strategies import PageRequest, Query
from exporter.telemetry import Telemetry

_PAGES = 2  # with new records; a crawl may need further ones to judge their end
_FAILED_PARTS = 12  # parts of failed pages that fail before the rest is left
_FAILURES = 4  # pages that fail before the rest is left
_CAPS = results.Caps(pages=50, records=10**9)
_KEY = os.urandom(16)
_FURTHER = results.ListResult(
    complete=False, expected=None, received=0, unread_pages=0, unread_records=0, pages=0, reason=""
)
"""The result of a list that goes on after the pages that were read."""


class Answer(msgspec.Struct, frozen=True):
    """One request of `check`, and its page or its error; `page` may turn out to be no list."""

    url: str
    params: Params
    headers: Mapping[str, str]
    page: Page | None = None
    error: errors.SourceError | None = None


class ListeningClient(Client):
    """A client that remembers its answers, in the order of arrival."""

    def __init__(self, name: str, http: settings.Api, limits: settings.Limits, telemetry: Telemetry) -> None:
        super().__init__(name, http, limits, telemetry)
        self.answers: list[Answer] = []

    async def get(
        self,
        url: str,
        params: Sequence[tuple[str, str]],
        headers: Mapping[str, str] = {},
        retries: int | None = None,
        paging: Paging = PAGING,
    ) -> Page:
        """The page, as `Client.get`."""
        asked = Answer(url, tuple(params), headers)
        try:
            page = await super().get(url, params, headers, retries, paging)
        except errors.SourceError as error:
            self.answers.append(msgspec.structs.replace(asked, error=error))
            raise
        self.answers.append(msgspec.structs.replace(asked, page=page))
        return page


class Read(msgspec.Struct, frozen=True):
    """The first pages of one query.

    `problem` says why the list is not complete, if it `ended` within these pages. `new` counts the records of
    each page that no page before it had, and `is_last_empty` says that the last one has none. `failed` are
    the errors of pages. `page_size` is the one that the API accepted; `are_parts` says that no page was
    listed, but only parts of pages that failed. `ignored` are the conditions that the API ignores, of those
    that were in doubt; `warning` says that the list is the same whatever position is requested, if that was
    tried. `total_of_none` is the total that it announced with an empty list, for a value
    that no record has.
    """

    query: Mapping[str, str]
    pages: tuple[Page, ...]
    new: tuple[int, ...]
    ended: bool
    problem: str
    failed: tuple[str, ...] = ()
    page_size: int = 0
    are_parts: bool = False
    is_last_empty: bool = False
    ignored: tuple[FilterTerm, ...] = ()
    total_of_none: int = 0
    warning: str = ""

    @property
    def is_ended_by_position(self) -> bool:
        """Whether the list ended with an empty page behind others, which shows that positions are obeyed."""
        return self.ended and len(self.pages) > 1 and self.is_last_empty


class Sample(msgspec.Struct, frozen=True):
    """What was fetched of a collection.

    `bare` is the first page without any query; None if a query of the collection is empty, or if it is
    refused. `zero` is page 0 of a list that is configured to begin with page 1. `place` is the path of the
    list in the answers, "" to find it.
    """

    reads: tuple[Read, ...]
    bare: Page | None = None
    zero: Page | None = None
    place: str = ""

    @property
    def pages(self) -> list[Page]:
        """All pages of all queries."""
        return [page for read in self.reads for page in read.pages]

    @property
    def has_records(self) -> bool:
        """Whether any page has elements."""
        return any(raws_of(page, self.place) for page in self.pages)


async def fetch_sample(target: settings.Target, client: Client) -> Sample:
    """Fetches a sample; raises `SourceError` if the beginning of a list cannot be read."""
    reads = [await _to_end(target, client, await _read(target, client, query)) for query in target.queries]
    bare = await _first_page(target, client, {}) if all(target.queries) else None
    zero = None
    if target.paging.style == "page" and target.paging.start and reads[0].pages:
        from_zero = msgspec.structs.replace(target.paging, first=0)
        zero = await _first_page(dataclasses.replace(target, paging=from_zero), client, target.queries[0])
    tried = [await _tried(target, client, read, bare) for read in reads]
    return Sample(tuple(tried), bare, zero, target.paging.records)


async def _read(target: settings.Target, client: Client, query: Mapping[str, str]) -> Read:
    pages: list[Page] = []
    new: list[int] = []
    failed: list[str] = []
    sizes: list[int] = []
    roles: set[str] = set()
    known: set[str] = set()

    async def decode_page(page: Page, query: Query) -> fetch.Store:
        try:
            found = idents(page, target)
        except errors.Malformed as error:
            raise client.unreadable(page.url, error) from error
        fresh = len(set(found) - known)
        if query.role in ("page", "part"):
            known.update(found)
            pages.append(page)
            new.append(fresh)
            sizes.append(query.page_size)
            roles.add(query.role)
        return partial(fetch.page_result, page, query, items=len(found), new=fresh)

    queries = pagination.paginate(
        target.paging, target.page_size, query, width=1, caps=_CAPS, unit="unknown", names="unknown"
    )
    result = await fetch.read_list(
        client, target.url, _beginning(queries, failed), decode_page, deadline=None
    )
    size = sizes[-1] if sizes else target.page_size
    ended = result.pages > 0 or bool(result.reason)
    return Read(
        query,
        tuple(pages),
        tuple(new),
        ended,
        result.reason,
        tuple(failed),
        size,
        roles == {"part"},
        bool(pages) and not raws_of(pages[-1], target.paging.records),
        warning=result.position_warning,
    )


async def _to_end(target: settings.Target, client: Client, read: Read) -> Read:
    """The read, with the page at the end of the announced list where that lists nothing."""
    paging, size = target.paging, read.page_size
    total = fetch.total(read.pages[0], paging) if read.pages and not read.ended else None
    length = len(raws_of(read.pages[0], paging.records)) if total else 0
    if not total or not length or paging.style not in ("offset", "page") or not paging.position_param:
        return read
    position = total - 1 if paging.style == "offset" else (total - 1) // length
    written = pagination.STYLES[paging.style](paging, size).write(PageRequest(position, size)).params
    try:
        page = await client.get(target.url, tuple({**read.query, **written}.items()), {}, 0, paging)
        if raws_of(page, paging.records):
            return read
    except errors.SourceError:
        return read  # such as a window, behind which no list is read
    where = f"{paging.position_param}={written[paging.position_param]}"
    return msgspec.structs.replace(
        read,
        pages=(*read.pages, page),
        new=(*read.new, 0),
        ended=True,
        problem=f"the API announces {total} records, and lists none at {where}",
        is_last_empty=True,
    )


def _beginning(queries: pagination.Pagination, failed: list[str]) -> pagination.Pagination:
    """The list until two pages had new records, or too many failed; adds errors of pages to `failed`."""
    count = parts = 0

    def is_enough(seen: PageResult) -> bool:
        nonlocal count, parts
        count += seen.new > 0 or (seen.query.first and seen.items > 0)
        if seen.unread and seen.query.role == "page":
            failed.append(seen.error)
        parts += seen.unread and seen.query.role == "part"
        return count >= _PAGES or len(failed) >= _FAILURES or parts >= _FAILED_PARTS

    return _until(queries, is_enough)


def _until(queries: pagination.Pagination, is_enough: Callable[[PageResult], bool]) -> pagination.Pagination:
    """The list, up to the page that is enough."""
    due, received, is_ended = next(queries), 0, False
    while not is_ended:
        seen = yield due
        received, is_ended = received + seen.items, is_enough(seen)
        try:
            due = queries.send(seen)
        except StopIteration as stop:
            ending: results.ListResult = stop.value
            return ending
    queries.close()
    return msgspec.structs.replace(_FURTHER, received=received)


def raws_of(page: Page, place: str) -> list[msgspec.Raw]:
    """The raw records of a page; `place` is the path of the list, "" to find it. Raises `Malformed`."""
    return decode.split(page.body, place)


def idents(page: Page, target: settings.Target) -> list[str]:
    """The ids of the records of a page, or digests of those that have none."""
    batch: decode.Batch[StoredRecord] = decode.page(
        page.body, record_reader.Reader(target.mapping), {}, _KEY, records=target.paging.records
    )
    ids = {one.digest: one.id for one in batch.fresh}
    marks = (decode.digest(raw, _KEY) for raw in raws_of(page, target.paging.records))
    return [ids.get(mark, str(mark)) for mark in marks]


async def _first_page(target: settings.Target, client: Client, query: Mapping[str, str]) -> Page | None:
    try:
        page = await fetch.first_page(client, target, query)
        raws_of(page, target.paging.records)
    except errors.SourceError:
        return None  # some APIs list nothing without a query, or have no page 0
    return page


async def second_page(target: settings.Target, client: Client) -> Page:
    """The second page of the first query, if pages are as long as requested; raises `SourceError`."""
    queries = pagination.paginate(target.paging, target.page_size, target.queries[0], width=1, caps=_CAPS)
    (first,) = next(queries)
    size = target.page_size
    (query,) = queries.send(PageResult(first, size, size, total=10**8))
    page = await client.get(query.url or target.url, query.params, dict(query.headers), 0)
    raws_of(page, target.paging.records)
    return page


async def _tried(target: settings.Target, client: Client, read: Read, bare: Page | None) -> Read:
    """The read with the conditions that the API ignores, tried where its answer gives a reason to doubt."""
    raws = [raw for page in read.pages for raw in raws_of(page, target.paging.records)]
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
        if raws_of(page, target.paging.records):
            ignored.append(condition)
        else:
            totals.append(fetch.total(page, target.paging) or 0)
    return msgspec.structs.replace(read, ignored=tuple(ignored), total_of_none=max(totals))


def _is_alike(bare: Page, page: Page, target: settings.Target) -> bool:
    """Whether a query seems to make no difference: the same records, or the same total."""
    total = fetch.total(page, target.paging)
    same_total = total is not None and total == fetch.total(bare, target.paging)
    return same_total or idents(bare, target) == idents(page, target)


async def find_record(target: settings.Target, client: Client, ident: str) -> msgspec.Raw | None:
    """The record with an id or a name; None if the list has none. Raises `SourceError`.

    It is requested by its id, as TMF630 has it; if that is no success, it is searched for in the whole list.
    """
    reader = record_reader.Reader(target.mapping)
    try:
        page = await client.get(f"{target.url}/{quote(ident, safe='')}", (), retries=0)
        raws = raws_of(page, target.paging.records)
        if len(raws) == 1 and _is_record(raws[0], ident, reader):
            return raws[0]
    except errors.SourceError:
        pass  # not every API has a URL for each record
    found: list[msgspec.Raw] = []

    async def search(page: Page, query: Query) -> fetch.Store:
        raws = raws_of(page, target.paging.records)
        found.extend(raw for raw in raws if _is_record(raw, ident, reader))
        return partial(fetch.page_result, page, query, items=len(raws), new=len(raws))

    caps = results.Caps(pages=100_000, records=10**9)
    for query in target.queries:
        queries = pagination.paginate(target.paging, target.page_size, query, width=4, caps=caps)
        sought = _until(queries, lambda _: bool(found))
        await fetch.read_list(client, target.url, sought, search, deadline=None)
        if found:
            return found[0]
    return None


def _is_record(raw: msgspec.Raw, ident: str, reader: record_reader.Reader) -> bool:
    """Whether a record has this id, or a value of its own that is equal."""
    value = decode.json_of(raw)
    if not isinstance(value, dict):
        return False
    read = reader.read(value, Counter())
    members = [one for key in ("id", "uuid", "externalId", "name") if (one := value.get(key)) is not None]
    return (read is not None and read.record.id == ident) or ident in map(str, members)
