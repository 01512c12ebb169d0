"""Whether an API applies a filter of a query: one more request, with a value that no record has.

An API that answers with records ignores the filter; one that lists none, or refuses the value, applies it.
Whether a record contradicts a filter is in `inventory.filters`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from exporter import errors, settings
from exporter.client import Client, Page
from exporter.inventory import decode
from exporter.inventory.filters import Condition
from exporter.paging import pagination

NO_SUCH_WORD, NO_SUCH_NUMBER = "no-such-value-7c1e", "987654321"
_NO_CAPS = pagination.Caps(pages=1, records=10**9)

FilterStatus = Literal["applied", "ignored", "unknown"]


async def check_filter(
    client: Client, target: settings.Target, query: Mapping[str, str], condition: Condition
) -> FilterStatus:
    """Whether the API lists records though no record has the requested value."""
    return classify(await unmatched(client, target, query, condition))


def classify(answer: Page | errors.SourceError) -> FilterStatus:
    """What the answer to a query that no record matches shows; a request that failed shows nothing.

    A status below 500 that is not about authentication refuses the value.
    """
    if isinstance(answer, errors.Refused):
        return "applied" if answer.reason in ("status", "not_found") else "unknown"
    if isinstance(answer, errors.SourceError):
        return "unknown"
    return "ignored" if decode.split(answer.body) else "applied"


async def unmatched(
    client: Client, target: settings.Target, query: Mapping[str, str], condition: Condition
) -> Page | errors.SourceError:
    """The answer to the query with a value that no record has, or the error of the request."""
    value = NO_SUCH_NUMBER if condition.written.isdigit() else NO_SUCH_WORD
    try:
        page = await first_page(client, target, {**query, condition.key: value})
        decode.split(page.body)
    except errors.SourceError as error:
        return error
    return page


async def first_page(client: Client, target: settings.Target, query: Mapping[str, str]) -> Page:
    """The first page of a list, asked for once; raises `SourceError`."""
    first, *_ = next(pagination.paginate(target.paging, target.page_size, query, width=1, caps=_NO_CAPS))
    return await client.get(target.url, first.params, dict(first.headers), 0, first.paging.total_header)
