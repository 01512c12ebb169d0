"""Reads the lists of one collection: the pages of its queries in, a `Draft` of its records out.

Here `paging` and `inventory` meet. How a page is requested is `client`'s business and what it means
`inventory`'s; what to believe of the result is `crawl`'s. It owns the key of the digests and the
size of a page that the API accepts.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from hashlib import blake2b

import msgspec
import structlog

from exporter import __version__, errors, settings
from exporter import client as source
from exporter.inventory import decode, envelope, filters, members, record_reader, snapshot
from exporter.inventory.draft import Draft
from exporter.inventory.filters import Selection
from exporter.paging import fetch, pagination, results
from exporter.paging.strategies import Query
from exporter.precedence import Precedence

log = structlog.get_logger()

_THREAD_ABOVE = 262_144  # bytes: a larger page is decoded off the event loop
_KNOWN_ABOVE = 1_048_576  # the same where most records are known: a millisecond a page, 18 if none is

_RESTARTS = 3  # of a list with a cursor that is gone

_LONGEST_PAUSE = 64  # crawls with a smaller page size before the configured one is tried again

OnPage = Callable[[int, int | None], None]
"""Called for each page with its number of records and the total that it announces, None for none."""


class PageSize(msgspec.Struct, frozen=True):
    """How many records to request for a page, where an API has refused the `configured` size.

    A refusal may be lasting (a limit of the API) or come by chance (a gateway that answers 400 now and then).
    So a smaller size that the API `accepted` is used for one crawl, then the configured one again; each time
    that is refused, the `pause` is twice as long, and `left` counts its crawls. 0 is for no refusal.
    """

    configured: int
    accepted: int = 0
    left: int = 0
    pause: int = 0

    @property
    def requested(self) -> int:
        """The size for the next crawl."""
        return self.accepted if self.left else self.configured

    def after(self, requested: int, accepted: int) -> PageSize:
        """After a crawl that `requested` a size, of which the API `accepted` this one."""
        if accepted < requested:
            pause = min(_LONGEST_PAUSE, 2 * self.pause) or 1
            return PageSize(self.configured, accepted, pause, pause)
        if requested < self.configured:
            return PageSize(self.configured, self.accepted or requested, max(0, self.left - 1), self.pause)
        return PageSize(self.configured)


class ListReader:
    """Reads the queries of one collection; `on_page` is called for each page."""

    def __init__(
        self,
        target: settings.Target,
        config: settings.Settings,
        client: source.Client,
        precedence: Precedence,
        on_page: OnPage,
    ) -> None:
        self.digest_key = os.urandom(16)
        self.fingerprint = fingerprint(target, config)
        self._target = target
        self._limits = config.limits
        self._client = client
        self._on_page = on_page
        self._precedence = precedence
        self._reader = record_reader.Reader(
            target.mapping,
            characteristics=target.mapping.characteristics,
            numbers=target.numbers,
            selection=Selection.of(
                target.include_types, target.exclude_types, (config.shard.index, config.shard.count)
            ),
            length=config.limits.label_length,
            queries=_filtering(target),
        )
        self._filtered_out: Mapping[
            int, int
        ] = {}  # in the last full crawl, and not stored: digest, id's mark
        self._decoding = asyncio.Lock()
        self._knows_unit = False  # whether positions count records: the last lists were complete, and
        # longer than a page, so that records would be missing if that had changed
        self._knows_names = False  # whether lists were complete after positions were tried under other names
        self._position_warnings: dict[str, str] = {}  # of each query, as it was then
        self._page_size = PageSize(target.page_size)
        self._keys: frozenset[str] = frozenset()  # of the object that the first page of the present list is
        self._log = log.bind(collection=target.collection, api=target.api)

    def another_size(self, border: int) -> int:
        """A page size for which pages end elsewhere than in a crawl with pages of `border` records.

        A record that slipped through at the border of two pages there is within a page here. 0 is for a crawl
        with one page for each list, for which any size is good.
        """
        size = self._page_size.requested
        longest = min(border, size)
        return longest - 1 if longest > 1 else max(longest + 1, size)

    def doubt_unit(self) -> None:
        """Lets the next crawl find out again what positions count, since records are missing."""
        self._knows_unit = False

    async def read(
        self, draft: Draft, further: Mapping[str, str], page_size: int = 0
    ) -> list[results.ListResult]:
        """Pages through every query of the collection, each with the `further` parameters, into `draft`.

        `page_size` is 0 for the one that is set and that the API accepts. Raises `SourceError` where a list
        cannot be read.
        """
        target = self._target
        size = page_size or self._page_size.requested
        began = time.monotonic()
        list_results: list[results.ListResult] = []
        without_body: errors.Malformed | None = None

        for query in target.queries:
            draft.begin(size)
            try:
                result = await self._read_query(draft, {**query, **further}, size, began)
            except errors.Malformed as error:
                if error.reason != "empty":
                    raise
                without_body, result = error, _nothing(size)
                draft.add(decode.Batch(0, [], [], [], [], Counter()), time.time())
            list_results.append(result)
        if without_body and draft.start.records and not draft.items and not further:
            raise without_body  # a response without a body says too little to empty a collection
        accepted = min(result.page_size for result in list_results)
        self._accepted(size, accepted, page_size)
        if not further:
            are_complete = all(list_result.complete for list_result in list_results)
            self._knows_unit = are_complete and draft.is_longer_than_pages()
            self._knows_names = self._knows_names or are_complete
        await self._leave_out_unasked(draft)
        return list_results

    async def _read_query(
        self, draft: Draft, params: Mapping[str, str], size: int, began: float
    ) -> results.ListResult:
        """Reads one list, again where its cursor is gone, in a crawl that `began` at that time."""
        limits, self._keys = self._limits, frozenset()
        for is_last in (*[False] * _RESTARTS, True):
            queries = pagination.paginate(
                self._target.paging,
                size,
                params,
                width=limits.concurrency,
                caps=results.Caps(limits.pages, limits.records),
                unit="known" if self._knows_unit else "unknown",
                names="known" if self._knows_names else "unknown",
            )
            spent = time.monotonic() - began if draft.items else 0.0
            deadline = fetch.Deadline(limits.crawl_deadline, spent)
            decode_page = partial(self._decode_page, draft)
            result = await fetch.read_list(self._client, self._target.url, queries, decode_page, deadline)
            if not result.is_cut_off or is_last:
                break
            draft.begin_again(size)
        return self._with_position_warning(result, str(params))

    def _with_position_warning(self, result: results.ListResult, query: str) -> results.ListResult:
        """The result with what was found when positions were tried under other names: once in a lifetime."""
        if not self._knows_names:
            self._position_warnings[query] = result.position_warning
        return msgspec.structs.replace(result, position_warning=self._position_warnings.get(query, ""))

    async def _decode_page(self, draft: Draft, page: source.Page, query: Query) -> fetch.Store:
        try:
            batch = await self._decoded(page, draft.start)
        except errors.Malformed as error:
            raise self._client.unreadable(page.url, error) from error
        if query.first:
            self._keys = batch.keys
        # behind the end, some leave the list out of what is else the same object
        is_end = not query.first and batch.keys <= self._keys
        if batch.is_left_out and not is_end and not members.is_announced_empty(page.body):
            missing = envelope.without_list(page.body, query.paging.records)
            raise self._client.unreadable(page.url, missing) from None
        if batch.is_single:
            total = fetch.total(page, query.paging) or 0
            self._believe_single(page, query, total - draft.seen)
        size = query.page_size
        result = fetch.page_result(page, query, batch.positions(size), non_records=batch.filled(size))

        def store() -> results.PageResult:
            if query.role in ("unit", "names"):  # the same records once more
                return msgspec.structs.replace(result, new=draft.compare(batch, time.time()))
            is_other = bool(batch.items) and not draft.repeats_page(batch)
            new = draft.add(batch, time.time(), query.ordinal)
            self._on_page(batch.items, result.total)
            return msgspec.structs.replace(result, new=new, is_mixed=is_other and not new)

        return store

    async def _leave_out_unasked(self, draft: Draft) -> None:
        """Drops records that contradict the queries, unless the API proves to apply the filter.

        An API that applies it knows better: some list subtypes, or use a word in another sense.
        """
        for query in self._target.queries if draft.against else ():
            for condition in filters.conditions(query):
                if str(condition) not in draft.against.values():
                    continue
                found = await fetch.check_filter(self._client, self._target, query, condition)
                if found == "unknown":
                    draft.unproven.add(str(condition))
                if found != "applied":
                    draft.leave_out(str(condition))

    def _believe_single(self, page: source.Page, query: Query, left: int) -> None:
        """One object in answer to a list is a record where the API lists so, or had announced one more.

        `left` is the announced total less what has come.
        """
        if self._target.paging.style == "none" or left == 1 or query.role == "part":
            return
        error = errors.Malformed(
            "the answer is one object and no list",
            reason="envelope",
            hint="if the API lists a single record so, announce it by a total of 1 or set paging.style: none",
        )
        raise self._client.unreadable(page.url, error) from None

    def remember(self, draft: Draft) -> None:
        """A full crawl that is stored shows the next one which records are left out."""
        self._filtered_out = draft.filtered_out

    def draft(self, start: snapshot.Snapshot, outdated: Mapping[str, int]) -> Draft:
        """What a crawl of the collection is collected in."""
        return Draft(start, self._target.preserve_status_types, self.digest_key, outdated)

    def _accepted(self, asked: int, came: int, wanted: int) -> None:
        """Remembers the size of a page that the API did not refuse; `wanted` is 0 for the usual one."""
        if came == asked and wanted:
            return  # of a crawl in another size nothing is to be learnt, unless that is refused
        before, self._page_size = self._page_size, self._page_size.after(asked, came)
        if self._page_size.pause == before.pause:
            return
        if not self._page_size.pause:
            self._log.info("page size accepted", page_size=asked)
            return
        lasting = f"; if this lasts, set collections.{self._target.collection}.page_size to {came}"
        again = f"{self._page_size.configured} is tried again after {self._page_size.pause} crawls"
        hint = f"{again}{lasting if came > 1 else ''}"
        self._log.warning("page size reduced", refused=asked, accepted=came, hint=hint)

    async def _decoded(
        self, page: source.Page, start: snapshot.Snapshot
    ) -> decode.Batch[snapshot.StoredRecord]:
        """The page's records."""
        if len(page.body) < (_KNOWN_ABOVE if start.digests else _THREAD_ABOVE):
            async with self._precedence.step():
                return self._decode(page.body, start)
        async with self._decoding:  # several at a time would only wait for each other
            return await asyncio.to_thread(self._decode, page.body, start)

    def _decode(self, body: bytes, start: snapshot.Snapshot) -> decode.Batch[snapshot.StoredRecord]:
        return decode.page(
            body,
            self._reader,
            start.digests,
            self.digest_key,
            self._filtered_out,
            self._target.paging.records,
        )


