"""Scrapes go first, and nobody waits long for them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from exporter.precedence import LONGEST, SHORT, Precedence

from . import crawling


async def test_work_waits_for_a_scrape_to_end_and_goes_on_at_once_then() -> None:
    precedence = Precedence()
    done: list[str] = []

    async def work() -> None:
        async with precedence.step():
            done.append("work")

    with precedence.scrape():
        working = asyncio.create_task(work())
        await asyncio.sleep(0)
        done.append("scrape")
    await working
    assert done == ["scrape", "work"]


async def test_work_of_threads_waits_as_well() -> None:
    precedence = Precedence()
    done: list[str] = []

    def work() -> None:
        precedence.pause()
        done.append("work")

    with precedence.scrape():
        working = asyncio.create_task(asyncio.to_thread(work))
        await asyncio.sleep(0)
        done.append("scrape")
    await working
    assert done == ["scrape", "work"]


async def test_in_one_turn_of_the_event_loop_one_step_is_done() -> None:
    precedence = Precedence()
    turns: list[int] = []
    turn = 0

    async def work() -> None:
        async with precedence.step():
            turns.append(turn)

    working = asyncio.gather(*(work() for _ in range(5)))
    while not working.done():
        turn += 1
        await asyncio.sleep(0)
    assert len(set(turns)) == 5, turns


async def test_where_scrapes_never_cease_work_goes_on_all_the_same() -> None:
    precedence = Precedence()
    with precedence.scrape():
        for _ in range(10):
            async with precedence.step():
                pass
        await asyncio.to_thread(precedence.pause)


async def test_a_scrape_that_is_read_slowly_is_soon_no_reason_to_wait() -> None:
    loop = asyncio.get_running_loop()
    precedence = Precedence(loop.time)

    async def waited() -> float:
        before = loop.time()
        async with precedence.step():
            return loop.time() - before

    assert await waited() == 0.0
    with precedence.scrape():
        assert await waited() == pytest.approx(LONGEST)
        await asyncio.sleep(SHORT)
        assert await waited() == 0.0
        with precedence.scrape():
            assert await waited() == pytest.approx(LONGEST)


async def test_a_refresh_succeeds_while_scrapes_never_cease(tmp_path: Path) -> None:
    async with crawling.house(tmp_path) as (_, built):
        with built.store.precedence.scrape():
            poller = crawling.poller(built, "carriers")
            await poller.refresh()
            assert poller.published
