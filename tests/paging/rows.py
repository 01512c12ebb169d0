"""Lists with rows that cannot be read, in memory, and lists read through them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from exporter.inventory.dialects import Paging
from exporter.paging import pagination

OFFSET = Paging()
PAGE = Paging(style="page", size_param="size", position_param="page", first=1)
RANGE = Paging(style="range")
STYLES = {"offset": OFFSET, "page": PAGE, "range": RANGE}
CAPS = pagination.Caps(pages=10_000, records=1_000_000, failures=1_000_000)


@dataclass
class Server:
    """A list of `count` records; a page with one of the `bad` rows fails, one with a `shaky` row once.

    `clamp` is the most it gives at once; `fixed`, if not 0, what it gives whatever is asked for. `hidden`
    rows are left out after the page was cut. `is_down` fails everything.
    """

    count: int
    bad: AbstractSet[int] = frozenset()
    shaky: set[int] = field(default_factory=set)
    clamp: int = 1000
    fixed: int = 0
    announced: bool = True
    hidden: AbstractSet[int] = frozenset()
    cause: str = "504"
    is_down: bool = False

    def rows(self, how: Paging, query: pagination.Query) -> range:
        """What is asked for, cut to the list."""
        said = dict(query.params) | dict(query.headers)
        if how.style == "range":
            first, last = (int(text) - how.start for text in said["Range"].removeprefix("items=").split("-"))
            start, length = first, last + 1 - first
        else:
            start, length = int(said[how.position_param]), int(said[how.size_param])
        length = self.fixed or min(self.clamp, length)
        if how.style == "page":
            start = (start - how.start) * length
        return range(start, min(self.count, start + length))

    def seen(
        self, how: Paging, query: pagination.Query, known: AbstractSet[int]
    ) -> tuple[pagination.PageResult, set[int]]:
        """The answer as a result, and the records in it."""
        rows = set(self.rows(how, query))
        shaken = rows & self.shaky
        self.shaky -= shaken
        if self.is_down or rows & self.bad or shaken:
            failed = pagination.PageResult(
                query, 0, 0, None, unread=True, error=f"it answers {self.cause}", cause=self.cause
            )
            return failed, set()
        if query.role == "probe":
            return pagination.PageResult(query, 0, 0, None), set()
        given = rows - self.hidden
        total = self.count if self.announced else None
        return pagination.PageResult(query, len(given), len(given - known), total), given


class Run:
    """A list read to its end: `asked` are its queries, `received` the records that came."""

    def __init__(
        self,
        server: Server,
        how: Paging = OFFSET,
        size: int = 10,
        *,
        width: int = 4,
        seed: int | None = None,
        caps: pagination.Caps = CAPS,
    ) -> None:
        self.received: Counter[int] = Counter()
        self.asked: list[pagination.Query] = []
        self.spans: list[range] = []
        self.most_flying = 0
        order = random.Random(seed) if seed is not None else None
        generator = pagination.paginate(how, size, {}, width=width, caps=caps)
        flying = list(next(generator))
        while True:
            self.most_flying = max(self.most_flying, len(flying))
            query = flying.pop(order.randrange(len(flying)) if order else 0)
            self.asked.append(query)
            self.spans.append(server.rows(how, query))
            seen, records = server.seen(how, query, self.received.keys())
            self.received.update(records)
            try:
                flying += generator.send(seen)
            except StopIteration as stop:
                self.result: pagination.ListResult = stop.value
                break

    @property
    def parts(self) -> int:
        """Queries for less than a page."""
        return sum(query.role != "page" for query in self.asked)

    @property
    def bad(self) -> list[int]:
        """The single rows that could not be read."""
        return sorted(self.result.bad_rows)