def _nothing(size: int) -> results.ListResult:
    """The result of a list that is a response without a body."""
    return results.ListResult(
        complete=True,
        expected=None,
        received=0,
        unread_pages=0,
        unread_records=0,
        pages=1,
        reason="",
        page_size=size,
    )


def _filtering(target: settings.Target) -> tuple[dict[str, str], ...]:
    """The queries as far as records are compared with them: types that are chosen here need no filter."""
    chosen_here = filters.TYPE_KEYS if target.include_types else frozenset[str]()
    return tuple(
        {key: value for key, value in query.items() if key.lower() not in chosen_here}
        for query in target.queries
    )


def fingerprint(target: settings.Target, config: settings.Settings) -> str:
    """Two fingerprints with a colon between: of what decides which records there are, and how each is read.

    A snapshot is another inventory's where the first differs; where the second does, its records are to be
    decoded again.
    """
    which = (
        target.url,
        target.queries,
        target.include_types,
        target.exclude_types,
        (config.shard.index, config.shard.count),
    )
    how = (
        __version__,
        target.mapping,
        target.mapping.characteristics,
        target.numbers,
        target.preserve_status_types,
        config.limits.label_length,
    )
    return f"{_digest(which)}:{_digest(how)}"


def _digest(value: object) -> str:
    # sets and mappings in a fixed order: the fingerprint must be the same after a restart
    return blake2b(msgspec.json.encode(value, order="deterministic"), digest_size=8).hexdigest()
