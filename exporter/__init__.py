"""Prometheus exporter for TM Forum service (TMF638) and resource (TMF639) inventories.

The way of one page of data through the house, from the wire to `/metrics`:

1. `cli` loads the settings (`settings.load`) and hands them to `app`, which builds each object once.
2. `poller.Poller.refresh` decides whether to ask for everything or for what changed in the last 24 hours, and
   `intake.Intake.crawl` gets it: pages in, a draft of records out.
3. `source.paging.walk`, a generator without sockets, says which queries may go out; `source.crawl` keeps a
   bounded number of them in flight; `source.client.Client.get` turns one query into one `Page` of bytes, as
   fast as the API bears. Pages that keep failing are taken apart at the end.
4. `inventory.decode.page` splits the bytes into raw records; those whose digest the snapshot knows are
   carried over undecoded, the others become `record.Record` by `fields.Reader`, a dialect compiled, and are
   held packed. While a first crawl brings very many, `workshop` has other processes do this.
5. `inventory.snapshot.Draft` collects them aside and commits them: a new `Snapshot`, and what changed. What a
   crawl lacks is noted by `inventory.absences`, which decides when it may be removed.
6. `metrics.render.Exposition` renders anew, in a thread, the blocks that the changes made dirty: a `Body`.
7. `site.Site` swaps the body by one assignment; `web.server` copies its bytes to whoever scrapes;
   meanwhile steps 4 and 6 step aside (`precedence`).

What decides is a plain function of its arguments; what waits, opens or writes is thin and stands at the edge.
`docs/architecture.md` says who may import whom, and import-linter proves it.
"""

__version__ = "0.1.0"
