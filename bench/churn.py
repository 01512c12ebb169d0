"""Records come and go while the list is paged: is a live one removed, when is a deleted one gone?

`python -m bench.churn [DELETIONS]` serves a list of 2,000 records that changes between any two answers,
crawls it again and again with the poller of the exporter over real sockets, and compares what is stored with
the truth. Each row is one way to read: with and without a total, one request at a time and four with jitter,
one server and two of which one is behind the other.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import sys
import tempfile
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from aiohttp import web

from bench import programs
from exporter import app, settings

RECORDS = 2_000
PAGE = 40
A_CRAWL = 10.0  # deletions, and as many insertions, while the list is read once, on average


@dataclass(frozen=True)
class Case:
    """One way to read the list; `behind` is by how many changes a second server lags, 0 for one server."""

    total: bool = True
    concurrency: int = 1
    behind: int = 0
    style: str = "offset"

    def __str__(self) -> str:
        servers = f"two servers, {self.behind} changes apart" if self.behind else "one server"
        total = "total" if self.total else "no total"
        return f"{self.style}, {total}, {self.concurrency} at once, {servers}"


CASES = tuple(
    Case(total, concurrency, behind, style)
    for style, behind in (("offset", 0), ("page", 0), ("offset", 6))
    for total in (True, False)
    for concurrency in (1, 4)
)


@dataclass
class Truth:
    """The list as it is, as a second server has it, and what happened to it."""

    random: random.Random
    behind: int = 0
    records: list[int] = field(default_factory=lambda: list(range(RECORDS)))
    lagging: list[int] = field(default_factory=lambda: list(range(RECORDS)))
    pending: deque[tuple[str, int, int]] = field(default_factory=deque)
    crawls: int = 0
    deleted: dict[int, int] = field(default_factory=dict)  # ident → crawls begun when it was
    made: int = RECORDS

    def change(self) -> None:
        """One deletion and one insertion, each anywhere."""
        ident = self.random.choice(self.records)
        self._apply(("delete", ident, 0))
        self.deleted[ident] = self.crawls
        before = self.random.choice(self.records)
        self._apply(("insert", self.made, before))
        self.made += 1

    def _apply(self, change: tuple[str, int, int]) -> None:
        _applied(self.records, change)
        self.pending.append(change)
        while len(self.pending) > self.behind:
            _applied(self.lagging, self.pending.popleft())

    def shown(self) -> list[int]:
        """The list as one of the servers has it."""
        return self.lagging if self.behind and self.random.random() < 0.5 else self.records


def _applied(records: list[int], change: tuple[str, int, int]) -> None:
    kind, ident, before = change
    if kind == "delete":
        records.remove(ident)
    else:
        # where its neighbour has gone meanwhile the end will do
        records.insert(records.index(before) if before in records else len(records), ident)


@dataclass
class Result:
    """What came of one case."""

    case: Case
    deletions: int
    live_removed: int
    crawls: list[int]  # begun after a deletion until the record was gone
    refreshes: list[int]  # full refreshes, of one or two crawls each, that ended until then
    left: int
    complete: float  # share of the refreshes after which the list was called complete


@asynccontextmanager
async def served(case: Case, truth: Truth) -> AsyncIterator[str]:
    """The list on a socket."""

    async def page(request: web.Request) -> web.Response:
        size = int(request.query["limit"])
        start = int(request.query["offset"])
        if case.style == "page":
            start = (start - 1) * size
        if start == 0:
            truth.crawls += 1
        if case.concurrency > 1:
            await asyncio.sleep(truth.random.uniform(0.0, 0.003))
        if truth.random.random() < A_CRAWL * PAGE / RECORDS:
            truth.change()
        shown = truth.shown()
        items = [
            {"id": f"S{ident:06}", "@type": "Service", "state": "active", "name": f"Service {ident}"}
            for ident in shown[start : start + size]
        ]
        headers = {"X-Total-Count": str(len(shown))} if case.total else {}
        return web.Response(body=json.dumps(items).encode(), content_type="application/json", headers=headers)

    application = web.Application()
    application.router.add_get("/service", page)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def configured(case: Case, url: str, folder: Path) -> settings.Settings:
    """Settings that read the list."""
    paging = {"style": case.style}
    if case.style == "page":
        paging |= {"position_param": "offset", "size_param": "limit", "first": 1}
    tree = {
        "apis": {"tmf638": {"url": url, "dialect": "tmf-v4"}},
        "collections": {"services": {"query": {}, "page_size": PAGE, "paging": paging}},
        "limits": {"concurrency": case.concurrency, "retries": 0},
        "web": {"listen_address": "127.0.0.1:0"},
    }
    file = folder / "churn.yaml"
    file.write_text(yaml.safe_dump(tree))
    return settings.load(file, {})


async def run(case: Case, deletions: int, seed: int = 0) -> Result:
    """Crawls until so many records have been deleted, then until what was deleted had three more crawls."""
    truth = Truth(random.Random(seed), case.behind)
    live_removed, gone, refreshes, complete = 0, list[int](), list[int](), list[bool]()
    stored: set[str] = set()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = await stack.enter_async_context(served(case, truth))
        built = await stack.enter_async_context(app.built(configured(case, url, folder)))
        (poller,) = built.pollers
        waiting: dict[int, int] = {}
        since: dict[int, int] = {}
        while len(truth.deleted) < deletions:
            await poller.refresh()
            complete.append(bool(poller.status.complete))
            now = set(poller.snapshot.records)
            live = {f"S{ident:06}" for ident in truth.records}
            live_removed += len((stored - now) & live)
            for ident, crawls in truth.deleted.items():
                waiting.setdefault(ident, crawls)
                since.setdefault(ident, len(complete) - 1)
            for ident in [ident for ident in waiting if f"S{ident:06}" not in now and waiting[ident] >= 0]:
                if f"S{ident:06}" in stored:
                    gone.append(truth.crawls - waiting[ident])
                    refreshes.append(len(complete) - 1 - since[ident])
                waiting[ident] = -1
            stored = now
    left = sum(0 <= crawls < truth.crawls - 3 for crawls in waiting.values())
    return Result(case, len(truth.deleted), live_removed, gone, refreshes, left, statistics.mean(complete))


HEAD = (
    "deletions",
    "live removed",
    "crawls until gone: median",
    "at most",
    "left after 3",
    "called complete",
)


def row(result: Result) -> tuple[str, ...]:
    """The cells of one result."""
    return (
        str(result.deletions),
        str(result.live_removed),
        f"{statistics.median(result.crawls or [0]):.0f}",
        str(max(result.crawls, default=0)),
        str(result.left),
        f"{result.complete:.0%}",
    )


def main() -> int:
    """Prints the table; 1 where a live record was removed."""
    programs.log_as_the_exporter()
    deletions = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    print(f"| list | {' | '.join(HEAD)} |\n|---|{'---|' * len(HEAD)}")
    wrong = 0
    for case in CASES:
        result = asyncio.run(run(case, deletions))
        wrong += result.live_removed
        print(f"| {case} | {' | '.join(row(result))} |", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
