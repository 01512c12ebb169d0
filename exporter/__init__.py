"""Prometheus exporter for TM Forum service (TMF638) and resource (TMF639) inventories.

The way of one page of data through the program, from the wire to `/metrics`:

1. `cli` loads the configuration (`settings.load`) and hands it to `app`, which builds each object once.
2. `collections.poller` decides when to ask for everything or for what changed in the last 24 hours;
   `collections.crawl` gets a `CrawlResult` (records, complete?) from the lists that `list_reader` reads.
3. `paging.pagination`, a generator without sockets, says which queries may be sent; `paging.fetch` sends
   them, a bounded number at once; `client.Client` turns one query into one `Page` of bytes, as fast as the
   API allows. Pages that keep failing are halved at the end (`paging.bisect`).
4. `inventory.decode` splits the bytes into raw records; those with a digest that the snapshot knows are
   carried over undecoded, the others become `record.Record` by `record_reader`, a compiled dialect, and are
   stored packed.
5. `inventory.draft` collects them and commits them: a new `Snapshot`, and what changed.
   `inventory.absences` notes what a crawl lacks, and decides when it may be removed.
6. `exposition.render` renders again, in a thread, the blocks that the changes made dirty: a `Body`. The
   `topology` gets the same changes: it keeps what follows from all records together.
7. `collections.store` swaps the bodies by one assignment; `web.server` copies its bytes to whoever scrapes;
   meanwhile steps 4 and 6 step aside (`precedence`).

What decides is a plain function of its arguments; what waits, opens or writes is thin and at the edge.
`docs/architecture.md` says who may import whom, and import-linter proves it.
"""

__version__ = "0.1.0"
