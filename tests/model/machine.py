"""A model of the truth, and everything that may happen to the exporter beside it.

What is true is the simulator's fleet of services; `server` shows it, or lies about it. The machine lets
services come, go and change, also while they are listed, the API fail and lie in many ways, refreshes of both
kinds happen in any order and be cancelled, and the process restart. After every step it compares what is
published with what may be published, and what is called complete with what is true.
"""

from __future__ import annotations

import asyncio
import random
import re
import shutil
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path

import structlog
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from exporter import app, state_file
from exporter.simulator.record import OUT_OF_SERVICE, RETIRED, STATUSES
from exporter.simulator.ses import STATUS
from tests import crawling
from tests.model.server import LIES, Server, has_twin
from tests.virtual_time import VirtualTimeLoop

WORDS = tuple(word for word in STATUSES if word not in OUT_OF_SERVICE)
FAULTS = (
    *("500:share=0.3", "502:share=0.3,collection=services", "504:rows=3", "504:rows=2+9,collection=services"),
    *("429:share=0.3,retry_after=0", "html:share=0.3", "truncate:share=0.3", "error-object:share=0.3"),
    *("500:share=1", "html:share=1", "504:pages=2", "empty", "duplicates:share=0.3", "null-ids:share=0.1"),
)
BELIEVED = {"empty", "null-ids:share=0.1"}
"""Faults that nobody can tell from the truth, if they last."""

HARMLESS = ("records without id that begin alike",)
"""Lies in spite of which everything true is shown and called complete."""

GUARD = 0.6
CHANGES = {
    "collections": {"services": {"page_size": 3}},
    "limits.retries": 1,
    "retention.reject_share": 0.5,
    "retention.shrink_guard": GUARD,  # or the guard would hide what completeness must see to
}
TYPED = {"collections": {"services": {"page_size": 3, "query": {"@type": "CustomerFacingService"}}}}
APIS = (
    {"dialect": "ses"},  # page numbers, changes on request, no total
    {"dialect": "tmf-v4"},  # positions, a filter by type and a total
    {"dialect": "tmf-v4", "quirks": ("no-headers",)},  # the same without a total
)
SHOWN = {
    "ses": STATUS,
    "tmf-v4": {word: "active" if word in ("operational", "degraded") else "inactive" for word in WORDS},
}
STATUS_LINE = re.compile(r'^ses_inventory_service_status\{service_id="([^"]+)",status="([^"]*)"\} 1$', re.M)
COUNT_LINE = re.compile(r'^ses_inventory_services\{status="([^"]*)",.*\} (\d+)$', re.M)
COMPLETE_LINE = 'ses_inventory_exporter_complete{collection="services"} 1'
PROVEN = 3
"""Clean crawls that are called complete, after which a record that is gone is shown no more."""
WELL_AGAIN = 10
"""Refreshes after which all is as it is: 3 of calm, 4 crawls that lack a record, 3 confirmations."""


