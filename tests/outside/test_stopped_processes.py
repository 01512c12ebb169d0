"""Helper processes that somebody stopped: they keep neither a crawl nor the exporter from ending."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest

from exporter.workshop.crowd import Workshop
from tests.workshop.test_workshop import ASKED, KEY, PAGE, pids, running

PROCESSES = 4


async def test_a12_stopped_processes_are_ended_together_and_not_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {*range(PROCESSES)}, raising=False)
    workshop = Workshop(PROCESSES)
    async with workshop.open():
        await asyncio.gather(*(workshop.read(ASKED, KEY, PAGE) for _ in range(4 * PROCESSES)))
        found = pids(workshop)
        assert len(found) == PROCESSES
        for pid in found:
            os.kill(pid, signal.SIGSTOP)
        waiting = asyncio.gather(*(workshop.read(ASKED, KEY, PAGE) for _ in range(PROCESSES)))
        await asyncio.sleep(0)
        began = time.monotonic()
    # five seconds each, one after the other, were twenty; two seconds for all of them are far from ten
    assert time.monotonic() - began < 10
    assert not any(map(running, found))
    assert await waiting == [None] * PROCESSES
