"""A model of the truth, and everything that may happen to the exporter beside it.

What is true is the simulator's fleet of services. The machine lets services come, go and change, the API fail
in many ways, refreshes of both kinds happen in any order, and the process restart; after every step it
compares what is published with what may be published.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import structlog
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from exporter import app, state_file
from exporter.simulator.record import RETIRED, STATUSES
from exporter.simulator.ses import STATUS
from tests import crawling

WORDS = tuple(word for word in STATUSES if word != RETIRED)
FAULTS = (
    *("500:share=0.3", "502:share=0.3,collection=services", "504:rows=3", "504:rows=2+9,collection=services"),
    *("429:share=0.3,retry_after=0", "html:share=0.3", "truncate:share=0.3", "error-object:share=0.3"),
    *("500:share=1", "html:share=1", "504:pages=2", "empty", "duplicates:share=0.3", "null-ids:share=0.1"),
)
CHANGES = {
    "collections": {"services": {"page_size": 3}},
    "limits.retries": 1,
    "limits.concurrency": 3,
    "retention.reject_share": 0.5,
    "retention.shrink_guard": 0.6,  # or the guard would hide what completeness must see to
}


class Exporting(RuleBasedStateMachine):
    """One collection, its truth, and what has been shown of it."""

    @initialize(services=st.integers(1, 24))
    def start(self, services: int) -> None:
        """A new world, a new process."""
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
        self.folder = Path(tempfile.mkdtemp())
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.run(self._start(services))
        self.ever = dict.fromkeys(self.truth(), "")
        self.must: set[str] = set()
        self.lying = False

    async def _start(self, services: int) -> None:
        house = crawling.house(self.folder, CHANGES, services=services, carriers=2, resources=6)
        self.simulator, self.built = await self.stack.enter_async_context(house)
        self.quicken()

    def quicken(self) -> None:
        """Requests without the pauses between them, of which there would be hours."""
        for client in self.built.crew._clients.values():
            client._backoff = 0.0
            client._gate._concurrency.gap = 0.0

    def run(self, work):
        """Runs a coroutine to its end."""
        return self.runner.run(work)

    def refresh(self) -> None:
        """One refresh."""
        self.quicken()
        self.run(self.poller.refresh())

    @property
    def poller(self):
        """The one poller."""
        return crawling.poller(self.built, "services")

    def truth(self) -> dict[str, str]:
        """What there is: the exporter's id of each service, and its status."""
        services = self.simulator.fleet.records("service")
        return {record.code: record.status for record in services if record.status != RETIRED}

    def published(self) -> dict[str, str]:
        """What is shown: id and status word of each service."""
        pattern = re.compile(r'^ses_inventory_service_status\{service_id="([^"]+)",status="([^"]*)"\} 1$')
        found = [pattern.match(line) for line in crawling.lines(self.built, "ses_inventory_service_status{")]
        shown = [(one.group(1), one.group(2)) for one in found if one]
        assert len(shown) == len(dict(shown)), "exactly one status a record"
        return dict(shown)

    # --- the world ---

    @rule()
    def add(self) -> None:
        """A service comes."""
        record = self.simulator.fleet.add_service(time.time())
        self.ever[record.code] = ""

    @rule(which=st.integers(0, 99))
    def remove(self, which: int) -> None:
        """A service goes."""
        known = sorted(self.truth())
        if known:
            ident = known[which % len(known)]
            self.simulator.fleet.remove(ident)
            self.must.discard(ident)

    @rule(which=st.integers(0, 99), word=st.sampled_from(WORDS))
    def change(self, which: int, word: str) -> None:
        """A service's status changes."""
        known = sorted(self.truth())
        if known:
            self.simulator.fleet.set_status(known[which % len(known)], word, time.time())

    @rule(fault=st.lists(st.sampled_from(FAULTS), max_size=2))
    def trouble(self, fault: list[str]) -> None:
        """The API begins to fail, or ends."""
        crawling.trouble(self.simulator, *fault)
        self.lying = bool(set(fault) & {"empty", "null-ids:share=0.1"})

    # --- the exporter ---

    @rule()
    def delta(self) -> None:
        """A refresh, of what changed if nothing else is due."""
        self.refresh()
        self._learn()

    @rule()
    def full(self) -> None:
        """A refresh of everything."""
        self.poller._next_full = 0.0
        self.refresh()
        self._learn()

    @rule()
    def accept(self) -> None:
        """The operator overrules the shrink guard."""
        self.built.site.accept(())

    @rule(saved=st.booleans())
    def restart(self, saved: bool) -> None:
        """The process is killed and starts again, with the state file of now or with an older one."""
        if saved:
            state_file.write(self.folder / "state", self.built.crew.kept(), time.time())
        self.run(self._restart())
        self.must &= self.published().keys()

    async def _restart(self) -> None:
        self.built = await self.stack.enter_async_context(app.built(self.built.config))
        self.quicken()
        await self.built.crew.restore(state_file.read(self.folder / "state"))

    @rule()
    def recover(self) -> None:
        """The API is well again: as many complete crawls as the shrink guard wants, and all is as it is.

        Before, rows that kept failing have their rest; until then the exporter says that they are missing.
        """
        crawling.trouble(self.simulator)
        self.lying = False
        resting = [row.rest for known in self.poller._intake.bad_rows for row in known.rows]
        for _ in range(4 + max(resting, default=0)):
            self.poller._next_full = 0.0
            self.refresh()
        assert self.poller.state.complete, self.poller.state.problem
        assert self.published().keys() == self.truth().keys()
        for ident, shown in self.published().items():
            record = self.poller.snapshot.records[ident].record
            assert record.status == shown
            assert shown == STATUS[self.truth()[ident]]
        self._learn()

    # --- what must hold ---

    def _learn(self) -> None:
        if self.lying and self.poller.state.complete:
            # an empty list or one without ids, confirmed as often as the settings want: then it is so
            self.must.clear()
        self.must |= self.published().keys() & self.truth().keys()

    @invariant()
    def holds(self) -> None:
        """Nothing is invented, nothing is lost."""
        if not hasattr(self, "must"):
            return
        shown = self.published()
        assert shown.keys() <= self.ever.keys(), "a record that never existed"
        assert self.must <= shown.keys(), "a record that every complete crawl has shown"

    def teardown(self) -> None:
        """Ends the world."""
        if hasattr(self, "runner"):
            self.run(self.stack.aclose())
            self.runner.close()
            shutil.rmtree(self.folder)