class Exporting(RuleBasedStateMachine):
    """One collection, its truth, and what has been shown of it."""

    @initialize(services=st.integers(1, 18), api=st.sampled_from(APIS), width=st.sampled_from((1, 3)))
    def start(self, services: int, api: dict[str, object], width: int) -> None:
        """A new world, a new process."""
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
        self.folder = Path(tempfile.mkdtemp())
        self.runner = asyncio.Runner(loop_factory=VirtualTimeLoop)
        self.stack = AsyncExitStack()
        self.clock = int(time.time())
        self.run(self._start({"services": services, **api}, width))
        self.ever = dict.fromkeys(self.truth(), "")
        self.must: set[str] = set()
        self.late: Counter[str] = Counter()
        self.look()
        self.accepted: frozenset[str] = frozenset()
        self.missed: Counter[str] = Counter()
        self.lying = False

    async def _start(self, options: dict[str, object], width: int) -> None:
        options = {**options, "carriers": 2, "resources": 6}
        self.server = await self.stack.enter_async_context(Server(replace(crawling.SMALL, **options)))
        changes = {**CHANGES, **(TYPED if options["dialect"] != "ses" else {}), "limits.concurrency": width}
        config = crawling.configured(self.server, self.folder, changes)
        self.built = await self.stack.enter_async_context(app.built(config))

    def run(self, work):
        """Runs a coroutine to its end."""
        return self.runner.run(work)

    @property
    def poller(self):
        """The one poller."""
        return crawling.poller(self.built, "services")

    def truth(self) -> dict[str, str]:
        """What there is: the exporter's id of each service, and its status."""
        services = self.server.fleet.records("service")
        return {record.code: record.status for record in services if record.status != RETIRED}

    def look(self) -> None:
        """Scrapes: `shown` are id and status word of each service, `counts` are by status word."""
        text = crawling.text(self.built)
        found = STATUS_LINE.findall(text)
        self.shown, self.counts = dict(found), Counter[str]()
        assert len(found) == len(self.shown), "exactly one status a record"
        for status, count in COUNT_LINE.findall(text):
            self.counts[status] += int(count)
        self.complete = COMPLETE_LINE in text

    # --- the world ---

    def now(self) -> int:
        """A later moment than the last one, in whole seconds, as records show them."""
        self.clock += 1
        return self.clock

    @rule()
    def add(self) -> None:
        """A service comes."""
        record = self.server.fleet.add_service(self.now())
        self.ever[record.code] = ""

    @rule(which=st.integers(0, 99))
    def remove(self, which: int) -> None:
        """A service goes."""
        known = sorted(self.truth())
        if known:
            ident = known[which % len(known)]
            self.server.fleet.remove(ident)
            self.must.discard(ident)

    @rule(which=st.integers(0, 99), word=st.sampled_from(WORDS))
    def change(self, which: int, word: str) -> None:
        """A service's status changes."""
        known = sorted(self.truth())
        if known:
            self.server.fleet.set_status(known[which % len(known)], word, self.now())

    @rule(whiches=st.lists(st.integers(0, 99), min_size=1, max_size=8))
    def churn(self, whiches: list[int]) -> None:
        """From now on one service goes and another one comes before each of the next answers."""
        for which in whiches:
            self.server.moves.append(lambda which=which: which % 3 != 1 and self.remove(which // 3))
            if which % 3 != 2:
                self.server.moves.append(self.add)

    @rule(fault=st.lists(st.sampled_from(FAULTS), max_size=2))
    def trouble(self, fault: list[str]) -> None:
        """The API begins to fail, or ends."""
        crawling.trouble(self.server, *fault)
        self.lying = bool(set(fault) & BELIEVED)

    @rule(
        names=st.sets(st.sampled_from(LIES), max_size=2),
        share=st.sampled_from((0.3, 1.0)),
        seed=st.integers(0, 999),
        crawls=st.sampled_from((0, 1, 5)),
    )
    def lie(self, names: set[str], share: float, seed: int, crawls: int) -> None:
        """The API begins to lie, or ends, and everything is asked for some times."""
        self.server.lies, self.server.share = frozenset(names), share
        self.server.draw = random.Random(seed)
        for _ in range(crawls):
            self.full()

    # --- the exporter ---

    def refresh(self, work=None, mode=None) -> None:
        """One refresh, or the work that may be one, and what it may have changed."""
        before, claimed = self.shown, self.poller.status.last_full_success
        calm = not (self.server.moves or self.server.lies - set(HARMLESS) or self.lying)
        moving = bool(self.server.moves) or "a copy out of step" in self.server.lies
        self.server.begin()
        with suppress(asyncio.CancelledError):
            self.run(work or self.poller.refresh(mode))
        self.look()
        self._missed(before, self.shown)
        self.accepted -= self.server.listed
        if self.poller.status.last_full_success != claimed:
            always = self.server.always or set()
            self._true(self.shown, always & before.keys() if moving else always, calm)
            shared = any(map(has_twin, always)) and "ids shared by types" in self.server.lies
            assert moving or self.lying or not shared, "complete with half of the records"
        if self.lying and self.poller.status.complete:
            # an empty list or one without ids, confirmed as often as the settings want: then it is so
            self.must.clear()
        self.must |= self.shown.keys() & self.truth().keys()

    @rule()
    def delta(self) -> None:
        """A refresh, of what changed if nothing else is due."""
        self.refresh()

    @rule()
    def full(self) -> None:
        """A refresh of everything."""
        self.refresh(mode="full")

    @rule(point=st.sampled_from(("update", "_counted")), answers=st.integers(0, 9))
    def cancel(self, point: str, answers: int) -> None:
        """A refresh ends before one of its answers, or after it has rendered or counted."""
        owner = self.poller._exposition if point == "update" else self.poller
        done = getattr(owner, point)

        def ending(*args):
            done(*args)
            raise asyncio.CancelledError

        setattr(owner, point, ending)
        self.refresh(self._cancelled(answers))
        setattr(owner, point, done)

    async def _cancelled(self, answers: int) -> None:
        work = asyncio.create_task(self.poller.refresh("full"))
        self.server.moves.extend([*[lambda: None] * answers, work.cancel])
        try:
            await work
        finally:
            self.server.moves.clear()

    @rule()
    def accept(self) -> None:
        """The operator overrules the shrink guard."""
        self.accepted = self.poller._guard.pending
        self.built.store.accept(())

    @rule(added=st.integers(0, 30))
    def outlive(self, added: int) -> None:
        """Most go, others come, and the operator accepts that; before it is done, all seem to be gone."""
        self.lie(set(), 1.0, 0, crawls=0)
        self.trouble([])
        for _ in range(len(self.truth()) - 1):
            self.remove(0)
        self.full()
        for _ in range(added):
            self.add()
        self.full()
        self.accept()
        for fault in ("500:share=1", "empty"):
            self.trouble([fault])
            self.full()

    @rule(state=st.sampled_from(("now", "older", "lost")))
    def restart(self, state: str) -> None:
        """The process is killed and starts again, with the state file of now, an older one or none."""
        if state == "now":
            state_file.write(self.folder / "state", self.built.group.saved(), time.time())
        elif state == "lost":
            (self.folder / "state").unlink(missing_ok=True)
        self.run(self._restart())
        self.accepted = frozenset()
        self.look()
        self.must &= self.shown.keys()

    async def _restart(self) -> None:
        self.built = await self.stack.enter_async_context(app.built(self.built.config))
        await self.built.group.restore(state_file.read(self.folder / "state"))

    @rule(left=st.sets(st.sampled_from(HARMLESS)))
    def recover(self, left: set[str]) -> None:
        """The API is well again, and soon all is as it is.

        That takes the calm after servers were out of step, the crawls that a removal takes, and those in a
        row that the shrink guard wants.
        """
        crawling.trouble(self.server)
        self.server.moves.clear()
        self.server.lies = frozenset(left)
        self.lying = False
        words = SHOWN[self.server.options.dialect]
        truth = {ident: words[status] for ident, status in self.truth().items()}
        for _ in range(WELL_AGAIN):
            self.full()
            if self.poller.status.complete and self.shown == truth:
                break
        assert self.poller.status.complete, self.poller.recorder.problem
        assert self.shown == truth

    # --- what must hold ---

    def _true(self, shown: dict[str, str], always: set[str], calm: bool) -> None:
        """What is called complete is true: nothing is missing, nothing is old, what is gone goes.

        `always` was there all along. In a list that moves, one that nobody has seen yet may be missed.
        """
        assert self.complete
        assert self.lying or always <= shown.keys(), f"complete without {always - shown.keys()}"
        words = SHOWN[self.server.options.dialect]
        for ident in always & shown.keys():
            true = {words[status] for status in self.server.words[ident]}
            assert shown[ident] in true, f"{ident} is {shown[ident]}, which it was not"
        gone = shown.keys() - self.truth().keys()
        self.late = Counter({ident: self.late[ident] + 1 for ident in gone if calm})
        assert all(crawls < PROVEN for crawls in self.late.values()), "gone for long, and shown"

    def _missed(self, before: dict[str, str], shown: dict[str, str]) -> None:
        """What was listed is not removed, and much at once only if it was missing often, or accepted."""
        self.missed = Counter(
            {ident: self.missed[ident] + 1 for ident in self.ever if ident not in self.server.listed}
        )
        removed = before.keys() - shown.keys()
        assert not removed & self.server.listed, "removed although it was listed"
        if len(removed - self.accepted) > GUARD * len(before):
            assert min(self.missed[ident] for ident in removed) >= 3, "removed at once"

    @invariant()
    def holds(self) -> None:
        """Nothing is invented, nothing is lost, and what is counted is what is shown."""
        if not hasattr(self, "must"):
            return
        assert self.shown.keys() <= self.ever.keys(), "a record that never existed"
        assert self.must <= self.shown.keys(), f"lost, though it is there: {self.must - self.shown.keys()}"
        assert +self.counts == Counter(self.shown.values()), "the counts are of something else"

    def teardown(self) -> None:
        """Ends the world."""
        if hasattr(self, "runner"):
            self.run(self.stack.aclose())
            self.runner.close()
            shutil.rmtree(self.folder)
