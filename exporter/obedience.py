"""Asks an API whether it obeys a condition of a query: by the same query with a value that no record has.

An API that answers it with records ignores the condition; one that lists none, or refuses the value, looks at
it. What records show of a condition is `inventory.filters`' business. Invariant: one request, never repeated.
"""

from __future__ import annotations

from collections.abc import Mapping

from exporter import errors, settings
from exporter.client.client import Client, Page
from exporter.inventory import decode
from exporter.inventory.filters import Condition
from exporter.paging import pagination

NO_SUCH_WORD, NO_SUCH_NUMBER = "no-such-value-7c1e", "987654321"
_NO_CAPS = pagination.Caps(pages=1, records=10**9)


async def is_ignored(
    client: Client, target: settings.Target, query: Mapping[str, str], condition: Condition
) -> bool:
    """Whether the API lists records though no record has the value that is asked for; False if it fails."""
    page = await unmatched(client, target, query, condition)
    return page is not None and bool(decode.split(page.body))


async def unmatched(
    client: Client, target: settings.Target, query: Mapping[str, str], condition: Condition
) -> Page | None:
    """The answer to the query with a value that no record has; None where it is refused or no page."""
    value = NO_SUCH_NUMBER if condition.written.isdigit() else NO_SUCH_WORD
    try:
        page = await first_page(client, target, {**query, condition.key: value})
        decode.split(page.body)
    except errors.SourceError:
        return None
    return page


async def first_page(client: Client, target: settings.Target, query: Mapping[str, str]) -> Page:
    """The first page of a list, asked for once; raises `SourceError`."""
    first, *_ = next(pagination.walk(target.paging, target.page_size, query, width=1, caps=_NO_CAPS))
    return await client.get(target.url, first.params, dict(first.headers), 0, first.paging.total_header)
